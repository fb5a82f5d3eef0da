"""`spec.optimize`: what the optimization Job may try, and the budget that a variant has to hold."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.distill import Distill
from slipway_operator.api.v1alpha1.evaluate import Evaluate, no_budget, no_preference
from slipway_operator.api.v1alpha1.prune import Prune
from slipway_operator.api.v1alpha1.quantize import Quantize
from slipway_operator.api.v1alpha1.resources import Resources

SIX_HOURS = 6 * 3600


class Optimize(ApiModel):
    """What the optimization Job may do, and the budget."""

    rules = (
        Rule(
            f"self.quantize.mode != 'None' || has(self.prune) || has(self.distill) || {no_budget('self.evaluate')}",
            "mode None makes no variant to choose: remove evaluate.maxDrop, evaluate.minSpeedup and "
            "evaluate.objective, or set another mode",
            ".quantize.mode",
        ),
        Rule(
            f"has(self.evaluate.data) || self.allowLossy || {no_preference('self.evaluate')}",
            "without evaluate.data only the plain export is served, unless allowLossy is set: set one of them, or "
            "remove evaluate.minSpeedup and evaluate.objective",
            ".evaluate.data",
        ),
        Rule(
            "!has(self.prune) && !has(self.distill) || has(self.evaluate.data) || self.allowLossy",
            "without evaluate.data nothing that is pruned or distilled is served, unless allowLossy is set: set one of "
            "them, or remove prune and distill",
            ".evaluate.data",
        ),
        Rule(
            "!self.allowLossy || !has(self.evaluate.data)",
            "with evaluate.data, maxDrop says what may be lost: remove allowLossy",
            ".allowLossy",
        ),
        Rule(
            "!self.allowLossy || self.quantize.mode != 'None' || has(self.prune) || has(self.distill)",
            "mode None makes nothing that loses anything: remove allowLossy, or set another mode",
            ".allowLossy",
        ),
        Rule(
            "self.quantize.mode != 'StaticINT8' || has(self.evaluate.data) || "
            "(has(self.quantize.calibration) && has(self.quantize.calibration.data))",
            "StaticINT8 needs rows to calibrate with: set quantize.calibration.data or evaluate.data",
            ".quantize.mode",
        ),
        Rule(
            "!has(self.quantize.calibration) || has(self.evaluate.data) || self.allowLossy",
            "without evaluate.data nothing that is calibrated is served, unless allowLossy is set: set one of them, or "
            "remove quantize.calibration",
            ".quantize.calibration",
        ),
    )
    prune: Annotated[
        Prune | None,
        Field(
            description="Tries the model with fewer weights or channels, too. The variants of quantize are tried of "
            "each model."
        ),
    ] = None
    distill: Annotated[
        Distill | None,
        Field(
            description="Tries a smaller model, too, that the Job trains on the original's answers. With prune, it is "
            "also tried pruned. What does not hold the budget is not served."
        ),
    ] = None
    quantize: Annotated[Quantize, Field(description="Which numeric formats may be served.")] = Quantize()
    evaluate: Annotated[
        Evaluate,
        Field(
            description="The budget of accuracy and speed. Every variant is measured; where none holds the budget, the "
            "plain export is served."
        ),
    ] = Evaluate()
    allow_lossy: Annotated[
        bool,
        Field(
            description="Without evaluate.data, whether a variant that changes the answers may be served although "
            "nobody knows what that costs. Its answers to random requests have to stay close."
        ),
    ] = False
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=512,
            pattern="^[^\\s]+$",
            description="Image of the optimization Job in place of Slipway's own: one built FROM it with more packages "
            "that factory needs. Name it by digest or by a tag that stays: another reference is another recipe.",
        ),
    ] = None
    resources: Annotated[
        Resources,
        Field(
            description="CPU and memory of the optimization Job. They are no part of the artifact's recipe. Without a "
            "cpu limit here, serve.resources.limits.cpu is the Job's, too: it measures what will be served."
        ),
    ] = Resources()
    active_deadline_seconds: Annotated[
        int,
        Field(
            ge=60,
            le=2592000,
            description="Seconds after which the optimization Job is stopped, its retries included. No part of the "
            "recipe. Raising it starts a Job again that had run out of time.",
        ),
    ] = SIX_HOURS
