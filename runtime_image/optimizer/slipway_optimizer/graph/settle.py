"""Which form of a model is served: another than its own only if it answers the same and is faster, or starts faster."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Final

import onnxruntime

from slipway_optimizer.arrays import Feeds
from slipway_optimizer.compare import compare, mismatch
from slipway_optimizer.contest.measure import Pace, measure
from slipway_optimizer.errors import first_line
from slipway_optimizer.graph.forms import write_fused, write_offline
from slipway_optimizer.onnx_session import OnnxSession
from slipway_optimizer.quantize.model_file import is_large
from slipway_optimizer.quantize.profile import profile
from slipway_optimizer.quantize.quiet import quiet

PACE: Final = Pace(seconds=1.5, patience=4.0)
OWN: Final = "AsExported"
# Of the CPU time that a start takes: less is worth a file that is made for one execution provider.
FASTER_START: Final = 0.7
# A median this close is no slower.
AS_FAST: Final = 0.98

Facts = dict[str, Any]


def settle_form(
    model: Path,
    requests: Sequence[Feeds],
    outputs: Sequence[str],
    threads: int,
    scratch: Path,
    *,
    most_bytes: int | None = None,
) -> Facts:
    """Replace a model's file by a better form of it, where there is one.

    Args:
        model: the file that will be served on the CPU.
        requests: the first is timed; all have to be answered the same.
        outputs: declared names.
        threads: CPUs to use.
        scratch: a folder for the forms.
        most_bytes: what a form may have, where the budget says so.

    Returns:
        Facts: the form, what was tried, and for what it was made.
    """
    if is_large(model):
        return {"form": OWN, "notTried": "weights of more than 1.5 GB would be in memory twice"}
    with quiet():
        forms, tried = _written(model, requests, outputs, threads, scratch)
        for name in [name for name, form in forms.items() if folder_bytes(form) > (most_bytes or inf)]:
            tried[name] = f"it has more than {most_bytes:,} bytes"
            del forms[name]
        figures = _measured({OWN: model, **forms}, requests[0], outputs, threads)
    best = choose_form(figures)
    facts: Facts = {"form": best, **({"tried": tried} if tried else {}), "figures": figures}
    if best != OWN:
        _replace(forms[best], model)
        facts |= {"executionProvider": "CPUExecutionProvider", "onnxruntime": onnxruntime.__version__}
    return facts


def folder_bytes(form: Path) -> int:
    """Of a form with what lies beside it."""
    return sum(path.stat().st_size for path in form.parent.iterdir())


def choose_form(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Surely faster first, then as fast with a faster start, else the model as it is."""
    others = {name: figure for name, figure in figures.items() if name != OWN}
    faster = {name: figure["speedup"] for name, figure in others.items() if figure["speedupLow"] > 1}
    if faster:
        return max(faster, key=lambda name: faster[name])
    own = figures[OWN]["startSeconds"]
    starts = {
        name: figure["startSeconds"]
        for name, figure in others.items()
        if figure["speedup"] >= AS_FAST and figure["startSeconds"] <= FASTER_START * own
    }
    return min(starts, key=lambda name: starts[name]) if starts else OWN


def _written(
    model: Path, requests: Sequence[Feeds], outputs: Sequence[str], threads: int, scratch: Path
) -> tuple[dict[str, Path], dict[str, str]]:
    """The forms that answer as the model does, and why others do not take part."""
    writers: dict[str, Callable[[Path, Path], bool]] = {"Offline": write_offline}
    if profile(model).is_transformer:
        writers["Fused"] = write_fused
    forms: dict[str, Path] = {}
    tried: dict[str, str] = {}
    for name, write in writers.items():
        target = scratch / name / model.name
        try:
            if not write(model, target):
                tried[name] = "there is nothing to fuse that ONNX Runtime does not fuse itself"
            elif not _same(model, target, requests, outputs, threads):
                tried[name] = "it answers differently"
            else:
                forms[name] = target
        except MemoryError:
            raise
        except Exception as error:
            tried[name] = first_line(error)
    return forms, tried


def _same(model: Path, form: Path, requests: Sequence[Feeds], outputs: Sequence[str], threads: int) -> bool:
    own, other = (OnnxSession(path, outputs, threads).run for path in (model, form))
    for feeds in requests:
        want, have = own(feeds), other(feeds)
        if mismatch(want, have, outputs) or not all(compare(*pair).same for pair in zip(want, have, strict=True)):
            return False
    return True


def _measured(
    paths: Mapping[str, Path], request: Feeds, outputs: Sequence[str], threads: int
) -> dict[str, dict[str, float]]:
    starts: dict[str, float] = {}
    runs: dict[str, Callable[[], object]] = {}
    for name, path in paths.items():
        begin = time.process_time()
        run = OnnxSession(path, outputs, threads).run
        starts[name] = time.process_time() - begin
        runs[name] = partial(run, request)
    if len(runs) == 1:
        return {OWN: {"speedup": 1.0, "speedupLow": 1.0, "startSeconds": round(starts[OWN], 4)}}
    rounds = measure(runs, PACE)
    figures = {}
    for name in runs:
        speedup = rounds.speedup(name)
        low = speedup.low if speedup.low is not None else 0.0
        figures[name] = {
            "speedup": round(speedup.value, 3),
            "speedupLow": round(low, 3),
            "startSeconds": round(starts[name], 4),
        }
    return figures


def _replace(form: Path, model: Path) -> None:
    """With all that lies beside each: weights of the model's own, in a file or folder of any name, are in the form."""
    folder = model.parent
    shutil.rmtree(folder)
    folder.mkdir()
    for path in form.parent.iterdir():
        shutil.move(path, folder / path.name)
