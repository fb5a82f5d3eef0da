"""A library that was linked against CUDA loads without it, and is told that there is no device."""

import ctypes
import shutil
from pathlib import Path

import cuda_stubs
import pytest
from cuda_stubs import Needs, Stub
from support.assembled import link

CONSUMER = """
.globl device_count
device_count:
 sub $8, %rsp
 call cudaGetDeviceCount@PLT
 add $8, %rsp
 ret
.globl communicate
communicate:
 sub $8, %rsp
 call ncclSend@PLT
 add $8, %rsp
 ret
"""


def a_function(name: str) -> str:
    return f".globl {name}\n.type {name}, @function\n{name}:\n mov $7, %eax\n ret\n"


@pytest.fixture
def without_cuda(tmp_path: Path) -> Path:
    """A folder with one library, whose two CUDA libraries were there when it was linked.

    Versions that nothing else in this process can have loaded.
    """
    cuda = tmp_path / "cuda"
    cuda.mkdir()
    runtime = link(cuda / "libcudart.so.99", a_function("cudaGetDeviceCount"), version="libcudart.so.99")
    nccl = link(cuda / "libnccl.so.99", a_function("ncclSend"))
    folder = tmp_path / "lib"
    folder.mkdir()
    link(folder / "libconsumer.so", CONSUMER, runtime, nccl)
    shutil.rmtree(cuda)
    return folder


def test_library_does_not_load_without_stubs(without_cuda: Path) -> None:
    with pytest.raises(OSError, match=r"libcudart\.so\.99"):
        ctypes.CDLL(str(without_cuda / "libconsumer.so"))


def test_stubs_answer_no_device_with_and_without_symbol_versions(without_cuda: Path) -> None:
    written = cuda_stubs.stub_folder(without_cuda)

    assert [path.name for path in written] == ["libcudart.so.99", "libnccl.so.99"]
    library = ctypes.CDLL(str(without_cuda / "libconsumer.so"))
    assert (library.device_count(), library.communicate()) == (100, 100)


def test_what_returns_text_returns_text(tmp_path: Path) -> None:
    stub = Stub("libcudart.so.99", {"": frozenset({"cudaGetErrorString", "cuGetErrorString", "cudaGetLastError"})})
    library = ctypes.CDLL(str(cuda_stubs.write_stub(stub, tmp_path)))
    library.cudaGetErrorString.restype = ctypes.c_char_p

    assert library.cudaGetErrorString(100) == b"no CUDA-capable device is detected"
    assert (library.cuGetErrorString(100, None), library.cudaGetLastError()) == (100, 100)


def test_second_run_renews_the_stubs(without_cuda: Path) -> None:
    first = {path: path.read_bytes() for path in cuda_stubs.stub_folder(without_cuda)}
    assert {path: path.read_bytes() for path in cuda_stubs.stub_folder(without_cuda)} == first


def test_library_that_is_there_is_not_stubbed() -> None:
    needs = Needs(frozenset({"libcudart.so.99"}), {}, frozenset())
    assert cuda_stubs.plan_stubs([needs], frozenset({"libcudart.so.99"})) == []


def test_only_cuda_libraries_are_stubbed() -> None:
    needs = Needs(frozenset({"libc.so.6", "libgomp.so.1"}), {}, frozenset({("malloc", "GLIBC_2.2.5")}))
    assert cuda_stubs.plan_stubs([needs], frozenset()) == []


@pytest.mark.parametrize(
    ("symbol", "soname"),
    [
        ("ncclSend", "libnccl.so.99"),
        ("cusparseLtInit", "libcusparseLt.so.0"),
        ("cusparseCreate", "libcusparse.so.12"),
        ("cuFileRead", "libcufile.so.0"),
        ("nvshmem_malloc", "libnvshmem_host.so.3"),
        ("cuMemAlloc_v2", "libcuda.so.1"),
    ],
)
def test_unversioned_symbol_goes_to_the_library_that_it_is_named_after(symbol: str, soname: str) -> None:
    libraries = {"libnccl.so.99", "libcusparseLt.so.0", "libcusparse.so.12", "libcufile.so.0", "libnvshmem_host.so.3"}
    needs = Needs(frozenset(libraries | {"libcuda.so.1"}), {}, frozenset({(symbol, "")}))
    owners = [stub.soname for stub in cuda_stubs.plan_stubs([needs], frozenset()) if symbol in stub.symbols.get("", ())]
    assert owners == [soname]


def test_symbol_of_nobody_missing_is_left_to_the_dynamic_linker() -> None:
    needs = Needs(frozenset({"libnccl.so.99"}), {}, frozenset({("PyList_New", "")}))
    assert [stub.symbols for stub in cuda_stubs.plan_stubs([needs], frozenset())] == [{}]
