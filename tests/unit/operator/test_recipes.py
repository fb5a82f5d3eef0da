"""A release that adds a field makes no artifact anew: the recipes of specs that do not use it stay as they are.

Where one of these digests changes, list the new field's default in `slipway_contract.recipe`.
"""

import pytest
from support.modeldeployments import modeldeployment

from slipway_operator.api.v1alpha1 import ModelDeployment, SourceStatus
from slipway_operator.recipes import build_first_recipe, build_recipe

PINNED = {
    "source": {"sha256": "a" * 64},
    "format": "StateDict",
    "factory": "net:Net",
}
JUDGED = {"quantize": {"mode": "FP16"}, "evaluate": {"data": {"uri": "s3://m/d.npz"}, "maxDrop": 0.05}}
ON_CPU = {"accelerator": {"count": 0}}


def parent(spec):
    return ModelDeployment.model_validate(modeldeployment({"spec": spec}, name="x", namespace="y"))


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        ({}, "sha256:da57dd840c981ed40468946f51e02a86450e5cec9a32d0a8fc274d505be4850b"),
        (
            {"model": PINNED, "optimize": JUDGED},
            "sha256:89a0a2d2da12c1706abacabdf73483ba5fa363ab5d7c7bbb12aae7cbf6c80b04",
        ),
    ],
)
def test_the_recipes_of_0_1(spec, digest):
    assert build_first_recipe(parent(spec), "optimizer:1").digest == digest


def test_a_pinned_model_on_any_cpu_has_the_recipe_that_it_had():
    model = parent({"model": PINNED, "serve": ON_CPU})
    assert build_recipe(model, "optimizer:1", []).digest == build_first_recipe(model, "optimizer:1").digest


def classes(*serve):
    return [build_recipe(parent({"model": PINNED, "serve": each}), "optimizer:1", []).hardware_class for each in serve]


def test_another_class_of_hardware_is_another_recipe():
    serve = [
        ON_CPU,
        {**ON_CPU, "resources": {"limits": {"cpu": "2000m"}}},
        {**ON_CPU, "podTemplate": {"spec": {"nodeSelector": {"zone": "b", "disk": "ssd"}}}},
        {},
        {"accelerator": {"product": "NVIDIA-L4"}},
        {"accelerator": {"resource": "nvidia.com/mig-1g.10gb"}},
    ]
    expected = ["cpu", "cpu-2", "cpu,disk=ssd,zone=b", "nvidia.com/gpu", "NVIDIA-L4", "nvidia.com/mig-1g.10gb"]
    assert classes(*serve) == expected
    digests = {build_recipe(parent({"model": PINNED, "serve": each}), "optimizer:1", []).digest for each in serve}
    assert len(digests) == len(serve)


@pytest.mark.parametrize("quantity", [2, "2", "2.0", "2000m", "2e0"])
def test_one_number_of_cpus_is_one_class(quantity):
    assert classes({**ON_CPU, "resources": {"limits": {"cpu": quantity}}}) == ["cpu-2"]


def test_an_image_of_the_users_is_another_recipe_than_the_same_image_of_ours():
    ours = build_recipe(parent({"model": PINNED}), "optimizer:1", [])
    theirs = build_recipe(parent({"model": PINNED, "optimize": {"image": "optimizer:1"}}), "optimizer:1", [])
    assert ours.digest != theirs.digest


def test_how_a_job_runs_is_no_part_of_its_recipe():
    run = {"resources": {"limits": {"memory": "4Gi"}}, "activeDeadlineSeconds": 120}
    with_limits = build_recipe(parent({"model": PINNED, "optimize": run}), "optimizer:1", [])
    assert with_limits.digest == build_recipe(parent({"model": PINNED}), "optimizer:1", []).digest


def test_pinning_what_was_found_is_the_same_recipe():
    unpinned = parent({"serve": ON_CPU})
    found = SourceStatus(
        field="model.source", uri=unpinned.spec.model.source.uri, digest="sha256:" + "a" * 64, resolved_at="now"
    )
    pinned = parent({"model": {"source": {"sha256": "a" * 64}}, "serve": ON_CPU})
    assert build_recipe(unpinned, "o", [found]).digest == build_recipe(pinned, "o", []).digest
