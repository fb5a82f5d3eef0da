"""`spec.updatePolicy`: what happens when there are new bytes at the same URI."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule

DEFAULT_INTERVAL = "10m"
SECONDS = {"s": 1, "m": 60, "h": 3600}


class UpdatePolicy(ApiModel):
    """What happens when there are new bytes at the same URI."""

    rules = (
        Rule(
            "self.interval.matches('^[0-9]{1,5}(s|m|h)$') ? duration(self.interval) >= duration('10s') && "
            "duration(self.interval) <= duration('720h') : false",
            "interval must be a duration from 10s to 720h, such as 10m",
            ".interval",
        ),
        Rule(
            f"self.mode == 'OnDigestChange' || self.interval == '{DEFAULT_INTERVAL}'",
            "mode Pinned looks only once: remove interval, or set mode to OnDigestChange",
            ".interval",
        ),
    )
    mode: Annotated[
        Literal["Pinned", "OnDigestChange"],
        Field(
            description="Pinned: the bytes that were there when the uri was first looked at stay the model. "
            "OnDigestChange: sources without sha256 are looked at every interval, and new bytes are optimized and "
            "rolled out."
        ),
    ] = "Pinned"
    interval: Annotated[
        str,
        Field(
            min_length=1,
            max_length=16,
            description="Time between two looks with OnDigestChange, 10s to 720h: a whole number and s, m or h, such "
            "as 10m.",
        ),
    ] = DEFAULT_INTERVAL

    @property
    def interval_seconds(self) -> int:
        return int(self.interval[:-1]) * SECONDS[self.interval[-1]]
