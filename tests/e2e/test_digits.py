"""The second example: trained by its own script, artifacts in S3, served on the CPU."""

import pytest
from demo import digits
from demo.shell import get, get_all

pytestmark = pytest.mark.timeout(3600)  # each wait in it has its own, shorter, bound


def test_digits_are_recognized(namespace: str) -> None:
    assert digits.run(namespace) >= digits.LEAST_ACCURACY
    status = get("modeldeployment", digits.NAME, "-n", namespace)["status"]
    assert status["artifact"]["uri"].startswith("s3://models/artifacts/")
    assert float(status["artifact"]["baseline"]["score"]) >= digits.LEAST_ACCURACY
    assert not get_all("persistentvolumeclaims", "-n", namespace), "an S3 store needs no claim"
