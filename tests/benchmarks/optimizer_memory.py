"""Peak memory of the optimizer's Job for a transformer with random weights, and of a bare export of the same model.

python tests/benchmarks/optimizer_memory.py [WIDTH LAYERS]

The default has 2.5 GB of float32 weights. Needs three times as much room in TMPDIR.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from support.peak_memory import LARGE_TRANSFORMER, Watched, watch, watch_job, write_large_transformer

RESULT = Path(__file__).parent / "results" / "optimizer_memory.md"
WIDTH, LAYERS = 2048, 12
GIGABYTE = 1e9
# What a user would write, but for the mapped weights: the exporter's own need.
BARE_EXPORT = """
import json, sys, torch
from large_transformer import LargeTransformer
print(json.dumps({"stage": "Load"}), flush=True)
with torch.device("meta"):
    module = LargeTransformer(int(sys.argv[2]), int(sys.argv[3]))
module.load_state_dict(torch.load(sys.argv[1], mmap=True, weights_only=True), assign=True)
axes = {"ids": {0: "batch", 1: "time"}}
print(json.dumps({"stage": "Export"}), flush=True)
example = (torch.zeros(3, 16, dtype=torch.long),)
program = torch.onnx.export(module.eval(), example, dynamo=True, dynamic_shapes=axes, verbose=False)
print(json.dumps({"stage": "Save"}), flush=True)
program.save(sys.argv[4], external_data=True)
"""


def main(size: Sequence[str]) -> None:
    width, layers = (int(text) for text in size) if size else (WIDTH, LAYERS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec, weights_bytes = write_large_transformer(folder, width, layers)
        arguments = [str(folder / "transformer.pth"), str(width), str(layers), str(folder / "bare.onnx")]
        bare = watch([sys.executable, "-c", BARE_EXPORT, *arguments], {"PYTHONPATH": str(LARGE_TRANSFORMER.parent)})
        for path in folder.glob("bare.onnx*"):
            path.unlink()
        job = watch_job(spec, folder)
    if bare.code or job.code:
        raise SystemExit(f"bare export: exit code {bare.code}; Job: exit code {job.code}, {job.last}")
    text = _report(weights_bytes, bare, job)
    print(text)  # noqa: T201 (a command that people read)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)


def _report(weights_bytes: int, bare: Watched, job: Watched) -> str:
    lines = [
        "# Peak memory of the optimizer's Job",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs. A transformer with {weights_bytes / GIGABYTE:.2f} GB of "
        "random float32 weights in a state dict, exported, verified at every size and published.",
        "",
        "Anonymous pages are the process's own; mapped ones belong to files (weights, libraries), and the kernel drops "
        "clean ones when it needs room. Resident is both at one moment. In parentheses: times the weights.",
        "",
        "| stage | anonymous | mapped | resident |",
        "|---|---|---|---|",
    ]
    for title, watched in (("bare export", bare), ("Job", job)):
        for stage, peak in watched.stages.items():
            lines.append(_row(f"{title}: {stage}", (peak.anonymous, peak.mapped, peak.resident), weights_bytes))
        most = tuple(watched.most(kind) for kind in ("anonymous", "mapped", "resident"))
        lines.append(_row(f"**{title}: most**", most, weights_bytes))
    return "\n".join(lines) + "\n"


def _row(name: str, values: Sequence[int], weights_bytes: int) -> str:
    cells = [f"{value / GIGABYTE:.2f} GB ({value / weights_bytes:.2f})" for value in values]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
