"""BentoML: JSON by name, request logs off.

bentoml serve server:Inference --port PORT
"""

import bentoml
from onnx_model import OnnxModel


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Inference:
    def __init__(self):
        self._model = OnnxModel()

    @bentoml.api(route="/predict")
    def predict(self, inputs: dict) -> list:
        return self._model.run(self._model.arrays(inputs)).tolist()
