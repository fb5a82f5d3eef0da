"""EfficientNet-Lite0 with its real weights: from a checkpoint in S3 to the right class of each photograph."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from demo import classify, follow, object_store
from demo.endpoint import service_url
from demo.shell import EXAMPLES, kubectl, python, say

sys.path.insert(0, str(EXAMPLES / "01-efficientnet-lite0"))

import photographs

NAME = "lite0"
EXAMPLE = EXAMPLES / "01-efficientnet-lite0"
TENSOR = {"name": "image", "datatype": "FP32", "shape": [1, 3, 224, 224]}


def upload() -> None:
    with tempfile.TemporaryDirectory() as folder:
        python(EXAMPLE / "prepare.py", folder)
        object_store.upload(Path(folder), NAME)


def deploy(namespace: str) -> tuple[dict[str, Any], float]:
    """The ready ModelDeployment, and the seconds from apply to Ready."""
    begin = time.monotonic()
    kubectl("apply", "-n", namespace, "-f", str(EXAMPLE / "modeldeployment.yaml"))
    model = follow.until_ready(namespace, NAME)
    return model, time.monotonic() - begin


def answers(namespace: str) -> dict[str, bool]:
    """Photograph -> whether both clients named its class."""
    right = {}
    with service_url(namespace, NAME) as url:
        for name, expected in photographs.EXPECTED.items():
            batch = photographs.load(name)
            curl = int(classify.with_curl(url, batch)[0].argmax())
            triton = int(classify.with_tritonclient(url, NAME, "image", "logits", batch)[0].argmax())
            right[name] = curl == triton == expected
            say(
                f"{name:<20} curl: {photographs.CLASSES[curl]:<12} tritonclient: {photographs.CLASSES[triton]:<12} "
                f"{'right' if right[name] else 'WRONG, expected ' + photographs.CLASSES[expected]}"
            )
    return right
