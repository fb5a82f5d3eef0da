"""Makes PyTorch's shared libraries smaller for a machine without a GPU: drops GPU code and debuggers' tables.

Of libtorch_cuda's 520 MB, 337 are GPU code, which only CUDA's runtime would read (and beside cuda_stubs.py there is
none), and 80 are symbol tables for debuggers. The host's code, every exported symbol and all data stay where they are
in memory: the place of the GPU code becomes zeroed memory that takes no room in the file. A trimmed library has no
section headers: it can be loaded, not linked against.

ELF for 64-bit little-endian machines, as in elf(5); sizes and offsets in bytes.
"""

import argparse
import struct
from dataclasses import dataclass, replace
from pathlib import Path

GPU_CODE = (".nv_fatbin", "__nv_relfatbin")
PAGE = 4096
PT_LOAD = 1
SHT_NOBITS, SHF_ALLOC = 8, 2
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")


class NotTrimmableError(Exception):
    """The file is no library that this program understands; it stays as it is."""


@dataclass(frozen=True)
class Segment:
    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int

    def holds(self, address: int) -> bool:
        return self.kind == PT_LOAD and self.address <= address < self.address + self.memory_size


@dataclass(frozen=True)
class Section:
    name: str
    kind: int
    flags: int
    address: int
    size: int

    @property
    def is_loaded(self) -> bool:
        return bool(self.flags & SHF_ALLOC) and self.kind != SHT_NOBITS


def trim(image: bytes) -> bytes:
    """A library's bytes without GPU code, symbol tables for debuggers and section headers.

    Raises:
        NotTrimmableError: no 64-bit ELF file with section headers, or no room for the segments that a cut needs.
    """
    header = _header(image)
    segments, sections = read_segments(image, header), read_sections(image, header)
    for section in sections:
        if section.name in GPU_CODE and section.is_loaded:
            segments = cut(segments, section.address, section.address + section.size)
    _require_room(header, segments, sections)
    moved = place(segments)
    return _write(image, header, segments, moved)


def cut(segments: list[Segment], start: int, end: int) -> list[Segment]:
    """Replace the whole pages between two addresses by zeroed memory: their segment becomes three."""
    first, last = -(-start // PAGE) * PAGE, end // PAGE * PAGE
    if first >= last:
        return segments
    whole = next(segment for segment in segments if segment.holds(start))
    rest = last - whole.address
    before = replace(whole, file_size=first - whole.address, memory_size=first - whole.address)
    zeroed = replace(whole, offset=0, address=first, physical=first, file_size=0, memory_size=last - first)
    after = replace(
        whole,
        offset=whole.offset + rest,
        address=last,
        physical=last,
        file_size=whole.file_size - rest,
        memory_size=whole.memory_size - rest,
    )
    at = segments.index(whole)
    return [*segments[:at], before, zeroed, after, *segments[at + 1 :]]


def place(segments: list[Segment]) -> list[Segment]:
    """New file offsets: what is loaded closes up, congruent to its address modulo alignment; the rest follows it."""
    end, loaded = 0, {}
    for segment in segments:
        if segment.kind == PT_LOAD:
            offset = end + (segment.address - end) % max(segment.alignment, PAGE)
            loaded[segment.address] = replace(segment, offset=offset)
            end = offset + segment.file_size if segment.file_size else end
    return [loaded[s.address] if s.kind == PT_LOAD else _follow(s, list(loaded.values())) for s in segments]


def read_segments(image: bytes, header: tuple[int, ...]) -> list[Segment]:
    start, size, number = header[5], header[9], header[10]
    fields = (SEGMENT.unpack_from(image, start + size * index) for index in range(number))
    return [Segment(*values) for values in fields]


def read_sections(image: bytes, header: tuple[int, ...]) -> list[Section]:
    start, size, number, names_at = header[6], header[11], header[12], header[13]
    raw = [SECTION.unpack_from(image, start + size * index) for index in range(number)]
    if not raw:
        raise NotTrimmableError("no section headers")
    names = image[raw[names_at][4] : raw[names_at][4] + raw[names_at][5]]
    return [Section(names[r[0] :].split(b"\0", 1)[0].decode(), r[1], r[2], r[3], r[5]) for r in raw]


def trim_folder(folder: Path) -> int:
    """Trim every library in `folder`. Returns the bytes saved."""
    return sum(trim_file(path) for path in sorted(folder.glob("*.so*")) if path.is_file() and not path.is_symlink())


def trim_file(path: Path) -> int:
    image = path.read_bytes()
    try:
        trimmed = trim(image)
    except NotTrimmableError:
        return 0
    # A new file: package managers hard-link the installed one to their cache.
    fresh = path.with_name(f".{path.name}.trimmed")
    fresh.write_bytes(trimmed)
    fresh.chmod(path.stat().st_mode)
    fresh.replace(path)
    return len(image) - len(trimmed)


def _header(image: bytes) -> tuple[int, ...]:
    if image[:6] != b"\x7fELF\x02\x01":
        raise NotTrimmableError("no 64-bit little-endian ELF file")
    return HEADER.unpack_from(image)


def _require_room(header: tuple[int, ...], segments: list[Segment], sections: list[Section]) -> None:
    """The table of segments grows in its place: what follows it must be unused."""
    table_end = header[5] + SEGMENT.size * len(segments)
    first_used = min((s.address for s in sections if s.is_loaded and s.address >= header[5]), default=0)
    if table_end > first_used or segments[0].kind != PT_LOAD or segments[0].offset != 0:
        raise NotTrimmableError("no room for more segments")


def _follow(segment: Segment, loaded: list[Segment]) -> Segment:
    owner = next((other for other in loaded if segment.memory_size and other.holds(segment.address)), None)
    return replace(segment, offset=owner.offset + segment.address - owner.address) if owner else segment


def _write(image: bytes, header: tuple[int, ...], segments: list[Segment], moved: list[Segment]) -> bytes:
    length = max(segment.offset + segment.file_size for segment in moved if segment.kind == PT_LOAD)
    out = bytearray(length)
    for old, new in zip(segments, moved, strict=True):
        if old.kind == PT_LOAD and old.file_size:
            out[new.offset : new.offset + new.file_size] = image[old.offset : old.offset + old.file_size]
    values = list(header)
    values[6], values[10], values[12], values[13] = 0, len(moved), 0, 0
    HEADER.pack_into(out, 0, *values)
    for index, s in enumerate(moved):
        fields = (s.kind, s.flags, s.offset, s.address, s.physical, s.file_size, s.memory_size, s.alignment)
        SEGMENT.pack_into(out, header[5] + SEGMENT.size * index, *fields)
    return bytes(out)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trim every shared library in FOLDER for a machine without a GPU.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="site-packages/torch/lib")
    print(f"{trim_folder(parser.parse_args().folder) / 1e6:.0f} MB saved")  # noqa: T201


if __name__ == "__main__":
    main()
