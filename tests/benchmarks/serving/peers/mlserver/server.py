"""MLServer: a runtime for ONNX models; the Open Inference Protocol, in this process (no parallel workers).

server.py MODEL_NAME HTTP_PORT GRPC_PORT
"""

import asyncio
import logging
import sys

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from onnx_model import OnnxModel


class Inference(MLModel):
    async def load(self):
        self._model = OnnxModel()
        return True

    async def predict(self, payload):
        feeds = {one.name: NumpyCodec.decode_input(one).astype(self._model.dtypes[one.name]) for one in payload.inputs}
        output = NumpyCodec.encode_output("output", self._model.run(feeds))
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main():
    logging.disable(logging.INFO)
    settings = Settings(
        host="127.0.0.1",
        http_port=int(sys.argv[2]),
        grpc_port=int(sys.argv[3]),
        parallel_workers=0,
        metrics_endpoint=None,
        debug=False,
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name=sys.argv[1], implementation=Inference)])


if __name__ == "__main__":
    asyncio.run(main())
