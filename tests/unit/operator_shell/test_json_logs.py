"""One JSON object a record, whoever logs."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from slipway_operator.json_logs import RecordFormatter, about


@pytest.fixture
def lines() -> Iterator[StringIO]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RecordFormatter())
    logger = logging.getLogger("some.library")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


LOGGER = logging.getLogger("some.library")


def test_the_fields_of_a_record(lines: StringIO) -> None:
    LOGGER.warning("of %s", "mice\nand men", extra={"password": "hunter2"})

    record = json.loads(lines.getvalue())
    assert record.pop("ts").endswith("Z")
    assert record == {"level": "warning", "logger": "some.library", "message": "of mice\nand men"}


def test_the_time_is_utc(lines: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "m", None, None)
    record.created, record.msecs = 0.25, 250.0

    assert json.loads(RecordFormatter().format(record))["ts"] == "1970-01-01T00:00:00.250Z"


def test_a_record_names_what_it_is_about(lines: StringIO) -> None:
    with about("models", "lite0"):
        LOGGER.error("inside")
    LOGGER.error("outside")

    inside, outside = map(json.loads, lines.getvalue().splitlines())
    assert (inside["namespace"], inside["name"]) == ("models", "lite0")
    assert "name" not in outside


def test_what_a_signed_url_has_behind_its_path_is_not_written(lines: StringIO) -> None:
    try:
        raise ValueError("input_value='https://host/net.pth?sig=abc'")
    except ValueError as error:
        LOGGER.exception("no access to %s (%s)", "https://host/net.pth?sig=abc", error)

    record = json.loads(lines.getvalue())
    assert record["message"] == "no access to https://host/net.pth?… (input_value='https://host/net.pth?…')"
    assert "input_value='https://host/net.pth?…'" in record["exc_info"]
    assert "sig=abc" not in lines.getvalue()


def test_kopf_names_its_object_its_own_way(lines: StringIO) -> None:
    reference = {"namespace": "models", "name": "lite0-abc", "kind": "Pod"}
    LOGGER.error("x", extra={"k8s_ref": reference, "settings": object()})

    record = json.loads(lines.getvalue())
    assert (record["namespace"], record["name"]) == ("models", "lite0-abc")
    assert "settings" not in record


def test_a_traceback_stays_on_the_line(lines: StringIO) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        LOGGER.exception("failed")

    (line,) = lines.getvalue().splitlines()
    assert "ValueError: boom" in json.loads(line)["exc_info"]
