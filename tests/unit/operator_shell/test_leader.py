"""Who may write the Lease, and what it says afterwards."""

from datetime import UTC, datetime
from typing import Any

import pytest

from slipway_operator.leader import claimed, is_free

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HELD = {
    "holderIdentity": "other",
    "leaseDurationSeconds": 15,
    "acquireTime": "2026-01-01T00:00:00.000000Z",
    "renewTime": "2026-01-01T00:00:00.000000Z",
    "leaseTransitions": 3,
}


@pytest.mark.parametrize(
    ("spec", "age", "free"),
    [
        ({}, 0, True),
        ({**HELD, "holderIdentity": ""}, 0, True),
        ({**HELD, "holderIdentity": "me"}, 0, True),
        (HELD, 0, False),
        (HELD, 14.9, False),
        (HELD, 15, True),
    ],
)
def test_free(spec: dict[str, Any], age: float, free: bool) -> None:
    assert is_free(spec, age, "me") == free


def test_a_first_claim() -> None:
    assert claimed({}, "me", 15, NOW) == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-02T03:04:05.000000Z",
        "renewTime": "2026-01-02T03:04:05.000000Z",
        "leaseTransitions": 0,
    }


def test_a_takeover_counts() -> None:
    spec = claimed(HELD, "me", 15, NOW)

    assert (spec["holderIdentity"], spec["leaseTransitions"], spec["acquireTime"]) == ("me", 4, spec["renewTime"])


def test_a_renewal_moves_one_time_only() -> None:
    mine = claimed(HELD, "me", 15, NOW)
    later = NOW.replace(minute=9)

    assert claimed(mine, "me", 15, later) == {**mine, "renewTime": "2026-01-02T03:09:05.000000Z"}
