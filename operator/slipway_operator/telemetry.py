"""The operator's own Prometheus metrics."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from slipway_contract import __version__
from slipway_operator.health import WatchHealth


class Telemetry:
    """One registry for one process; nothing is global, so that tests can have several."""

    def __init__(self, queue_depth: Callable[[], int], watch_health: WatchHealth) -> None:
        self.registry = CollectorRegistry()
        self.reconcile_seconds = Histogram(
            "slipway_operator_reconcile_duration_seconds", "Passes, by result.", ["result"], registry=self.registry
        )
        self.api_errors = Counter(
            "slipway_operator_api_errors",
            "Requests that the API server refused (code) or never answered (code 0).",
            ["method", "code"],
            registry=self.registry,
        )
        self.leader = Gauge("slipway_operator_leader", "1 while this process holds the Lease.", registry=self.registry)
        self.loop_lag = Gauge(
            "slipway_operator_event_loop_lag_seconds",
            "How late the event loop last woke up a task.",
            registry=self.registry,
        )
        depth = Gauge("slipway_operator_queue_depth", "ModelDeployments that are due.", registry=self.registry)
        depth.set_function(queue_depth)
        Info("slipway_operator_build", "What runs here.", registry=self.registry).info({"version": __version__})
        self.registry.register(_WatchAges(watch_health))

    def count_api_error(self, method: str, status: int) -> None:
        self.api_errors.labels(method, str(status)).inc()

    def render(self) -> bytes:
        return generate_latest(self.registry)


class _WatchAges(Collector):
    def __init__(self, watch_health: WatchHealth) -> None:
        self._watch_health = watch_health

    def collect(self) -> list[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "slipway_operator_watch_age_seconds",
            "Seconds since the last event of each watch.",
            labels=["resource", "namespace"],
        )
        for stream, age in self._watch_health.ages().items():
            family.add_metric([stream.plural, stream.namespace or ""], age)
        return [family]
