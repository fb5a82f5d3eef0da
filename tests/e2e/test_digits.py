"""The second example: trained by its own script, artifacts in S3, served on the CPU."""

from demo import digits
from demo.shell import get


def test_digits_are_recognized(namespace: str) -> None:
    assert digits.run(namespace) >= digits.LEAST_ACCURACY
    status = get("modeldeployment", digits.NAME, "-n", namespace)["status"]
    assert status["artifact"]["uri"].startswith("s3://models/artifacts/")
    assert float(status["artifact"]["baseline"]["score"]) >= digits.LEAST_ACCURACY
    assert not get("persistentvolumeclaims", "-n", namespace)["items"], "an S3 store needs no claim"
