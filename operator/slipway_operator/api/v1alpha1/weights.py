"""`spec.model.weights`: where in a checkpoint the weights are that the factory's module gets."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule


class Weights(ApiModel):
    """Where in a nested checkpoint the weights are. Absent: what fits the factory's module."""

    rules = (
        Rule(
            "has(self.key) || has(self.prefix)",
            "set key or prefix, or remove weights: what fits the factory's module is found by itself",
            ".key",
        ),
    )
    key: Annotated[
        str | None,
        Field(
            max_length=253,
            pattern=r"^[^.\s]+(\.[^.\s]+)*$",
            description="Path of keys, joined by dots, to the weights, as in ema.state_dict. Absent: the one place "
            "whose weights fit, wherever it is.",
        ),
    ] = None
    prefix: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=253,
            description="What the names of the weights begin with in the checkpoint and not in the module, as in "
            "encoder. with its dot; names without it are left out. Absent: wrappers such as module., model. and "
            "_orig_mod. are taken off where all names fit then.",
        ),
    ] = None
