"""Which answers of the API server are told to the user, and which are tried again in silence."""

import pytest

from slipway_operator.apply import explain
from slipway_operator.faults import FaultReason
from slipway_operator.kube import ApiError

CHILD = {"kind": "Deployment", "metadata": {"name": "x"}}
UNFIT = "failed to create typed patch object (n/x; apps/v1, Kind=Deployment): .spec.tty: field not declared in schema"


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "bad"), (403, "exceeded quota"), (422, "Invalid value: 99999"), (500, UNFIT)],
)
def test_what_would_be_refused_again_is_told(status: int, message: str) -> None:
    fault = explain(CHILD, ApiError(status, "", message))
    assert fault.reason == FaultReason.CHILD_REFUSED
    assert fault.message == f"the API server refused Deployment x: {message}"


@pytest.mark.parametrize("status", [0, 404, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    error = ApiError(status, "", "etcdserver: request timed out")
    with pytest.raises(ApiError):
        explain(CHILD, error)
