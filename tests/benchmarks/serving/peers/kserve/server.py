"""KServe's model server: a custom predictor; the Open Inference Protocol, request logs off.

server.py MODEL_NAME HTTP_PORT GRPC_PORT
"""

import logging
import sys

from kserve import InferOutput, InferResponse, Model, ModelServer
from onnx_model import OnnxModel


class Inference(Model):
    def load(self):
        self._model = OnnxModel()
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        feeds = {one.name: one.as_numpy().astype(self._model.dtypes[one.name]) for one in payload.inputs}
        output = self._model.run(feeds)
        answer = InferOutput(name="output", shape=list(output.shape), datatype="FP32")
        answer.set_data_from_numpy(output, binary_data=bool(payload.from_grpc))
        return InferResponse(response_id=payload.id or "0", model_name=self.name, infer_outputs=[answer])


if __name__ == "__main__":
    logging.disable(logging.INFO)
    model = Inference(sys.argv[1])
    model.load()
    server = ModelServer(
        http_port=int(sys.argv[2]),
        grpc_port=int(sys.argv[3]),
        workers=1,
        enable_latency_logging=False,
        access_log_format=None,
    )
    server.start([model])
