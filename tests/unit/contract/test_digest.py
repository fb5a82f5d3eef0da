import hashlib

import pytest
from pydantic import TypeAdapter, ValidationError

from slipway_contract.digest import Digest, hex_of, sha256_of_bytes, sha256_of_file, sha256_of_json


def test_a_files_digest_is_that_of_its_bytes(tmp_path):
    data = b"x" * (3 << 20)
    (tmp_path / "file").write_bytes(data)
    assert sha256_of_file(tmp_path / "file") == sha256_of_bytes(data) == "sha256:" + hashlib.sha256(data).hexdigest()


def test_json_has_one_digest_whatever_the_order_of_its_keys():
    assert sha256_of_json({"a": 1, "b": [2, {"c": "ü", "d": None}]}) == sha256_of_json(
        {"b": [2, {"d": None, "c": "ü"}], "a": 1}
    )


def test_json_without_nan():
    with pytest.raises(ValueError, match="JSON"):
        sha256_of_json(float("nan"))


def test_a_digest_names_its_algorithm():
    digest = TypeAdapter(Digest)
    assert hex_of(digest.validate_python("sha256:" + "a" * 64)) == "a" * 64
    for wrong in ("a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32):
        with pytest.raises(ValidationError):
            digest.validate_python(wrong)
