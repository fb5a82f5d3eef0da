"""The Prometheus metrics of one server, in a registry of their own. Only inference requests are counted."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "slipway_requests", "Inference requests answered, by HTTP status code.", ["code"], registry=self.registry
        )
        self._duration = Histogram(
            "slipway_request_duration_seconds",
            "Time from accepting an inference request to its answer.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "slipway_requests_in_flight",
            "Requests accepted and not answered yet, queue included.",
            registry=self.registry,
        )
        self._queue_depth = Gauge("slipway_queue_depth", "Requests that wait for the session.", registry=self.registry)
        self._batch_size = Histogram(
            "slipway_batch_size", "Rows in one run of the model.", buckets=_SIZE_BUCKETS, registry=self.registry
        )
        self._model_info = Gauge(
            "slipway_model_info",
            "The model that is served; always 1.",
            ["model", "artifact_digest", "execution_provider"],
            registry=self.registry,
        )
        self._by_code: dict[int, Counter] = {}

    def watch(self, *, in_flight: Callable[[], int], queue_depth: Callable[[], int]) -> None:
        """Read the two gauges when they are scraped, so that no request pays for them."""
        self._in_flight.set_function(in_flight)
        self._queue_depth.set_function(queue_depth)

    def count_request(self, code: int) -> None:
        if code not in self._by_code:
            self._by_code[code] = self._requests.labels(str(code))
        self._by_code[code].inc()

    def observe_duration(self, seconds: float) -> None:
        self._duration.observe(seconds)

    def observe_batch(self, rows: int) -> None:
        self._batch_size.observe(rows)

    def describe_model(self, model: str, artifact_digest: str, execution_provider: str) -> None:
        self._model_info.labels(model, artifact_digest, execution_provider).set(1)

    def render(self) -> bytes:
        return generate_latest(self.registry)
