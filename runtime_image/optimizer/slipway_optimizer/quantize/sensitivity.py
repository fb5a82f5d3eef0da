"""Sensitivity: how far off the answers are when one layer alone is in integers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from slipway_optimizer.quantize.probe import Probe
from slipway_optimizer.quantize.scheme import Scheme
from slipway_optimizer.quantize.units import Unit

MOST_LAYERS: Final = 96
FEWEST_LAYERS: Final = 8
# Of this process's CPUs: what else runs on the machine does not decide how closely it is looked at.
SECONDS: Final = 60.0
# How much a layer's weights count beside its being one: files have to become small, too.
BEING_A_LAYER: Final = 0.5


@dataclass(frozen=True)
class Layer:
    """One unit, or neighbours that are judged together to save time; `error` is the answers' relative error."""

    units: tuple[Unit, ...]
    error: float = 0.0

    @property
    def weights(self) -> int:
        return sum(unit.weights for unit in self.units)

    @property
    def name(self) -> str:
        first, last = self.units[0].name, self.units[-1].name
        return first if first == last else f"{first} … {last}"

    def fact(self) -> dict[str, Any]:
        kinds = sorted({unit.kind for unit in self.units})
        return {"layer": self.name, "operator": "+".join(kinds), "error": round(min(self.error, 1e6), 6)}


def measure_layers(
    scheme: Scheme, probe: Probe, scratch: Path, report: Callable[[str, float], None], seconds: float = SECONDS
) -> list[Layer]:
    """Quantize each layer alone, in the order of the graph.

    Where this would take too long, neighbours are taken together.
    """
    size = ceil(len(scheme.units) / MOST_LAYERS)
    start = time.process_time()
    first = _error(scheme, scheme.units[:size], probe, scratch)
    taken = time.process_time() - start
    affordable = max(FEWEST_LAYERS, int(seconds / max(taken, 1e-3)))
    wider = max(size, ceil(len(scheme.units) / affordable))
    groups = [scheme.units[at : at + wider] for at in range(0, len(scheme.units), wider)]
    layers = []
    for number, group in enumerate(groups):
        report(f"Quantizing {group[0].name} alone", number / len(groups))
        known = number == 0 and wider == size
        layers.append(Layer(tuple(group), first if known else _error(scheme, group, probe, scratch)))
    return layers


def by_harm(layers: Sequence[Layer]) -> list[Layer]:
    """What is left in float first: what hurts most for what it saves.

    Errors add up by their squares. What a layer saves is its share of the weights, and some time.
    """
    count, total = len(layers), sum(layer.weights for layer in layers) or 1
    return sorted(
        layers, key=lambda layer: layer.error**2 / (layer.weights / total + BEING_A_LAYER / count), reverse=True
    )


def _error(scheme: Scheme, group: Sequence[Unit], probe: Probe, scratch: Path) -> float:
    target = scratch / "alone" / "model.onnx"
    scheme.write(group, target)
    return probe.error(target)
