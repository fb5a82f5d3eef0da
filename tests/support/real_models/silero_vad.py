"""Silero VAD, judged on a labelled dialogue of 30 seconds: which of its 937 windows hold speech."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from support.real_models.code.silero import SileroVad
from support.real_models.document import CODE, at, document, package

RATE, WINDOW, CONTEXT = 16_000, 512, 64
SPEECH_SHARE = 0.5  # of a window, from which on it counts as speech


def prepare(folder: Path) -> dict[str, Any]:
    """Windows, the states that the model itself reaches before each, and labels in one file."""
    weights = package("silero_vad") / "data/silero_vad_16k.safetensors"
    data = folder / "dialogue.npz"
    audio = windows()
    np.savez(data, audio=audio, state=states(weights, audio), labels=labels(len(audio)))
    return document(
        "silero-vad",
        {
            "source": at(weights),
            "format": "SafeTensors",
            "factory": "silero:SileroVad",
            "code": at(CODE / "silero.py"),
            "inputs": [
                {"name": "audio", "shape": ["batch", CONTEXT + WINDOW]},
                {"name": "state", "shape": [2, "batch", 128]},
            ],
            "outputs": [{"name": "probability"}, {"name": "next_state"}],
        },
        {
            "quantize": {"mode": "Auto"},
            "evaluate": {"data": at(data), "metric": "Accuracy"},
        },
    )


def windows() -> np.ndarray:
    """(windows, 576) float32: each with the last 64 samples of the one before."""
    with wave.open(str(package("pyannote.audio") / "sample/sample.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    count = len(samples) // WINDOW
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), samples[: count * WINDOW]])
    return np.stack([padded[start : start + CONTEXT + WINDOW] for start in range(0, count * WINDOW, WINDOW)])


def states(weights: Path, audio: np.ndarray) -> np.ndarray:
    """(windows, 2, 128): the state in which the float model meets each window."""
    model = SileroVad().eval()
    model.load_state_dict(load_file(weights))
    met, state = [], torch.zeros(2, 1, 128)
    with torch.no_grad(), one_thread():
        for window in torch.from_numpy(audio):
            met.append(state[:, 0])
            _, state = model(window[None], state)
    return torch.stack(met).numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """For such small layers, threads take longer to meet than to compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def labels(count: int) -> np.ndarray:
    """1 where at least half of a window is speech, from the dialogue's RTTM."""
    speech = np.zeros(count * WINDOW, dtype=bool)
    for line in (package("pyannote.audio") / "sample/sample.rttm").read_text().splitlines():
        begin, length = (round(float(text) * RATE) for text in line.split()[3:5])
        speech[begin : begin + length] = True
    return (speech.reshape(count, WINDOW).mean(axis=1) >= SPEECH_SHARE).astype(np.int64)
