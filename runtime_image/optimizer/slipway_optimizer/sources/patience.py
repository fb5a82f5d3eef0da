"""How often to try again: until several tries in a row brought nothing, with growing pauses between them."""

from collections.abc import Iterator
from typing import Final

from tenacity import AttemptManager, RetryCallState, Retrying, retry_if_exception

from slipway_optimizer.sources.failures import is_worth_another_try

ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS: Final = 20.0


class Patience:
    """Counts tries in a row that brought nothing: a large file over a bad line needs many tries, and each helps."""

    def __init__(self) -> None:
        self._in_vain = 0

    def encourage(self) -> None:
        """Bytes came that were not there before."""
        self._in_vain = 0

    def attempts(self) -> Iterator[AttemptManager]:
        """Tries, as tenacity has them: `for attempt in …: with attempt: …`; the last error is raised as it was."""
        return iter(
            Retrying(
                retry=retry_if_exception(is_worth_another_try),
                stop=self._is_over,
                wait=self._pause,
                reraise=True,
            )
        )

    def _is_over(self, state: RetryCallState) -> bool:
        del state
        self._in_vain += 1
        return self._in_vain >= ATTEMPTS

    def _pause(self, state: RetryCallState) -> float:
        del state
        return min(FIRST_PAUSE_SECONDS * 2.0**self._in_vain, LONGEST_PAUSE_SECONDS)
