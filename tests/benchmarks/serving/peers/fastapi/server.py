"""What people write by hand: FastAPI, a `def` endpoint, a JSON list in and out, ONNX Runtime behind it.

server.py MODEL PORT
"""

import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
NAME = session.get_inputs()[0].name
app = FastAPI()


@app.post("/predict")
def predict(data: list[list[float]]) -> list[list[float]]:
    outputs = session.run(None, {NAME: np.array(data, dtype=np.float32)})
    return outputs[0].tolist()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
