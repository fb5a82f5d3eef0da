"""The forms of a model's graph that may be served: those that answer as the model does, and which brings the most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.compare import compare, mismatch
from slipway_optimizer.contest.speedup import Speedup
from slipway_optimizer.errors import first_line
from slipway_optimizer.graph.forms import write_fused, write_offline
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.quantize.profile import profile
from slipway_optimizer.quantize.quiet import quiet

OWN: Final = "AsExported"
# Rewriting holds the weights several times. From here on they lie beside the graph, and memory is promised.
MOST_BYTES: Final = 128 << 20
# Of the CPU time that a start takes: less is worth a file that is made for one execution provider.
FASTER_START: Final = 0.7
# A median this close is no slower.
AS_FAST: Final = 0.98


@dataclass(frozen=True)
class Forms:
    """Files that answer as the model does, by form, and why others take no part."""

    files: dict[str, Path] = field(default_factory=dict)
    tried: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FormFigures:
    """What a form brings over the model's own, timed side by side, and the CPU time of a start."""

    speedup: Speedup
    start_seconds: float


def write_forms(
    model: Path,
    requests: Sequence[Feeds],
    outputs: Sequence[str],
    threads: int,
    scratch: Path,
    *,
    most_bytes: int | None = None,
) -> Forms:
    """Write every form that suits a model.

    Args:
        model: the file that will be served on the CPU.
        requests: all have to be answered as the model answers them.
        outputs: declared names.
        threads: CPUs to use.
        scratch: a folder for the forms.
        most_bytes: what a form may have, where the budget says so.
    """
    if folder_bytes(model) > MOST_BYTES:
        return Forms(tried={"Offline": f"weights of more than {MOST_BYTES >> 20} MiB would be in memory several times"})
    forms = Forms()
    writers: dict[str, Callable[[Path, Path], bool]] = {"Offline": write_offline}
    if profile(model).is_transformer:
        writers["Fused"] = write_fused
    with quiet():
        for name, write in writers.items():
            target = scratch / name / model.name
            against = _attempt(write, model, target, requests, outputs, threads)
            if against is None and folder_bytes(target) > (most_bytes or inf):
                against = f"it has more than {most_bytes:,} bytes"
            if against is None:
                forms.files[name] = target
            else:
                forms.tried[name] = against
    return forms


def folder_bytes(form: Path) -> int:
    """Of a form with what lies beside it."""
    return sum(path.stat().st_size for path in form.parent.rglob("*") if path.is_file())


def choose_form(figures: Mapping[str, FormFigures]) -> str:
    """Surely faster first, then as fast with a faster start, else the model as it is."""
    others = {name: figure for name, figure in figures.items() if name != OWN}
    faster = {name: figure.speedup.value for name, figure in others.items() if (figure.speedup.low or 0.0) > 1}
    if faster:
        return max(faster, key=lambda name: faster[name])
    own = figures[OWN].start_seconds
    starts = {
        name: figure.start_seconds
        for name, figure in others.items()
        if figure.speedup.value >= AS_FAST and figure.start_seconds <= FASTER_START * own
    }
    return min(starts, key=lambda name: starts[name]) if starts else OWN


def _attempt(
    write: Callable[[Path, Path], bool],
    model: Path,
    target: Path,
    requests: Sequence[Feeds],
    outputs: Sequence[str],
    threads: int,
) -> str | None:
    """Write a form; the sentence why it takes no part, where it does not."""
    try:
        if not write(model, target):
            return "there is nothing to fuse that ONNX Runtime does not fuse itself"
        return None if _same(model, target, requests, outputs, threads) else "it answers differently"
    except MemoryError:
        raise
    except Exception as error:
        return first_line(error)


def _same(model: Path, form: Path, requests: Sequence[Feeds], outputs: Sequence[str], threads: int) -> bool:
    """One after the other: two sessions would hold the weights twice."""
    own, other = (_answers(OnnxSession(path, outputs, threads), requests) for path in (model, form))
    return all(
        not mismatch(want, have, outputs) and all(compare(*pair).same for pair in zip(want, have, strict=True))
        for want, have in zip(own, other, strict=True)
    )


def _answers(session: OnnxSession, requests: Sequence[Feeds]) -> list[list[Array]]:
    return [session.run(feeds) for feeds in requests]
