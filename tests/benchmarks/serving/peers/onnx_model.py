"""The ONNX model behind every peer: one thread, JSON values by input name in, the first output out."""

import os

import numpy as np
import onnxruntime

DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


class OnnxModel:
    """Each row of each input is one sample."""

    def __init__(self, path=None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = path or os.environ["MODEL"]
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.nodes = self._session.get_inputs()
        self.dtypes = {node.name: DTYPES[node.type] for node in self.nodes}

    def arrays(self, values):
        """Arrays of the model's dtypes from nested lists."""
        return {name: np.asarray(values[name], dtype) for name, dtype in self.dtypes.items()}

    def run(self, feeds):
        """The first output."""
        return self._session.run(None, feeds)[0]

    def joined(self, requests):
        """One run for several requests of one row each."""
        feeds = {name: np.concatenate([request[name] for request in requests]) for name in self.dtypes}
        return self.run(feeds)
