"""What a Job's time is compared with: a process that loads the model and calls `torch.onnx.export`, and nothing else.

python tests/benchmarks/bare_export.py MODELDEPLOYMENT.yaml MODEL.onnx
"""

import importlib
import sys
from pathlib import Path
from urllib.parse import urlsplit

import torch
import yaml
from safetensors.torch import load_file

DYNAMIC_SIZE = 3  # neither 0 nor 1, which PyTorch takes for constants
DTYPES = {"float32": torch.float32, "int64": torch.int64}


def main(spec_file: str, target: str) -> None:
    spec = yaml.safe_load(Path(spec_file).read_text())["spec"]["model"]
    model = build(spec)
    example = tuple(example_input(tensor) for tensor in spec["inputs"])
    axes = tuple(dynamic_axes(tensor) for tensor in spec["inputs"])
    torch.onnx.export(
        model,
        example,
        target,
        dynamo=True,
        input_names=[tensor["name"] for tensor in spec["inputs"]],
        output_names=[tensor["name"] for tensor in spec["outputs"]],
        dynamic_shapes=axes,
        external_data=False,
        verbose=False,
    )


def build(spec: dict) -> torch.nn.Module:
    code = Path(urlsplit(spec["code"]["uri"]).path)
    # An archive is importable as it is.
    sys.path.insert(0, str(code.parent if code.suffix == ".py" else code))
    module, _, attribute = spec["factory"].partition(":")
    factory = importlib.import_module(module)
    for name in attribute.split("."):
        factory = getattr(factory, name)
    model = factory(*spec.get("factoryArgs", ()), **spec.get("factoryKwargs", {}))
    weights = Path(urlsplit(spec["source"]["uri"]).path)
    safe = weights.suffix == ".safetensors"
    model.load_state_dict(load_file(weights) if safe else torch.load(weights, weights_only=True))
    return model.eval()


def dynamic_axes(tensor: dict) -> dict[int, str]:
    return {index: name for index, name in enumerate(tensor["shape"]) if isinstance(name, str)}


def example_input(tensor: dict) -> torch.Tensor:
    shape = [size if isinstance(size, int) else DYNAMIC_SIZE for size in tensor["shape"]]
    return torch.ones(shape, dtype=DTYPES[tensor.get("dtype", "float32")])


if __name__ == "__main__":
    main(*sys.argv[1:])
