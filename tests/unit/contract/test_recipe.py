"""What makes a Job run again, and what does not."""

from copy import deepcopy
from typing import Any

import pytest

from slipway_contract.recipe import recipe_digest
from slipway_contract.source_ids import is_fixed, source_fields, unresolved_fields

SPEC: dict[str, Any] = {
    "model": {
        "source": {"uri": "s3://models/net.pth", "sha256": "a" * 64, "secretRef": {"name": "models"}},
        "format": "StateDict",
        "factory": "net:Net",
        "factoryKwargs": {"width": 4},
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 4]}],
        "outputs": [{"name": "y"}],
    },
    "optimize": {"quantize": {"mode": "Auto"}, "resources": {"limits": {"memory": "4Gi"}}},
    "serve": {"accelerator": {"count": 0}},
    "scale": {"maxReplicas": 3},
}


def digest(spec: dict[str, Any], optimizer_image: str = "optimizer:1", hardware_class: str = "cpu") -> str:
    return recipe_digest(spec, optimizer_image=optimizer_image, hardware_class=hardware_class)


def changed(*path: str, to: Any) -> dict[str, Any]:
    spec = deepcopy(SPEC)
    parent = spec
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = to
    return spec


def test_the_digest_is_the_same_on_every_machine_and_in_every_version():
    assert digest(SPEC) == "sha256:b84cb0d08d5a4941615acb2d5b26fc36ee4f82278fc0cc1fd9b8ce62c56671cc"


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(changed("serve", to={"accelerator": {"count": 2}}), id="how it is served"),
        pytest.param(changed("scale", to={"maxReplicas": 9}), id="how it scales"),
        pytest.param(changed("optimize", "resources", to={}), id="the Job's own resources"),
        pytest.param(changed("model", "source", "secretRef", to={"name": "other"}), id="where credentials come from"),
        pytest.param(changed("model", "source", "uri", to="https://mirror/net.pth"), id="where pinned bytes come from"),
        pytest.param(changed("model", "source", "sha256", to="sha256:" + "A" * 64), id="how the digest is written"),
        pytest.param(changed("model", "code", to=None), id="an absent field that is null"),
    ],
)
def test_the_same_recipe(spec):
    assert digest(spec) == digest(SPEC)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(changed("model", "source", "sha256", to="b" * 64), id="other bytes"),
        pytest.param(changed("model", "source", "sha256", to=None), id="bytes that are not pinned"),
        pytest.param(changed("model", "factory", to="net:Other"), id="another factory"),
        pytest.param(changed("model", "factoryKwargs", to={"width": 8}), id="another argument"),
        pytest.param(changed("model", "factoryKwargs", to={"width": 4, "bias": None}), id="an argument that is null"),
        pytest.param(changed("model", "inputs", to=[{"name": "x", "shape": [1, 4]}]), id="another shape"),
        pytest.param(changed("optimize", "quantize", to={"mode": "FP16"}), id="another mode"),
    ],
)
def test_another_recipe(spec):
    assert digest(spec) != digest(SPEC)


def test_another_image_or_hardware_is_another_recipe():
    assert len({digest(SPEC), digest(SPEC, optimizer_image="optimizer:2"), digest(SPEC, hardware_class="gpu")}) == 3


def test_a_factory_argument_that_looks_like_a_source_counts_in_full():
    def with_argument(uri: str) -> dict[str, Any]:
        return changed("model", "factoryKwargs", to={"config": {"uri": uri, "sha256": "c" * 64, "secretRef": "x"}})

    assert digest(with_argument("a")) != digest(with_argument("b"))


def unpinned(uri: str = "s3://models/net.pth") -> dict[str, Any]:
    return changed("model", "source", to={"uri": uri})


def resolved(source_id: str, uri: str = "s3://models/net.pth") -> str:
    ids = {"model.source": source_id}
    return recipe_digest(unpinned(uri), optimizer_image="optimizer:1", hardware_class="cpu", resolved=ids)


def test_a_source_that_was_resolved_to_a_digest_is_the_same_recipe_as_a_pinned_one():
    assert resolved("sha256:" + "a" * 64, uri="https://mirror/net.pth") == digest(SPEC)


def test_a_source_that_was_resolved_to_an_id_counts_by_uri_and_id():
    recipes = [
        digest(unpinned()),
        resolved("etag:1"),
        resolved("etag:2"),
        resolved("etag:1", uri="s3://other/net.pth"),
    ]
    assert len(set(recipes)) == len(recipes)


def test_a_uri_that_names_one_version_counts_by_itself():
    commit = "c" * 40
    uri = f"hf://org/net@{commit}/model.safetensors"
    assert resolved(f"commit:{commit}", uri) == digest(unpinned(uri))


def test_the_sources_of_a_spec():
    spec = changed("optimize", "evaluate", to={"data": {"uri": "https://host/held-out.npz"}})
    spec["model"]["factoryKwargs"] = {"config": {"uri": "s3://no/source"}}
    spec["store"] = {"uri": "s3://artifacts"}
    assert set(source_fields(spec)) == {"model.source", "optimize.evaluate.data"}
    assert set(unresolved_fields(spec)) == {"optimize.evaluate.data"}


@pytest.mark.parametrize(
    ("uri", "fixed"),
    [
        ("hf://org/net@" + "c" * 40, True),
        ("hf://org/net@main/model.onnx", False),
        ("hf://org/net", False),
        ("oci://registry:5000/nets/net@sha256:" + "d" * 64, True),
        ("oci://registry:5000/nets/net:v1", False),
        ("https://host/net@sha256:" + "d" * 64, False),
        ("s3://nets/net.pth?versionId=3Lg_x.1-", True),
        ("s3://nets/net.pth?versionId=null", False),
        ("s3://nets/net.pth?versionId=a&b=c", False),
        ("s3://nets/all/?versionId=3Lg", False),
        ("gs://nets/net.pth#1795535321317101130", True),
        ("gs://nets/net#2.pth", False),
        ("gs://nets/all/#1", False),
        ("https://nets.s3.amazonaws.com/net.pth?versionId=3Lg", False),
    ],
)
def test_whether_a_uri_names_one_version(uri, fixed):
    assert is_fixed({"uri": uri}) is fixed
