import logging
from pathlib import Path

import pytest
from support.serving_app import client_of, loaded_plane

from slipway_serving.access_log import AccessLog, describe, is_servers_fault
from slipway_serving.admission import Admission
from slipway_serving.ticket import Ticket


def ticket(code: int | str = 200) -> Ticket:
    made = Ticket(Admission(max_waiting=1, max_bytes=1), 0, lambda _: None)
    made.code = code
    return made


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.getMessage() == "request"]


@pytest.mark.parametrize(("share", "lines"), [(0.1, 10), (0.25, 25), (1.0, 100), (0.0, 0)])
def test_a_share_is_spread_evenly(caplog: pytest.LogCaptureFixture, share: float, lines: int) -> None:
    caplog.set_level(logging.INFO)
    log = AccessLog(share)
    for _ in range(100):
        log.note(ticket(), 1.0)
    assert len(logged(caplog)) == lines


def test_what_the_server_failed_is_logged_whatever_the_share(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = AccessLog(0.001)
    for code in (200, 400, 500, 503, "OK", "INVALID_ARGUMENT", "INTERNAL"):
        log.note(ticket(code), 1.0)
    assert [line["code"] for line in logged(caplog)] == [500, 503, "INTERNAL"]
    assert not is_servers_fault(499)


def test_stages_are_told_where_the_request_came_so_far() -> None:
    made = ticket()
    made.accepted = 1.0
    assert describe(made, 1.5)["milliseconds"] == 500
    assert "computeMilliseconds" not in describe(made, 1.5)
    made.was_run(3, (1.1, 1.2, 1.4))
    line = describe(made, 1.5)
    assert (line["rows"], line["queueMilliseconds"], line["computeMilliseconds"]) == (3, 100, 200)


async def test_requests_are_logged_with_their_ids_only_when_asked_for(
    mlp_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for share in (0.0, 1.0):
        with loaded_plane(mlp_folder, access_log=share) as plane:
            async with client_of(plane) as client:
                await client.post("/predict", json=[[1.0] * 64], headers={"x-request-id": "from-header"})
    (line,) = logged(caplog)
    assert line["requestId"] == "from-header"
    assert line["route"] == "predict"
    assert line["code"] == 200
    assert line["rows"] == 1
