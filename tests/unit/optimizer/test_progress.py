"""What the Job says: JSON lines that only go forward, and one result."""

import errno
import io
import json

import pytest

from slipway_contract.result import RESULT, TERMINATION_MESSAGE_LIMIT_BYTES
from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError, UserError, failure_of
from slipway_optimizer.progress import OPTIONAL, Progress, spans


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_stages_that_nobody_asked_for_take_no_room():
    assert list(spans()) == ["Fetch", "Load", "Export", "Verify", "Quantize", "Measure", "Publish"]
    assert list(spans({"Distill"})) == [
        "Fetch",
        "Load",
        "Distill",
        "Export",
        "Verify",
        "Quantize",
        "Measure",
        "Publish",
    ]
    assert spans()["Export"] == (30, 50)
    for wanted in (set(), {"Prune"}, OPTIONAL):
        edges = list(spans(wanted).values())
        assert edges[0][0] == 0
        assert edges[-1][1] == 100
        assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]


def test_percent_counts_the_whole_job():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.expect(OPTIONAL)
    for stage in spans(OPTIONAL):
        progress.report(stage, "starting")
        progress.report(stage, "half", 0.5)
        progress.report(stage, "half", 0.5)
        progress.report(stage, "done", 1.0)
    said = lines(stream)
    assert said[0].pop("peakMemoryBytes") > 1_000_000
    assert said[0] == {"event": "progress", "stage": "Fetch", "percent": 0, "message": "starting"}
    assert [line["percent"] for line in said] == sorted(line["percent"] for line in said)
    assert said[-1]["percent"] == 100
    assert len(said) == 3 * len(spans(OPTIONAL))


@pytest.mark.parametrize(
    ("error", "code", "exit_class", "reason"),
    [
        (UserError(reasons.INVALID_SPEC, "Wrong."), 64, "user", "InvalidSpec"),
        (InfrastructureError(reasons.SOURCE_UNAVAILABLE, "Down."), 75, "infrastructure", "SourceUnavailable"),
        (MemoryError(), 64, "user", "OutOfMemory"),
        (OSError(errno.ENOSPC, "No space left on device", "/store/x"), 75, "infrastructure", "DiskFull"),
        (KeyError("oops"), 70, "internal", "InternalError"),
    ],
)
def test_every_end_has_a_class_a_reason_and_a_sentence(error, code, exit_class, reason, tmp_path, monkeypatch):
    log = tmp_path / "termination-log"
    monkeypatch.setenv("SLIPWAY_TERMINATION_LOG", str(log))
    stream = io.StringIO()
    exit_code, failed = failure_of(error)
    Progress(stream).result(failed)
    assert (exit_code, failed.exit_class, failed.reason) == (code, exit_class, reason)
    assert RESULT.validate_json(log.read_bytes()) == failed
    assert lines(stream)[-1] == {"event": "result", **json.loads(log.read_text())}


def test_a_long_message_fits_into_the_termination_message(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPWAY_TERMINATION_LOG", str(tmp_path / "log"))
    _, failed = failure_of(UserError(reasons.EXPORT_FAILED, "🧱\n" * 10_000))
    Progress(io.StringIO()).result(failed)
    assert (tmp_path / "log").stat().st_size <= TERMINATION_MESSAGE_LIMIT_BYTES
    assert "\n" not in failed.message


def test_a_download_that_has_just_begun_takes_nothing_back():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.report("Fetch", "Fetching data", 0.6)
    progress.report("Fetch", "Fetching source", 0.1)
    assert [line["percent"] for line in lines(stream)] == [12, 12]
