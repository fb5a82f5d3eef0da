"""Small ModelDeployments for end-to-end tests, and the files that they point at."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import torch
from demo import object_store

CODE = '''
from torch import nn


class Doubler(nn.Module):
    """Doubles its input: the answer is known without the model."""

    def __init__(self, width=4):
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)

    def forward(self, x):
        return self.linear(x)
'''

WIDTH = 4


def upload_doubler(factor: float = 2.0, prefix: str = "doubler") -> dict[str, str]:
    """Upload a model that multiplies by `factor`; its `uri`, `sha256` and `code`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / f"times-{factor}.pth"
        torch.save({"linear.weight": torch.eye(WIDTH) * factor}, weights)
        (folder / "doubler.py").write_text(CODE)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        object_store.upload(folder, prefix)
    bucket = object_store.object_store().bucket
    return {
        "uri": f"s3://{bucket}/{prefix}/times-{factor}.pth",
        "sha256": digest,
        "code": f"s3://{bucket}/{prefix}/doubler.py",
    }


def doubler(name: str, namespace: str, files: dict[str, str], **spec: Any) -> dict[str, Any]:
    """A ModelDeployment of it, on the CPU; `spec` replaces top-level fields of the spec."""
    secret = {"name": object_store.SECRET}
    model = {
        "source": {"uri": files["uri"], "sha256": files["sha256"], "secretRef": secret},
        "format": "StateDict",
        "factory": "doubler:Doubler",
        "code": {"uri": files["code"], "secretRef": secret},
        "inputs": [{"name": "x", "shape": ["batch", WIDTH]}],
        "outputs": [{"name": "y"}],
    }
    return {
        "apiVersion": "serving.slipway.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": model,
            "optimize": {"quantize": {"mode": "None"}},
            "serve": {"accelerator": {"count": 0}},
            **spec,
        },
    }
