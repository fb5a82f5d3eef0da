"""Mosec: JSON by name; MOSEC_MAX_BATCH_SIZE above 1 batches, with a wait of 2 ms.

server.py --port PORT
"""

import os

from mosec import Server, Worker
from onnx_model import OnnxModel

BATCH = int(os.environ.get("MOSEC_MAX_BATCH_SIZE", "1"))


class Inference(Worker):
    def __init__(self):
        self._model = OnnxModel()

    def forward(self, data):
        if BATCH == 1:
            return self._model.run(self._model.arrays(data)).tolist()
        rows = self._model.joined([self._model.arrays(one) for one in data])
        return [row[None].tolist() for row in rows]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Inference, num=1, max_batch_size=BATCH, max_wait_time=2)
    server.run()
