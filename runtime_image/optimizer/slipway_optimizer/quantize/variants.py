"""Which variants a spec allows, and how each is built."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from slipway_contract.manifest import Variant
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.quantize.calibrate import Method, float_tensors, observe
from slipway_optimizer.quantize.calibration_rows import MOST_ROWS, spread
from slipway_optimizer.quantize.context import NotApplicableError, QuantizeContext
from slipway_optimizer.quantize.dynamic_int8 import DynamicScheme
from slipway_optimizer.quantize.half import build_half
from slipway_optimizer.quantize.integers import better_range, judge, write_integers
from slipway_optimizer.quantize.model_file import is_large, read_graph
from slipway_optimizer.quantize.prepare import prepare
from slipway_optimizer.quantize.probe import REQUESTS, Probe, make_probe
from slipway_optimizer.quantize.profile import profile
from slipway_optimizer.quantize.quiet import quiet
from slipway_optimizer.quantize.static_int8 import KINDS, StaticScheme
from slipway_optimizer.spec.quantize import Mode

Builder = Callable[[Path, Path, QuantizeContext], dict[str, Any]]
ROWS_AT_ONCE: Final = 1


def variants_to_try(mode: Mode) -> list[Variant]:
    """The lossy variants that a mode allows to build and measure; whether one suits a model is told on building."""
    return [variant for variant in BUILDERS if mode in {"Auto", variant}]


def build_variant(variant: Variant, plain: Path, target: Path, context: QuantizeContext) -> dict[str, Any]:
    """Build a variant from the plain export.

    Returns:
        Facts for the manifest and the report, as JSON.

    Raises:
        NotApplicableError: it makes no sense for this model. Any other exception: the model does not allow it.
    """
    if not context.may_be_served and is_large(plain):
        raise NotApplicableError(
            "more than 1.5 GB of weights are not converted for nothing: set spec.optimize.evaluate.data, or "
            "spec.optimize.allowLossy"
        )
    with quiet():
        return BUILDERS[variant](plain, target, context)


def build_dynamic(plain: Path, target: Path, context: QuantizeContext) -> dict[str, Any]:
    if context.settings.mode == "Auto" and not _has_products(plain):
        raise NotApplicableError("only convolutions have weights, and integers that are found at run time slow them")
    prepared = prepare(plain, context.scratch)
    probe = _probe(plain, context)
    scheme, error = judge([DynamicScheme(prepared)], probe, context.scratch)
    scheme, facts = better_range(scheme, error, probe, context.scratch)
    return facts | write_integers(scheme, plain, target, probe, context)


def build_static(plain: Path, target: Path, context: QuantizeContext) -> dict[str, Any]:
    found = profile(plain)
    if context.settings.mode == "Auto" and not found.convolutions:
        raise NotApplicableError("there are no convolutions, and DynamicINT8 does the same for matrix products")
    if context.calibration is None:
        raise NotApplicableError(
            "there are no rows to calibrate with: set spec.optimize.quantize.calibration.data, or give evaluate.data "
            "at least 32 rows"
        )
    prepared = prepare(plain, context.scratch)
    probe = _probe(plain, context)
    schemes = _calibrated(prepared, context)
    scheme, error = judge(list(schemes.values()), probe, context.scratch)
    method = next(name for name, candidate in schemes.items() if candidate is scheme)
    scheme, facts = better_range(scheme, error, probe, context.scratch)
    calibration = {"method": method, "rows": min(context.calibration.rows, MOST_ROWS)}
    return {"calibration": calibration} | facts | write_integers(scheme, plain, target, probe, context)


def build_int4(plain: Path, target: Path, context: QuantizeContext) -> dict[str, Any]:
    found = profile(plain)
    if context.settings.mode == "Auto" and not found.is_transformer:
        raise NotApplicableError("it is for the matrix products of transformers, and this model is none")
    # What only transformers need takes seconds to import.
    from slipway_optimizer.quantize.int4 import Int4Scheme  # noqa: PLC0415

    scheme = Int4Scheme(prepare(plain, context.scratch))
    if not any(unit.kind == "MatMul" for unit in scheme.units):
        raise NotApplicableError("there is no matrix product with constant weights")
    return write_integers(scheme, plain, target, _probe(plain, context), context)


BUILDERS: Final[dict[Variant, Builder]] = {
    "FP16": build_half,
    "DynamicINT8": build_dynamic,
    "StaticINT8": build_static,
    "INT4": build_int4,
}


def _has_products(plain: Path) -> bool:
    found = profile(plain)
    return bool(found.products or found.recurrent or found.attention) and not (
        found.is_convolutional and found.products <= 1 and not found.recurrent
    )


def _calibrated(prepared: Path, context: QuantizeContext) -> dict[Method, StaticScheme]:
    """With the method that was asked for; else two, of which the better one is taken."""
    asked = context.settings.calibration.method
    methods: tuple[Method, ...] = (asked,) if asked else ("Percentile", "MinMax")
    tensors = float_tensors(read_graph(prepared), KINDS)
    context.report("Calibrating", 0.0)
    histograms = methods != ("MinMax",)
    seen = observe(prepared, tensors, _requests(context), context.threads, histograms=histograms)
    return {method: StaticScheme(prepared, seen.by(method)) for method in methods}


def _probe(plain: Path, context: QuantizeContext) -> Probe:
    return make_probe(plain, _requests(context)[-REQUESTS:], context.outputs, context.threads)


def _requests(context: QuantizeContext) -> list[Feeds]:
    """Rows to calibrate with, one at a time; of many, some from all over the data."""
    rows = context.calibration
    if rows is None:
        return [context.example]
    return list(rows.subset(spread(rows.rows, MOST_ROWS)).chunks(ROWS_AT_ONCE))
