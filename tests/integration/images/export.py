"""Runs inside the optimizer image: PyTorch infers, trains, exports and quantizes, and knows that it has no GPU."""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import quantize_dynamic
from torch import nn


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        has_gpu = torch.cuda.is_available()
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(32, 4, batch_first=True, dropout=0.0)
    model = nn.Sequential(
        nn.Linear(8, 32), nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(32, 3)
    )
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(2, 5, 8)).square().mean().backward()
    optimizer.step()
    model.eval()
    example = torch.randn(2, 5, 8)
    with tempfile.TemporaryDirectory() as name:
        exported, quantized = Path(name) / "model.onnx", Path(name) / "int8.onnx"
        batch = {"input": {0: torch.export.Dim("batch")}}
        torch.onnx.export(model, (example,), exported, dynamo=True, dynamic_shapes=batch, verbose=False)
        quantize_dynamic(exported, quantized)
        wanted = model(example).detach().numpy()
        differences = [float(np.abs(infer(file, example.numpy()) - wanted).max()) for file in (exported, quantized)]
    print(json.dumps({"gpu": has_gpu, "difference": differences[0], "quantized": differences[1]}))  # noqa: T201


def infer(file: Path, value: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {session.get_inputs()[0].name: value})[0]
    return result


if __name__ == "__main__":
    main()
