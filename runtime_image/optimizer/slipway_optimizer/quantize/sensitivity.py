"""Sensitivity: how far off the answers are when one layer, or a few neighbours, alone are in integers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Final

from slipway_optimizer.quantize.probe import Probe
from slipway_optimizer.quantize.scheme import Scheme
from slipway_optimizer.quantize.units import Unit

FEWEST_LAYERS: Final = 8
# Of the square of all errors. The search leaves the largest in float; what is far below them is not looked at closer.
SHARE_THAT_MATTERS: Final = 0.03
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
    """How far off the answers are for each layer, in the order of the graph.

    Errors add up by their squares, and few layers make up most of them. So neighbours are first quantized together, and
    taken apart where they hurt: the worst ones first, as long as they can change what is left in float.
    """

    def measured(units: Sequence[Unit]) -> Layer:
        report(f"Quantizing {units[0].name} alone", min(len(layers) / len(scheme.units), 1.0))
        return Layer(tuple(units), _error(scheme, units, probe, scratch))

    layers: list[Layer] = []
    end = time.process_time() + seconds
    size = ceil(len(scheme.units) / FEWEST_LAYERS)
    layers += [measured(scheme.units[at : at + size]) for at in range(0, len(scheme.units), size)]
    while time.process_time() < end:
        worst = worth_splitting(layers)
        if worst is None:
            break
        at, middle = layers.index(worst), len(worst.units) // 2
        layers[at : at + 1] = [measured(worst.units[:middle]), measured(worst.units[middle:])]
    return layers


def worth_splitting(layers: Sequence[Layer]) -> Layer | None:
    """The neighbours with the largest error that is not known layer by layer; None where none of it matters."""
    known = sum(layer.error**2 for layer in layers if isfinite(layer.error))
    several = [layer for layer in layers if len(layer.units) > 1]
    worst = max(several, key=lambda layer: layer.error, default=None)
    return worst if worst is not None and worst.error**2 > SHARE_THAT_MATTERS * known else None


def by_harm(layers: Sequence[Layer]) -> list[Layer]:
    """What is left in float first: what hurts most for what it saves.

    Errors add up by their squares. What a layer saves is its share of the weights, and some time.
    """
    count = sum(len(layer.units) for layer in layers)
    total = sum(layer.weights for layer in layers) or 1

    def harm(layer: Layer) -> float:
        return layer.error**2 / (layer.weights / total + BEING_A_LAYER * len(layer.units) / count)

    return sorted(layers, key=harm, reverse=True)


def _error(scheme: Scheme, group: Sequence[Unit], probe: Probe, scratch: Path) -> float:
    target = scratch / "alone" / "model.onnx"
    scheme.write(group, target)
    return probe.error(target)
