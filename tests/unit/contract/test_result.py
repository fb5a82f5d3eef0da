import pytest
from pydantic import ValidationError

from slipway_contract.result import RESOLUTION, RESULT, Failed, Resolved, Succeeded

DIGEST = "sha256:" + "a" * 64
SUCCEEDED = {
    "result": "Succeeded",
    "artifactDigest": DIGEST,
    "recipeDigest": DIGEST,
    "sourceDigest": DIGEST,
    "variant": "FP32",
    "sizeBytes": 1,
    "referenceSizeBytes": 1,
    "baseline": {"variant": "FP32", "sizeBytes": 1},
    "measured": {"variant": "FP32", "sizeBytes": 1},
    "reason": "The plain export.",
}


def test_a_result_says_which_it_is():
    failed = RESULT.validate_json(
        '{"result": "Failed", "exitClass": "user", "reason": "InvalidSpec", "message": "No."}'
    )
    assert isinstance(failed, Failed)
    assert isinstance(RESULT.validate_python(SUCCEEDED | {"aFieldOfALaterVersion": True}), Succeeded)


def test_a_time_that_was_measured_is_a_number():
    """A reader rounds it; JSON as Python writes it has Infinity and NaN too."""
    measured = {"variant": "FP32", "sizeBytes": 1, "latencyUs": float("inf")}
    with pytest.raises(ValidationError, match="finite"):
        RESULT.validate_python(SUCCEEDED | {"measured": measured})


def test_anything_else_is_no_result():
    with pytest.raises(ValidationError):
        RESULT.validate_json('{"result": "Pending"}')


def test_what_a_look_at_the_sources_found():
    source = {"field": "model.source", "digest": "etag:9b2cf535f27731c974343645a3985328-2"}
    found = RESOLUTION.validate_python({"result": "Resolved", "sources": [source]})
    assert isinstance(found, Resolved)
    assert found.by_field == {"model.source": source["digest"]}


@pytest.mark.parametrize(
    "digest", ["md5:00", "sha256:abc", "commit:main", "etag:", "etag:with space", "etag:" + "x" * 129]
)
def test_an_id_of_no_known_kind(digest):
    with pytest.raises(ValidationError):
        RESOLUTION.validate_python({"result": "Resolved", "sources": [{"field": "model.source", "digest": digest}]})
