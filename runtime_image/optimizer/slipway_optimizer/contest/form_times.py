"""How long the forms of one model take, side by side with the plain export."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from slipway_contract.manifest import Latency
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.contest.measure import Pace, Rounds, measure
from slipway_optimizer.contest.request import rows_of
from slipway_optimizer.contest.speedup import Speedup
from slipway_optimizer.graph.settle import OWN, FormFigures
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.workshop import Workshop

# Nobody is hopeless: what is slower than the plain export may be served for its size.
PACE: Final = Pace(seconds=2.0, patience=6.0, hopeless_below=0.0)
BASELINE: Final = "PlainExport"


@dataclass(frozen=True)
class FormTimes:
    """Rounds with the plain export, the model's own form and others; figures over the own form."""

    rounds: Rounds
    figures: Mapping[str, FormFigures]

    def over_baseline(self, name: str) -> Speedup:
        """Over the plain export, as for every candidate."""
        return self.rounds.speedup(name)

    def latency(self, name: str, request: Feeds) -> Latency:
        return self.rounds.latency(name, rows_of(request))

    def facts(self) -> dict[str, dict[str, float]]:
        """Figures as JSON."""
        return {
            name: {
                "speedup": round(figure.speedup.value, 3),
                "speedupLow": round(figure.speedup.low or 0.0, 3),
                "startSeconds": round(figure.start_seconds, 4),
            }
            for name, figure in self.figures.items()
        }


def time_forms(paths: Mapping[str, Path], plain: Path | None, request: Feeds, shop: Workshop) -> FormTimes:
    """Start and time all forms.

    Args:
        paths: the model's own form, `OWN`, and others.
        plain: the plain export, where the model's own form is another.
        request: what is timed.
        shop: says outputs and threads.
    """
    contestants = {BASELINE: plain, **paths} if plain is not None else dict(paths)
    starts: dict[str, float] = {}
    runs: dict[str, Callable[[], object]] = {}
    for name, path in contestants.items():
        begin = time.process_time()
        session = OnnxSession(path, shop.outputs, shop.threads)
        starts[name] = time.process_time() - begin
        runs[name] = partial(session.run, request)
    return figures_of(measure(runs, PACE), starts)


def figures_of(rounds: Rounds, starts: Mapping[str, float]) -> FormTimes:
    """Figures over the model's own form, from rounds and the seconds of each start."""
    names = [name for name in starts if name != BASELINE]
    return FormTimes(rounds, {name: FormFigures(rounds.speedup(name, OWN), starts[name]) for name in names})
