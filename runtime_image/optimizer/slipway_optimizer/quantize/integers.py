"""From a scheme to a variant: everything in integers, or as much of it as the budget allows."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

from slipway_optimizer.contest.measure import Pace, measure
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.quantize.context import NotApplicableError, QuantizeContext
from slipway_optimizer.quantize.probe import Probe
from slipway_optimizer.quantize.scheme import Scheme
from slipway_optimizer.quantize.search import Search
from slipway_optimizer.quantize.sensitivity import Layer, by_harm, measure_layers

Facts = dict[str, Any]

LOOK: Final = Pace(seconds=1.0, patience=3.0)
TOO_SLOW: Final = 0.9


class Reducible(Scheme, Protocol):
    """A scheme that can also leave one bit of each weight unused."""

    def reduced(self) -> Self:
        """The same with 7 bits for weights."""
        ...


AnyScheme = TypeVar("AnyScheme", bound=Scheme)
AnyReducible = TypeVar("AnyReducible", bound=Reducible)


def judge(schemes: Sequence[AnyScheme], probe: Probe, scratch: Path) -> tuple[AnyScheme, float]:
    """Of several ways to put everything in integers the one that is the least off, and by how much it is."""
    if not schemes[0].units:
        # The quantizers take an empty list of nodes for all of them.
        raise NotApplicableError("nothing in this model can be computed that way")
    path = scratch / "judged" / "model.onnx"
    errors = []
    for scheme in schemes:
        scheme.write(scheme.units, path)
        errors.append(probe.error(path))
    best = errors.index(min(errors))
    return schemes[best], errors[best]


def better_range(scheme: AnyReducible, error: float, probe: Probe, scratch: Path) -> tuple[AnyReducible, Facts]:
    """Whether weights get 8 bits or 7 is measured: with 8, CPUs without VNNI may overflow, and others are exact."""
    reduced, reduced_error = judge([scheme.reduced()], probe, scratch)
    if reduced_error < error:
        return reduced, {"weightBits": 7, "error": rounded(reduced_error)}
    return scheme, {"weightBits": 8, "error": rounded(error)}


def rounded(error: float) -> float:
    """For JSON, which knows no infinity."""
    return round(min(error, 1e6), 6)


def write_integers(scheme: Scheme, plain: Path, target: Path, probe: Probe, context: QuantizeContext) -> dict[str, Any]:
    """Write everything in integers; where that breaks the budget, find what hurts and leave it in float.

    Returns:
        Facts: the layers in float, the sensitivity of each layer, what the search tried.
    """
    if not scheme.units:
        raise NotApplicableError("nothing in this model can be computed that way")
    scheme.write(scheme.units, target)
    facts: dict[str, Any] = {"quantizedLayers": len(scheme.units), "layersInFloat": []}
    score = context.score
    if not context.searches or score is None:
        return facts
    drop = score(target)
    facts["dropInIntegers"] = rounded(drop)
    if drop <= context.max_drop:
        return facts
    if context.needs_speed and is_slower(plain, target, context):
        return facts | {"notSearched": "with everything in integers it is slower than float"}
    layers = measure_layers(scheme, probe.fewer(), context.scratch, context.report)
    facts["sensitivity"] = [layer.fact() for layer in sorted(layers, key=lambda layer: -layer.error)]
    search = Search(scheme, by_harm(layers), score, context.max_drop, context.scratch)
    kept = search.run()
    facts["search"] = [{"layersInFloat": tried.layers_in_float, "drop": rounded(tried.drop)} for tried in search.tried]
    if kept is not None:
        search.write(kept, target)
        facts |= _left(kept, len(scheme.units))
    return facts


def is_slower(plain: Path, target: Path, context: QuantizeContext) -> bool:
    """A first look at the speed-up."""
    runs = {
        name: OnnxSession(path, context.outputs, context.threads).run
        for name, path in (("plain", plain), ("integers", target))
    }
    rounds = measure({name: partial(run, context.example) for name, run in runs.items()}, LOOK)
    return rounds.speedup("integers").value < TOO_SLOW


def _left(kept: Sequence[Layer], units: int) -> dict[str, Any]:
    names = [unit.name for layer in kept for unit in layer.units]
    return {"quantizedLayers": units - len(names), "layersInFloat": names}
