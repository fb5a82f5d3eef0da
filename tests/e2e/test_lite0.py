"""The promise of README: real weights, real photographs, real traffic."""

import pytest
from demo import lite0
from demo.follow import conditions
from demo.shell import get_all, kubectl
from demo.traffic import scale_with_traffic

pytestmark = pytest.mark.timeout(3600)  # each wait in it has its own, shorter, bound


def test_checkpoint_becomes_an_endpoint_that_answers_and_scales(namespace: str) -> None:
    lite0.upload()
    model, _ = lite0.deploy(namespace)

    artifact = model["status"]["artifact"]
    assert artifact["sourceDigest"].endswith("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")
    assert artifact["baseline"]["latencyMicroseconds"] > 0
    assert model["status"]["executionProvider"] == "CPUExecutionProvider"
    assert conditions(model)["Available"]["reason"] == "ServingOnCPU", "the fake GPUs are devices without CUDA"

    pods = get_all("pods", "-n", namespace, "-l", "app.kubernetes.io/component=serve")
    assert pods[0]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"

    answers = lite0.answers(namespace)
    assert all(answers.values()), answers

    scaling = scale_with_traffic(namespace, lite0.NAME, lite0.TENSOR, workers=16, seconds=45)
    assert scaling.most > 1
    assert scaling.summary["codes"].get("200", 0) > 0
    kubectl("delete", "modeldeployment", lite0.NAME, "-n", namespace)
