"""What the Job says of a finished artifact: short, and the same whenever it is asked."""

from pathlib import Path

import pytest

from slipway_contract.manifest import Manifest
from slipway_contract.result import TERMINATION_MESSAGE_LIMIT_BYTES
from slipway_optimizer.artifact import summarize, summary_of
from slipway_optimizer.stores import Stored

GOLDEN = Path(__file__).parents[1] / "contract/golden"
DIGEST = "sha256:" + "c" * 64


def manifest_of(name, **changes):
    return Manifest.model_validate_json((GOLDEN / f"{name}.json").read_bytes()).model_copy(update=changes)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("v1-minimal", "FP32 as exported, 0.0 MB"),
        ("v1-contest", "Distilled StaticINT8 (CUDA), 10.00 times as fast, Accuracy drop 0.0050, 0.0 MB (3%)"),
    ],
)
def test_the_summary_is_one_line(name, line):
    assert summary_of(manifest_of(name)) == line


def test_the_result_has_what_status_shows():
    result = summarize(Stored(manifest_of("v1-contest"), DIGEST), reused=True)
    assert (result.variant, result.derivation, result.size_bytes) == ("StaticINT8", "Distilled", 30)
    assert (result.speedup, result.speedup_low, result.speedup_high) == (10.0, 9.9, 10.1)
    assert (result.serving.batch_max_size, result.serving.in_flight) == (4, 8)
    assert result.report == "report.html"


def test_an_old_manifest_has_a_result_too():
    result = summarize(Stored(manifest_of("v1-object-store"), DIGEST), reused=True)
    assert result.serving is None
    assert result.derivation == "Original"


def test_a_long_reason_leaves_room_in_the_termination_message():
    manifest = manifest_of("v1-contest")
    chosen = manifest.chosen.model_copy(update={"reason": "Because ärgerlich " * 500})
    candidates = [*manifest.candidates[:-1], chosen]
    result = summarize(Stored(manifest.model_copy(update={"candidates": candidates}), DIGEST), reused=False)
    assert len(result.model_dump_json(by_alias=True).encode()) < TERMINATION_MESSAGE_LIMIT_BYTES
    assert result.reason.endswith("…")
