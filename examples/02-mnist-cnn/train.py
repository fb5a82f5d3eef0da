"""Trains the digit CNN on the CPU in well under two minutes.

    python examples/02-mnist-cnn/train.py FOLDER

writes FOLDER/cnn.safetensors, FOLDER/cnn.py, FOLDER/train.npz and FOLDER/digits.npz (held-out images and labels).
"""

import shutil
import sys
import time
from pathlib import Path

import digits
import numpy as np
import torch
from cnn import DigitCNN
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

EPOCHS = 6
BATCH = 64


def train(model: DigitCNN, images: torch.Tensor, labels: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(model.parameters())
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH):
            loss = cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {loss.item():.4f}", flush=True)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    images, labels = digits.load()
    started = time.monotonic()
    model = DigitCNN()
    train(model, torch.from_numpy(images[: digits.TRAIN_COUNT]), torch.from_numpy(labels[: digits.TRAIN_COUNT]))
    held_out, truth = images[digits.TRAIN_COUNT :], labels[digits.TRAIN_COUNT :]
    with torch.no_grad():
        accuracy = (model(torch.from_numpy(held_out)).argmax(1).numpy() == truth).mean()
    print(f"accuracy on {len(truth)} held-out digits: {accuracy:.3f}, trained in {time.monotonic() - started:.0f} s")

    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "cnn.safetensors")
    shutil.copyfile(Path(__file__).parent / "cnn.py", folder / "cnn.py")
    np.savez(folder / "train.npz", image=images[: digits.TRAIN_COUNT], labels=labels[: digits.TRAIN_COUNT])
    np.savez(folder / "digits.npz", image=held_out, labels=truth)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
