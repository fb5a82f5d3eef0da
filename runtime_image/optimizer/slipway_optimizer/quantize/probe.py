"""A few requests and the float model's answers: how far off a file is, told in a moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Final

from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.compare import compare
from slipway_optimizer.onnx_session import OnnxSession

REQUESTS: Final = 8


@dataclass(frozen=True)
class Probe:
    """Requests with their expected answers."""

    requests: Sequence[Feeds]
    expected: Sequence[Sequence[Array]]
    outputs: Sequence[str]
    threads: int

    def fewer(self) -> "Probe":
        """Half of the requests, where many files are compared."""
        half = max(1, len(self.requests) // 2)
        return replace(self, requests=self.requests[:half], expected=self.expected[:half])

    def error(self, path: Path) -> float:
        """Root mean square of the error over that of the answer, of the worst output, on average over requests.

        A file that does not run, or answers with NaN, is infinitely far off.
        """
        try:
            run = OnnxSession(path, self.outputs, self.threads).run
            answers = [run(feeds) for feeds in self.requests]
        except MemoryError:
            raise
        except Exception:
            return float("inf")
        errors = [
            max(compare(want, have).relative for want, have in zip(wanted, answer, strict=True))
            for wanted, answer in zip(self.expected, answers, strict=True)
        ]
        mean = sum(errors) / len(errors)
        return mean if isfinite(mean) else float("inf")


def make_probe(plain: Path, requests: Sequence[Feeds], outputs: Sequence[str], threads: int) -> Probe:
    """Ask the float model first."""
    run = OnnxSession(plain, outputs, threads).run
    return Probe(requests, [run(feeds) for feeds in requests], outputs, threads)
