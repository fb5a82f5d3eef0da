"""Averages the requests in flight over a short time, so that a gauge read at one instant does not move replicas."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Load:
    """Requests in flight of one ModelDeployment: summed over its pods, averaged over `seconds`, `age` seconds old."""

    average: float
    age: float
    seconds: float


@dataclass
class LoadWindow:
    """The last `span` seconds of one ModelDeployment. Times are seconds of any one clock."""

    span: float
    _newest: dict[str, tuple[float, float]] = field(default_factory=dict)  # by pod: when, how many
    _totals: deque[tuple[float, float]] = field(default_factory=deque)

    def record(self, at: float, answers: Mapping[str, float], ready: Collection[str]) -> None:
        """Add one round: what the pods that answered said, and which pods should have.

        A pod that misses a round counts with its last answer while that is younger than the window: the pod that
        answers late is the busy one, and dropping it would scale in under load.
        """
        self._newest |= {pod: (at, count) for pod, count in answers.items()}
        self._newest = {
            pod: (when, count) for pod, (when, count) in self._newest.items() if pod in ready and at - when <= self.span
        }
        if not ready:
            self._totals.clear()
        if self._newest:
            self._totals.append((at, sum(count for _, count in self._newest.values())))
        self._forget(at)

    def load(self, now: float) -> Load | None:
        """The average, or None when nothing was heard within the window."""
        self._forget(now)
        if not self._totals:
            return None
        newest = self._totals[-1][0]
        average = sum(total for _, total in self._totals) / len(self._totals)
        return Load(average=average, age=now - newest, seconds=newest - self._totals[0][0])

    def _forget(self, now: float) -> None:
        while self._totals and now - self._totals[0][0] > self.span:
            self._totals.popleft()
