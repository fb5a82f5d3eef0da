"""The Prometheus metrics of one server. Only inference requests are counted; the rest is read when it is scraped."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from slipway_serving.distribution import Distribution
from slipway_serving.ticket import Ticket

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)


class Watched(Protocol):
    """What is read at each scrape, so that no request pays for it."""

    @property
    def in_flight(self) -> int: ...
    @property
    def bytes_held(self) -> int: ...
    @property
    def queue_depth(self) -> int: ...
    @property
    def queue_bytes(self) -> int: ...
    @property
    def rejected(self) -> dict[str, int]: ...


class Metrics:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, str], int] = {}
        self._duration = Distribution(_LATENCY_BUCKETS)
        self._queue = Distribution(_LATENCY_BUCKETS)
        self._compute = Distribution(_LATENCY_BUCKETS)
        self._encode = Distribution(_LATENCY_BUCKETS)
        self._batch_size = Distribution(_SIZE_BUCKETS)
        self._model: tuple[str, str, str] | None = None
        self._watched: Watched | None = None

    def watch(self, watched: Watched) -> None:
        self._watched = watched

    def count_request(self, code: int | str, *, protocol: str = "http", route: str = "infer") -> None:
        """A request was answered: with an HTTP status code, or the name of a gRPC one."""
        with self._lock:
            key = (str(code), protocol, route)
            self._requests[key] = self._requests.get(key, 0) + 1

    def observe_request(self, ticket: Ticket, answered: float) -> None:
        """How long an accepted request took that was answered at this instant of `time.monotonic`."""
        with self._lock:
            self._duration.observe(answered - ticket.accepted)
            if ticket.ended:
                self._queue.observe(ticket.started - ticket.enqueued)
                self._compute.observe(ticket.ended - ticket.started)
                self._encode.observe(answered - ticket.ended)

    def observe_batch(self, rows: int) -> None:
        with self._lock:
            self._batch_size.observe(rows)

    def describe_model(self, model: str, artifact_digest: str, execution_provider: str) -> None:
        self._model = (model, artifact_digest, execution_provider)

    def render(self) -> bytes:
        # Not needed to start, so not loaded at the start.
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415 (the first scrape pays)

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def collect(self) -> "Iterator[Metric]":
        """All but what the process itself says; the interface of Prometheus' collectors."""
        with self._lock:
            yield from self._collect_requests()
            yield from self._collect_distributions()
        yield from self._collect_watched()

    def _collect_requests(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 (the first scrape pays)

        requests = CounterMetricFamily(
            "slipway_requests",
            "Inference requests answered, by HTTP status code or name of the gRPC status.",
            labels=["code", "protocol", "route"],
        )
        for key, count in self._requests.items():
            requests.add_metric(key, count)
        yield requests
        info = GaugeMetricFamily(
            "slipway_model_info",
            "The model that is served; always 1.",
            labels=["model", "artifact_digest", "execution_provider"],
        )
        if self._model is not None:
            info.add_metric(self._model, 1)
        yield info

    def _collect_distributions(self) -> "Iterator[Metric]":
        from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415 (the first scrape pays)

        for name, sentence, distribution in (
            ("request_duration_seconds", "Time from accepting an inference request to its answer.", self._duration),
            ("request_queue_seconds", "Of this, waiting for the session.", self._queue),
            ("request_compute_seconds", "Of this, the run of the model, alone or with others.", self._compute),
            ("request_encode_seconds", "Of this, from the end of the run until the answer was sent.", self._encode),
            ("batch_size", "Rows in one run of the model.", self._batch_size),
        ):
            yield HistogramMetricFamily(
                f"slipway_{name}", sentence, buckets=distribution.buckets(), sum_value=distribution.sum
            )

    def _collect_watched(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 (the first scrape pays)

        watched = self._watched
        if watched is None:
            return
        for name, sentence, value in (
            ("requests_in_flight", "Requests accepted and not answered yet, queue included.", watched.in_flight),
            ("request_bytes_held", "Bytes of the bodies of requests in flight.", watched.bytes_held),
            ("queue_depth", "Requests that wait for the session.", watched.queue_depth),
            ("queue_bytes", "Bytes of the inputs of the requests that wait for the session.", watched.queue_bytes),
        ):
            yield GaugeMetricFamily(f"slipway_{name}", sentence, value=value)
        rejected = CounterMetricFamily(
            "slipway_requests_rejected",
            "Requests that the model did not answer for no fault of their content.",
            labels=["reason"],
        )
        for reason, count in watched.rejected.items():
            rejected.add_metric([reason], count)
        yield rejected
