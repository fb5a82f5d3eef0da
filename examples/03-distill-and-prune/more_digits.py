"""More digits to learn from: those that the original was trained on, and copies of them that are moved a little.

    python examples/03-distill-and-prune/more_digits.py FOLDER

reads FOLDER/train.npz and writes FOLDER/moved.npz. The original's answers to moved digits tell a student more about it.
"""

import sys
from pathlib import Path

import numpy as np

COPIES = 8
FARTHEST = 2  # pixels, in each direction


def moved(images: np.ndarray, seed: int) -> np.ndarray:
    """Each image (n, 1, 28, 28) moved by up to two pixels each way; what comes in at the edges is black."""
    steps = np.random.default_rng(seed).integers(0, 2 * FARTHEST + 1, (len(images), 2))
    edge = (FARTHEST, FARTHEST)
    padded = np.pad(images, ((0, 0), (0, 0), edge, edge))
    height, width = images.shape[2:]
    cut = [image[:, y : y + height, x : x + width] for image, (y, x) in zip(padded, steps, strict=True)]
    return np.stack(cut)


def main(folder: Path) -> None:
    with np.load(folder / "train.npz") as file:
        images, labels = file["image"], file["labels"]
    copies = [moved(images, seed) for seed in range(COPIES)]
    np.savez_compressed(
        folder / "moved.npz", image=np.concatenate([images, *copies]), labels=np.tile(labels, COPIES + 1)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
