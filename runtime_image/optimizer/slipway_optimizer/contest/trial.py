"""What was measured of one entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway_contract.manifest import Latency
from slipway_optimizer.contest.entry import Entry
from slipway_optimizer.contest.speedup import Speedup


@dataclass(frozen=True)
class Trial:
    """Figures of one entry; absent ones were not measured.

    Attributes:
        size_bytes: of all files that serving needs.
        latency: of one call.
        speedup: over the plain export, from the same rounds.
        max_abs_diff: worst difference from the model that it was exported or converted from, on random requests.
        relative_error: root mean square of the error over that of the answer, of the worst output: on rows of the data
            where there are any, else on random requests.
        score: the metric on the user's data.
        drop: how much worse the score is than the plain export's.
        details: how it was made, for the manifest; JSON values.
        problem: a sentence, where it could not be built, run or scored.
    """

    entry: Entry
    size_bytes: int | None = None
    latency: Latency | None = None
    speedup: Speedup | None = None
    max_abs_diff: float | None = None
    relative_error: float | None = None
    score: float | None = None
    drop: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def name(self) -> str:
        return self.entry.name
