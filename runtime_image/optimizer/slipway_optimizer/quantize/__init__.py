"""Lossy variants of an exported model: which make sense, how each is built, and what has to stay in float."""

from slipway_optimizer.quantize.calibration_rows import divide
from slipway_optimizer.quantize.context import NotApplicableError, QuantizeContext
from slipway_optimizer.quantize.variants import build_variant, variants_to_try

__all__ = ["NotApplicableError", "QuantizeContext", "build_variant", "divide", "variants_to_try"]
