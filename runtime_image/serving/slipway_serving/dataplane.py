"""The data plane decides: whether a request is accepted, what it means, and what its answer is. It knows no HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from slipway_serving.artifact import Artifact
from slipway_serving.batcher import Batcher
from slipway_serving.description import VERSION, is_joinable
from slipway_serving.errors import NotReadyError, OverloadedError
from slipway_serving.golden import GoldenReport
from slipway_serving.metrics import Metrics
from slipway_serving.predict import decode_prediction, encode_prediction
from slipway_serving.protocol import Answer, decode_request, encode_answer
from slipway_serving.session import Session
from slipway_serving.settings import Settings


@dataclass(frozen=True)
class LoadedModel:
    """A model that has proved itself."""

    name: str
    artifact: Artifact
    session: Session
    golden: GoldenReport


class DataPlane:
    """Empty until `serve` gives it a loaded model."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.model: LoadedModel | None = None
        self.draining = False
        self.in_flight = 0
        self.batch_max_size = 1
        self._batcher: Batcher | None = None
        metrics.watch(in_flight=lambda: self.in_flight, queue_depth=lambda: self._batcher.depth if self._batcher else 0)

    @property
    def ready(self) -> bool:
        """New traffic is welcome. While draining, requests are still answered, but no more should be sent."""
        return self.model is not None and not self.draining

    @property
    def model_name(self) -> str:
        """The name in the routes; empty until it is known."""
        return self.model.name if self.model else self.settings.model_name

    def serve(self, model: LoadedModel) -> None:
        self.batch_max_size = self.settings.batch_max_size if is_joinable(model.artifact.manifest) else 1
        self._batcher = Batcher(
            model.session.run,
            max_size=self.batch_max_size,
            max_delay=self.settings.batch_max_delay,
            observe=self.metrics.observe_batch,
        )
        self.model = model
        self.metrics.describe_model(model.name, model.artifact.digest, model.session.execution_provider)

    @contextmanager
    def accept(self) -> Iterator[None]:
        """Count a request as in flight while the body runs.

        Raises:
            NotReadyError: no model yet.
            OverloadedError: as many requests wait as may wait.
        """
        if self._batcher is None:
            raise NotReadyError("the model is still being loaded and verified")
        if self.in_flight - max(1, self._batcher.running) >= self.settings.queue_size:
            raise OverloadedError(f"{self.settings.queue_size} requests are waiting already; try again in a second")
        self.in_flight += 1
        started = time.perf_counter()
        try:
            yield
        finally:
            self.in_flight -= 1
            self.metrics.observe_duration(time.perf_counter() - started)

    async def infer(self, body: bytes, header_length: int | None) -> Answer:
        """Answer an Open Inference Protocol request."""
        model, batcher = self._serving()
        manifest = model.artifact.manifest
        request = decode_request(body, header_length, manifest.inputs, [spec.name for spec in manifest.outputs])
        results = await batcher.submit(request.inputs)
        return encode_answer(model.name, VERSION, request, results)

    async def predict(self, body: bytes) -> Answer:
        """Answer a plain JSON request."""
        model, batcher = self._serving()
        inputs, single = decode_prediction(body, model.artifact.manifest.inputs)
        results = await batcher.submit(inputs)
        return Answer(encode_prediction(results, single=single))

    def close(self) -> None:
        if self._batcher is not None:
            self._batcher.close()

    def _serving(self) -> tuple[LoadedModel, Batcher]:
        if self.model is None or self._batcher is None:
            raise NotReadyError("the model is still being loaded and verified")
        return self.model, self._batcher
