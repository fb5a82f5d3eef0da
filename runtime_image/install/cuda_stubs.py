"""Makes PyTorch from PyPI loadable without its CUDA libraries, by a small stand-in for each library that is missing.

PyTorch's Linux wheel on PyPI is linked against CUDA: without libcudart, libcublas and a dozen others `import torch`
fails, with them an environment is 4 GB larger. On a CPU none of their functions does anything, so each missing
library becomes a file of a few kilobytes that defines exactly the symbols (and their versions) which PyTorch's own
libraries ask of it; every function returns cudaErrorNoDevice, and PyTorch sees a machine without a GPU. The clean way
is PyTorch's CPU wheel, which is not on PyPI but on an index of its own: where that can be reached, name it
(`--torch-index` of locked.py), and nothing is stubbed.

Needs Python's standard library and binutils. Written for x86-64, as the lock file is.
"""

import argparse
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CUDA_ERROR_NO_DEVICE = 100  # cudaErrorNoDevice and CUDA_ERROR_NO_DEVICE alike
CUDA_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
MARK = "written by cuda_stubs.py"
# These return text, which PyTorch puts into its exceptions: 100 would be an address. The driver's own, cuGetErrorName
# and the like, return a status as all others do.
RETURNS_TEXT = re.compile(r"^(?!cuGet)[a-z]+Get(Error|Status)(String|Name)$|^ncclGetLastError$")


@dataclass(frozen=True)
class Needs:
    """What a shared library asks of others."""

    libraries: frozenset[str]
    versions: Mapping[str, frozenset[str]]  # soname -> versions wanted from it
    symbols: frozenset[tuple[str, str]]  # (name, version); no version: ""


@dataclass(frozen=True)
class Stub:
    """A library to write: the symbols that it defines, by version."""

    soname: str
    symbols: Mapping[str, frozenset[str]]


def parse_objdump(text: str) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """The libraries that `objdump -p` lists as needed, and the versions wanted from each."""
    libraries = frozenset(re.findall(r"NEEDED\s+(\S+)", text))
    wanted = re.findall(r"required from (\S+):\n((?:\s+0x.*\n?)+)", text)
    return libraries, {soname: frozenset(re.findall(r"(\S+)$", body, re.MULTILINE)) for soname, body in wanted}


def parse_nm(text: str) -> frozenset[tuple[str, str]]:
    """The undefined symbols in the output of `nm -D`."""
    return frozenset(re.findall(r"^\s+[Uw] ([^\s@]+)(?:@(\S+))?$", text, re.MULTILINE))


def read_needs(library: Path) -> Needs:
    libraries, versions = parse_objdump(_output("objdump", "-p", str(library)))
    return Needs(libraries, versions, parse_nm(_output("nm", "-D", str(library))))


def plan_stubs(needs: Iterable[Needs], present: frozenset[str]) -> list[Stub]:
    """Decide which libraries are missing beside `present`, and what each must define."""
    all_needs = list(needs)
    missing = sorted({n for need in all_needs for n in need.libraries if CUDA_LIBRARY.match(n)} - present)
    symbols = frozenset(symbol for need in all_needs for symbol in need.symbols)
    by_library: dict[str, dict[str, frozenset[str]]] = {soname: {} for soname in missing}
    for soname in missing:
        for version in sorted({v for need in all_needs for v in need.versions.get(soname, ())}):
            by_library[soname][version] = frozenset(name for name, of in symbols if of == version)
    for soname, names in _owners_of_unversioned(missing, (name for name, of in symbols if not of)).items():
        by_library[soname][""] = frozenset(names)
    return [Stub(soname, by_library[soname]) for soname in missing]


def write_stub(stub: Stub, folder: Path) -> Path:
    """Assemble and link one stub."""
    target = folder / stub.soname
    with tempfile.TemporaryDirectory() as scratch:
        source, compiled, script = (Path(scratch) / name for name in ("stub.s", "stub.o", "stub.map"))
        source.write_text(assembly(stub))
        script.write_text(version_script(stub))
        _output("as", "-o", str(compiled), str(source))
        versions = ["--version-script", str(script)] if script.stat().st_size else []
        options = ["-shared", "-soname", stub.soname, "-z", "noexecstack", *versions]
        _output("ld", *options, "-o", str(target), str(compiled))
    return target


def assembly(stub: Stub) -> str:
    """Every symbol of the stub is a name of one and the same function, or of the one that returns text."""
    names = sorted({name for names in stub.symbols.values() for name in names})
    aliases = [f".globl {name}\n.type {name}, @function\n.set {name}, {_function(name)}\n" for name in names]
    texts = f'.section .rodata\n.asciz "{MARK}"\nno_device_text: .asciz "no CUDA-capable device is detected"\n'
    status = f"no_device:\n mov ${CUDA_ERROR_NO_DEVICE}, %eax\n ret\n"
    text = "say_no_device:\n lea no_device_text(%rip), %rax\n ret\n"
    return f"{texts}.text\n{status}{text}" + "".join(aliases)


def _function(name: str) -> str:
    return "say_no_device" if RETURNS_TEXT.match(name) else "no_device"


def version_script(stub: Stub) -> str:
    versions = {version: names for version, names in sorted(stub.symbols.items()) if version}
    return "".join(
        f"{version} {{ global: {' '.join(f'{name};' for name in sorted(names))} }};\n"
        if names
        else f"{version} {{ }};\n"
        for version, names in versions.items()
    )


def is_stub(library: Path) -> bool:
    return bool(CUDA_LIBRARY.match(library.name)) and MARK.encode() in library.read_bytes()


def stub_folder(folder: Path) -> list[Path]:
    """Write a stub for each CUDA library that the libraries in `folder` need and miss there; renews earlier stubs."""
    libraries = sorted(path for path in folder.glob("lib*.so*") if path.is_file() and not is_stub(path))
    stubs = plan_stubs((read_needs(path) for path in libraries), frozenset(path.name for path in libraries))
    return [write_stub(stub, folder) for stub in stubs]


def _owners_of_unversioned(missing: list[str], names: Iterable[str]) -> dict[str, list[str]]:
    """Whose an unversioned symbol is, its name says: ncclSend is in libnccl, cuMemAlloc in the driver's libcuda."""
    stems = {re.sub(r"^lib|(_host)?\.so.*$", "", soname).lower(): soname for soname in missing}
    owned = defaultdict(list)
    for name in names:
        owner = max((stem for stem in stems if name.lower().startswith(stem)), key=len, default=None)
        driver = stems.get("cuda") if re.match(r"cu[A-Z]", name) else None
        soname = stems[owner] if owner else driver
        if soname:
            owned[soname].append(name)
    return owned


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a stub for each CUDA library that those in FOLDER miss.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="site-packages/torch/lib")
    for path in stub_folder(parser.parse_args().folder):
        print(path.name, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
