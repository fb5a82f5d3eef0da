"""Installs extras of this project into a virtual environment exactly as uv.lock says: for developers and in images.

The lean flavor (cpu) leaves out CUDA's libraries, about 4 GB that PyTorch from PyPI asks for, and makes PyTorch
loadable without them (cuda_stubs.py); `--trim` makes it smaller still (elf_trim.py). Needs Python >= 3.11 with
ensurepip (Debian: python3-venv) and, for a lean PyTorch, binutils. uv comes from PyPI into a virtual environment of
its own.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cuda_stubs
import elf_trim

UV = "uv==0.13.9"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CUDA_PACKAGE = re.compile(r"(nvidia|cuda)-.*|triton")


@dataclass(frozen=True)
class Request:
    venv: Path
    extras: Sequence[str]
    groups: Sequence[str] = ()
    flavor: str = "cpu"
    torch_index: str = ""
    editable: bool = False
    trim: bool = False


def cuda_packages(lock: Mapping[str, object]) -> list[str]:
    """The packages of a parsed uv.lock that hold CUDA's libraries or need them to be of any use."""
    return sorted({p["name"] for p in _packages(lock) if CUDA_PACKAGE.fullmatch(p["name"])})


def torch_version(lock: Mapping[str, object]) -> str:
    return next(p["version"] for p in _packages(lock) if p["name"] == "torch")


def left_out(request: Request, lock: Mapping[str, object]) -> list[str]:
    """What `uv sync` must not install."""
    if request.flavor == "gpu":
        return []
    return [*cuda_packages(lock), *(["torch"] if request.torch_index else [])]


def sync_arguments(request: Request, lock: Mapping[str, object]) -> list[str]:
    """The arguments of the `uv` call that fulfils the request."""
    suffix = "-gpu" if request.flavor == "gpu" else ""
    return [
        *("sync", "--frozen", "--no-default-groups"),
        *(argument for extra in request.extras for argument in ("--extra", extra + suffix)),
        *(argument for group in request.groups for argument in ("--group", group)),
        *(argument for name in left_out(request, lock) for argument in ("--no-install-package", name)),
        *([] if request.editable else ["--no-install-project"]),
    ]


def torch_from_index(request: Request, lock: Mapping[str, object]) -> list[str]:
    """The arguments of the `uv` call that takes PyTorch, in the locked version, from an index with its CPU wheels."""
    source = ["--no-deps", "--index-url", request.torch_index, f"torch=={torch_version(lock)}"]
    return ["pip", "install", "--python", str(request.venv), *source]


def bootstrap_uv(folder: Path) -> Path:
    """Install uv into a virtual environment of its own, unless this version is there."""
    installed = folder / "installed"
    if not installed.exists() or installed.read_text() != UV:
        _run([sys.executable, "-m", "venv", "--clear", folder])
        _run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", UV])
        installed.write_text(UV)
    return folder / "bin" / "uv"


def install(request: Request, uv: Path, project: Path) -> None:
    lock = tomllib.loads((project / "uv.lock").read_text())
    os.environ["UV_PROJECT_ENVIRONMENT"] = str(request.venv.absolute())
    _run([uv, *sync_arguments(request, lock), "--python", sys.executable, "--project", project])
    if request.flavor == "cpu" and request.torch_index:
        _run([uv, *torch_from_index(request, lock)])
    if request.flavor == "cpu":
        for folder in request.venv.glob("lib/python*/site-packages/torch"):
            make_lean(folder, trim=request.trim)


def make_lean(torch: Path, *, trim: bool) -> None:
    """Make PyTorch loadable without CUDA's libraries and, if asked, as small as it gets without another build of it."""
    _say(f"PyTorch without CUDA: {len(cuda_stubs.stub_folder(torch / 'lib'))} stubs")
    if trim:
        shutil.rmtree(torch / "include")  # for compiling extensions
        _say(f"PyTorch without GPU code: {elf_trim.trim_folder(torch / 'lib') / 1e6:.0f} MB saved")


def _packages(lock: Mapping[str, object]) -> list[dict[str, str]]:
    packages = lock["package"]
    assert isinstance(packages, list)  # noqa: S101
    return packages


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True)  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description="Install locked extras of this project into a virtual environment.")
    parser.add_argument("venv", type=Path, metavar="VENV")
    parser.add_argument("--extra", action="append", required=True, dest="extras")
    parser.add_argument("--group", action="append", default=[], dest="groups")
    parser.add_argument("--flavor", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--torch-index", default="", metavar="URL", help="take PyTorch from here: nothing is stubbed")
    parser.add_argument("--editable", action="store_true", help="install the project itself, too, as editable")
    parser.add_argument("--trim", action="store_true", help="drop GPU code and symbol tables from a lean PyTorch")
    parser.add_argument("--project", type=Path, default=Path.cwd(), metavar="DIR", help="where uv.lock is")
    parser.add_argument("--uv", type=Path, required=True, metavar="VENV", help="virtual environment for uv itself")
    arguments = parser.parse_args()
    if CA_BUNDLE.exists():  # an administrator may have added to it; pip and uv would use lists of their own
        os.environ.setdefault("PIP_CERT", str(CA_BUNDLE))
        os.environ.setdefault("SSL_CERT_FILE", str(CA_BUNDLE))
    given = vars(arguments)
    request = Request(**{field.name: given[field.name] for field in fields(Request)})
    install(request, bootstrap_uv(arguments.uv), arguments.project)


if __name__ == "__main__":
    main()
