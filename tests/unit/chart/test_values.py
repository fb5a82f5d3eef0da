import re
from itertools import chain

import pytest
import yaml
from support.chart import CHART, refusal, render

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
EMPTY_MAPS = ("nodeSelector", "resources")


def leaves(node, path=()):
    if isinstance(node, dict) and node and path[-1:] != ("resources",):
        return list(chain.from_iterable(leaves(value, (*path, key)) for key, value in node.items()))
    return [".".join(path)]


def templates():
    return "\n".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))


@pytest.mark.parametrize("path", leaves(VALUES))
def test_every_value_is_used(path):
    text = templates()
    part, _, key = path.rpartition(".")
    shared = part in ("operator", "metricsApi") and f".values.{key}" in text
    assert shared or f".Values.{path}" in text


@pytest.mark.parametrize("path", leaves(VALUES))
def test_every_value_stands_in_the_readme(path):
    assert f"| `{path}` |" in (CHART / "README.md").read_text()


def test_every_value_of_the_templates_exists():
    for path in re.findall(r"\.Values\.([A-Za-z.]+)", templates()):
        node = VALUES
        for key in path.split("."):
            assert key in node, f".Values.{path} has no default"
            node = node[key]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ('metricsAPI={"enabled":false}', "metricsAPI"),
        ('images={"operater":"x"}', "operater"),
        ('operator={"replica":3}', "replica"),
        ("operator.replicas=0", "replicas"),
        ('logLevel="loud"', "logLevel"),
        ('images.operator=""', "images"),
        ('images.optimizer="r/optimizer:1"', "optimizer"),
        ('optimizer.allowPickle="yes"', "allowPickle"),
        ('artifacts.size="a lot"', "size"),
        ('watchNamespaces=["Not A Name"]', "watchNamespaces"),
        ('artifacts.accessModes=["ReadOnlyMany"]', "accessModes"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(value, what):
    assert what in refusal(value)


def test_values_reach_the_operator():
    objects = render(
        'watchNamespaces=["a","b"]',
        'imagePullSecrets=["registry"]',
        "images.optimizer.cpu=r/optimizer:1",
        "images.optimizer.gpu=r/optimizer:1-gpu",
        "optimizer.allowPickle=true",
        "images.serving.cpu=r/serving:1",
        "images.serving.gpu=r/serving:1-gpu",
        "artifacts.size=3Gi",
        "artifacts.storageClassName=fast",
        'artifacts.accessModes=["ReadWriteMany"]',
        "logLevel=debug",
    )
    (deployment,) = (
        it for it in objects if it["kind"] == "Deployment" and it["metadata"]["name"] == "slipway-operator"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "--namespace=a",
        "--namespace=b",
        "--optimizer-image-cpu=r/optimizer:1",
        "--optimizer-image-gpu=r/optimizer:1-gpu",
        "--serving-image-cpu=r/serving:1",
        "--serving-image-gpu=r/serving:1-gpu",
        "--allow-pickle",
        "--artifact-size=3Gi",
        "--artifact-storage-class=fast",
        "--artifact-access-mode=ReadWriteMany",
        "--image-pull-secret=registry",
        "--metrics-api-service=slipway-system/slipway-metrics-api",
        "--lease-namespace=slipway-system",
        "--lease-name=slipway-operator",
        "--http-port=8081",
        "--log-level=debug",
    ]
