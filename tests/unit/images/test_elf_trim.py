"""A trimmed library is smaller and behaves as before; only the GPU's code reads as zeros."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import elf_trim
import numpy as np
import pytest
from support.assembled import link

GPU_CODE_BYTES = 1 << 20
LIBRARY = f"""
.globl answer
answer:
 mov value(%rip), %eax
 ret
.globl table
.section .data.rel.local, "aw"
.type table, @object
.size table, 16
table:
 .quad answer
 .quad 5
.data
value: .long 42
.section .nv_fatbin, "a"
.balign 4096
.globl gpu_code
.type gpu_code, @object
.size gpu_code, {GPU_CODE_BYTES}
gpu_code: .fill {GPU_CODE_BYTES // 4}, 4, 0x11223344
.section .gcc_except_table, "a"
.globl after
.type after, @object
.size after, 8
after: .quad 77
"""
# As tools that make wheels portable leave it: room behind the program headers.
ROOM = ("--hash-style=sysv", "--section-start=.hash=0x1000")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return link(tmp_path / "libtorch_cuda.so", LIBRARY, options=ROOM)


def test_file_loses_the_gpu_code(library: Path) -> None:
    assert elf_trim.trim_file(library) >= GPU_CODE_BYTES
    assert library.stat().st_size < 64 * 1024


def test_trimmed_library_behaves_as_before(library: Path) -> None:
    elf_trim.trim_file(library)
    loaded = ctypes.CDLL(str(library))
    assert loaded.answer() == 42
    assert ctypes.c_uint64.in_dll(loaded, "after").value == 77
    address, number = (ctypes.c_uint64 * 2).in_dll(loaded, "table")
    assert number == 5
    assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42


def test_place_of_the_gpu_code_reads_as_zeros(library: Path) -> None:
    elf_trim.trim_file(library)
    assert not any((ctypes.c_uint8 * GPU_CODE_BYTES).in_dll(ctypes.CDLL(str(library)), "gpu_code"))


def test_library_without_gpu_code_only_loses_its_tables(tmp_path: Path) -> None:
    library = link(tmp_path / "libc10.so", LIBRARY.replace(".nv_fatbin", ".rodata"))
    assert elf_trim.trim_file(library) > 0
    assert bytes((ctypes.c_uint8 * 4).in_dll(ctypes.CDLL(str(library)), "gpu_code")) == b"\x44\x33\x22\x11"


def test_other_names_of_the_file_keep_the_original(library: Path) -> None:
    cached = library.with_name("cached")
    cached.hardlink_to(library)
    before = cached.read_bytes()
    elf_trim.trim_file(library)
    assert cached.read_bytes() == before


def test_without_room_for_segments_nothing_is_changed(tmp_path: Path) -> None:
    library = link(tmp_path / "libtorch_cuda.so", LIBRARY)
    before = library.read_bytes()
    assert elf_trim.trim_file(library) == 0
    assert library.read_bytes() == before


def test_trimming_twice_changes_nothing_more(library: Path) -> None:
    elf_trim.trim_file(library)
    assert elf_trim.trim_folder(library.parent) == 0


def test_what_is_no_library_is_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "libgcc_s.so"
    script.write_text("GROUP ( libgcc_s.so.1 )")
    assert elf_trim.trim_folder(tmp_path) == 0
    assert script.read_text().startswith("GROUP")


def test_library_from_a_wheel_still_works(tmp_path: Path) -> None:
    installed = next(Path(np.__file__).parents[1].glob("numpy.libs/libscipy_openblas*"))
    for library in installed.parent.iterdir():
        shutil.copy(library, tmp_path)
    assert elf_trim.trim_folder(tmp_path) > 0
    ask = f"import ctypes; print(ctypes.CDLL({str(tmp_path / installed.name)!r}).scipy_openblas_get_num_procs64_())"
    answer = subprocess.run([sys.executable, "-c", ask], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert int(answer) >= 1
