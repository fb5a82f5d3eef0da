"""`spec.optimize`: what may be done to the model."""

from typing import Any

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.distill import Distill
from slipway_optimizer.spec.evaluate import Evaluate
from slipway_optimizer.spec.prune import Prune
from slipway_optimizer.spec.quantize import Quantize


class Optimize(SpecModel):
    prune: Prune | None = None
    distill: Distill | None = None
    quantize: Quantize = Quantize()
    evaluate: Evaluate = Evaluate()
    allow_lossy: bool = False
    resources: dict[str, Any] | None = None
