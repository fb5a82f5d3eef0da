"""Two real clients ask the same: curl with a plain JSON list, tritonclient with the Open Inference Protocol."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import tritonclient.http as triton


def with_curl(url: str, batch: np.ndarray) -> np.ndarray:
    """POST /v1/predict: nested JSON list in, nested JSON list out."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "request.json"
        body.write_text(json.dumps(batch.tolist()))
        request = ["-H", "Content-Type: application/json", "--data-binary", f"@{body}", f"{url}/v1/predict"]
        command = ["curl", "-sS", "--fail-with-body", "--max-time", "30", *request]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"curl: {answer.stderr} {answer.stdout}")
    return np.asarray(json.loads(answer.stdout), dtype=np.float32)


def with_tritonclient(url: str, model: str, input_name: str, output_name: str, batch: np.ndarray) -> np.ndarray:
    """POST /v2/models/MODEL/infer."""
    client = triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=30)
    tensor = triton.InferInput(input_name, list(batch.shape), "FP32")
    tensor.set_data_from_numpy(batch, binary_data=False)
    try:
        answer = client.infer(model, [tensor], outputs=[triton.InferRequestedOutput(output_name, binary_data=False)])
        return answer.as_numpy(output_name)
    finally:
        client.close()
