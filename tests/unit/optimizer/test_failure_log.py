"""The last lines of a failed Job's log stand in a condition: they are worth reading there."""

import runpy
from pathlib import Path

import pytest
from support.http_source import http_source, status

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, failure_of
from slipway_optimizer.failure_log import explain
from slipway_optimizer.sources.fetch import fetch
from slipway_optimizer.spec import Source


def caught(action) -> BaseException:
    with pytest.raises(Exception) as info:  # noqa: PT011  any that the action raises
        action()
    return info.value


def test_a_sentence_without_a_cause_says_it_all():
    assert explain(UserError(reasons.INVALID_SPEC, "Wrong.")) == ""


def test_the_users_own_lines_are_told_and_ours_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "model.py").write_text("def build():\n    return 1 / 0\n\nbuild()\n")

    def run() -> None:
        try:
            runpy.run_path(str(tmp_path / "model.py"))
        except ZeroDivisionError as error:
            raise UserError(reasons.FACTORY_FAILED, "The factory failed.") from error

    told = explain(caught(run))
    assert "model.py" in told
    assert "in build" in told
    assert told.endswith("ZeroDivisionError: division by zero\n")
    assert "runpy" not in told
    assert "The factory failed" not in told


def test_a_defect_is_told_whole():
    told = explain(caught(lambda: {}["missing"]))
    assert told.startswith("Traceback")
    assert __file__ in told


def test_what_a_signed_url_says_is_told_nowhere(tmp_path: Path):
    with http_source() as server:
        uri = server.answer("/net.pth?X-Amz-Signature=hunter2", status(403))
        error = caught(lambda: fetch(Source(uri=uri), "model.source", tmp_path, lambda done, size: None))
    told = f"{explain(error)} {failure_of(error)[1].message}"
    assert "/net.pth?… may not be read (403 " in told
    assert "hunter2" not in told
