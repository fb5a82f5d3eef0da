"""LitServe: JSON by name, its fast queue.

server.py PORT
"""

import sys

import litserve
from onnx_model import OnnxModel


class Api(litserve.LitAPI):
    def setup(self, device):
        self._model = OnnxModel()

    def decode_request(self, request):
        return self._model.arrays(request)

    def predict(self, feeds):
        return self._model.run(feeds)

    def encode_response(self, output):
        return output.tolist()


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning", access_log=False
    )
