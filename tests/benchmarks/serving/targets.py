"""What Slipway has to reach, as ratios within one run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from serving.starting import BARE
from serving.throughput import LOOP

Rows = Sequence[dict[str, Any]]
JSON, BINARY, GRPC = "OIP JSON", "OIP binary", "gRPC raw"


@dataclass(frozen=True)
class Target:
    """`got` has to be at least the limit, or at most, as `wanted` says."""

    case: str
    got: float
    limit: float
    at_most: bool = False

    @property
    def wanted(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"

    @property
    def holds(self) -> bool:
        return self.got <= self.limit if self.at_most else self.got >= self.limit


def targets(throughput: Rows, starts: Rows, overload: dict[str, Any], drains: dict[str, Any]) -> list[Target]:
    """Those whose figures were measured."""
    return [*_of_throughput(throughput), *_of_starts(starts), *_of_overload(overload), *_of_drains(drains)]


def _of_throughput(rows: Rows) -> Iterator[Target]:
    figures = {(row["model"], row["server"], row["connections"]): row for row in rows}

    def rate(server: str, connections: int, model: str = "mlp") -> float:
        return figures[model, server, connections]["requestsPerSecond"]

    def best(how: str, connections: int, model: str = "mlp") -> float:
        return max(rate(f"{name}, {how}", connections, model) for name in ("Slipway", "Slipway batching"))

    models = {row["model"] for row in rows}
    if "mlp" in models:
        peers = [("FastAPI by hand, JSON list", 3.5), ("KServe, OIP JSON", 6), ("MLServer, OIP JSON", 6)]
        for server, least in [*peers, ("LitServe, JSON", 10), ("BentoML, JSON", 10)]:
            yield Target(f"MLP, OIP JSON, 32 connections, over {server}", best(JSON, 32) / rate(server, 32), least)
        binary = best(BINARY, 32)
        yield Target(
            "MLP, OIP binary, 32 connections, over an echo", binary / rate("uvicorn that echoes, OIP binary", 32), 0.55
        )
        yield Target(
            "MLP, OIP binary, 32 connections, over mosec batching", binary / rate("mosec batching, JSON", 32), 1
        )
        batching = figures["mlp", f"Slipway batching, {JSON}", 1]["p50Ms"]
        alone, mosec = figures["mlp", f"Slipway, {JSON}", 1]["p50Ms"], figures["mlp", "mosec, JSON", 1]["p50Ms"]
        yield Target("MLP, 1 connection, batching: p50 over mosec's without", batching / mosec, 0.6, at_most=True)
        yield Target("MLP, 1 connection, batching: p50 over our own without", batching / alone, 1.1, at_most=True)
        for peer in ("KServe", "MLServer"):
            yield Target(f"MLP, {GRPC}, 32 connections, over {peer}", best(GRPC, 32) / rate(f"{peer}, {GRPC}", 32), 2)
    for model in sorted(models - {"mlp"}):
        for connections in (8, 32):
            share = best(BINARY, connections, model) / rate(LOOP, 1, model)
            yield Target(f"{model}, OIP binary, {connections} connections, over {LOOP}", share, 0.95)


def _of_starts(rows: Rows) -> Iterator[Target]:
    figures = {(row["model"], row["server"]): row for row in rows}
    for model, field, most, case in (
        ("lite0", "startSeconds", 1.5, "time to the first right answer, Lite0, over bare onnxruntime"),
        ("mlp", "pssBytes", 1.3, "memory, MLP, over bare onnxruntime"),
    ):
        if (model, BARE) in figures:
            ratio = figures[model, "Slipway"][field] / figures[model, BARE][field]
            yield Target(case, ratio, most, at_most=True)


def _of_overload(facts: dict[str, Any]) -> Iterator[Target]:
    if facts:
        yield Target(
            f"{facts['model']}, ten times the capacity: goodput over capacity", facts["goodputOverCapacity"], 0.95
        )
        growth = facts["pssBytesAfter"] / facts["pssBytesBefore"]
        yield Target(f"{facts['model']}, ten times the capacity: memory after over before", growth, 1.15, at_most=True)


def _of_drains(facts: dict[str, Any]) -> Iterator[Target]:
    if facts:
        yield Target(f"{facts['sigterms']} SIGTERMs under load: requests failed", facts["failed"], 0, at_most=True)
