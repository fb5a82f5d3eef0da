"""A small CNN on MNIST, trained here, served on the CPU from an artifact store in S3."""

import tempfile
from pathlib import Path

import numpy as np

from demo import classify, follow, object_store
from demo.endpoint import service_url
from demo.shell import EXAMPLES, kubectl, python, say

NAME = "digits"
EXAMPLE = EXAMPLES / "02-mnist-cnn"
LEAST_ACCURACY = 0.93
SAMPLE = 200


def train_and_upload(folder: Path) -> None:
    python(EXAMPLE / "train.py", str(folder))
    object_store.upload(folder, NAME)


def accuracy(namespace: str, held_out: Path) -> float:
    """Top-1 accuracy of the served model on digits that it was not trained on."""
    data = np.load(held_out)
    images, labels = data["image"][:SAMPLE], data["labels"][:SAMPLE]
    with service_url(namespace, NAME) as url:
        scores = classify.with_curl(url, images)
    return float((scores.argmax(1) == labels).mean())


def run(namespace: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        train_and_upload(Path(folder))
        kubectl("apply", "-n", namespace, "-f", str(EXAMPLE / "modeldeployment.yaml"))
        follow.until_ready(namespace, NAME)
        measured = accuracy(namespace, Path(folder) / "digits.npz")
    say(f"{measured:.1%} of {SAMPLE} held-out digits are right")
    if measured < LEAST_ACCURACY:
        raise SystemExit(f"accuracy {measured:.3f} is below {LEAST_ACCURACY}")
    return measured
