"""Real photographs from scikit-image, as EfficientNet-Lite0 wants them: (n, 3, 224, 224) float32, (x - 127) / 128."""

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

FOLDER = Path(skimage.__file__).parent / "data"

# file name -> index of its ImageNet class
EXPECTED = {"coffee.png": 967, "chelsea.png": 282, "camera.png": 872, "rocket.jpg": 657, "motorcycle_left.png": 665}

CLASSES = (Path(__file__).parent / "classes.txt").read_text().splitlines()

SIDE = 224
SHORT_SIDE = 256


def as_input(image: Image.Image) -> np.ndarray:
    """One image of 224 x 224 pixels as (1, 3, 224, 224)."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)[np.newaxis]


def load(name: str) -> np.ndarray:
    """The centre crop of a photograph."""
    image = _shrunk(name)
    left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
    return as_input(image.crop((left, top, left + SIDE, top + SIDE)))


def evaluation_crops(count: int = 48, seed: int = 0) -> np.ndarray:
    """Random crops of all photographs, to compare variants with the original model on."""
    random = np.random.default_rng(seed)
    names = sorted(path.name for path in FOLDER.iterdir() if path.name in EXPECTED)
    crops = []
    for index in range(count):
        image = _shrunk(names[index % len(names)])
        left = int(random.integers(0, image.width - SIDE + 1))
        top = int(random.integers(0, image.height - SIDE + 1))
        crops.append(as_input(image.crop((left, top, left + SIDE, top + SIDE))))
    return np.concatenate(crops)


def _shrunk(name: str) -> Image.Image:
    image = Image.open(FOLDER / name).convert("RGB")
    factor = SHORT_SIDE / min(image.size)
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
