"""Pages of mapped checkpoints: which addresses, and nothing that was written is lost."""

import mmap
from pathlib import Path

import pytest

from slipway_optimizer import mapped_pages
from slipway_optimizer.mapped_pages import give_back, is_worth_it, mappings_of


def test_mappings_are_those_of_the_source(tmp_path: Path) -> None:
    lines = [
        f"7f00-7f10 r--p 00000000 08:01 12 {tmp_path}/a folder/one.pth",
        f"7f10-7f30 rw-p 00001000 08:01 12 {tmp_path}/a folder/one.pth",
        f"7f30-7f40 r--p 00000000 08:01 13 {tmp_path}/a folder/two.pth",
        f"7f40-7f50 r--p 00000000 08:01 14 {tmp_path}/a folder of others/three.pth",
        "7f50-7f60 rw-p 00000000 00:00 0 ",
        "7f60-7f70 rw-p 00000000 00:00 0 [heap]",
    ]
    folder = tmp_path / "a folder"
    assert mappings_of(folder, lines) == [(0x7F00, 0x7F10), (0x7F10, 0x7F30), (0x7F30, 0x7F40)]
    assert mappings_of(folder / "one.pth", lines) == [(0x7F00, 0x7F10), (0x7F10, 0x7F30)]


def test_what_was_written_to_a_private_mapping_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_pages, "WORTH_BYTES", 1)
    source = tmp_path / "weights"
    source.write_bytes(b"a" * (4 * mmap.PAGESIZE))
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[mmap.PAGESIZE] = ord("b")
        give_back(source)
        assert mapped[:] == b"a" * mmap.PAGESIZE + b"b" + b"a" * (3 * mmap.PAGESIZE - 1)


def test_small_sources_keep_their_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"12345")
    monkeypatch.setattr(mapped_pages, "WORTH_BYTES", 10)
    assert is_worth_it(tmp_path)
    assert not is_worth_it(tmp_path / "one")
