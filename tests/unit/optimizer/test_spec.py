"""Reading the spec: what is understood, and the one sentence for what is not."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.optimizer import ends, write_spec

from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import read_deployment

EXAMPLES = Path(__file__).parents[3] / "examples"

MODEL: dict[str, Any] = {
    "source": {"uri": "s3://models/net.pth", "sha256": "sha256:" + "A" * 64, "secretRef": {"name": "x"}},
    "format": "StateDict",
    "factory": "net:Net.small",
    **ends({"x": ("float32", ["batch", 4])}, ["y"]),
}


def test_a_spec_is_read_with_its_defaults(tmp_path):
    deployment = read_deployment(write_spec(tmp_path, MODEL))
    assert deployment.name == "net"
    assert deployment.model.source.sha256 == "a" * 64
    assert deployment.model.inputs[0].dynamic_axes == {0: "batch"}
    assert deployment.optimize.quantize.mode == "Auto"
    assert (deployment.optimize.evaluate.max_drop, deployment.optimize.evaluate.min_speedup) == (0.01, 1.1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "Keras"}, "spec.model.format: Input should be"),
        ({"factory": None}, "set factory to module:attribute"),
        ({"factory": "net.Net"}, "factory must be module:attribute"),
        ({"format": "ONNX"}, "format ONNX holds the whole model: remove factory"),
        ({"source": {"uri": "s3://x", "sha256": "12"}}, "spec.model.source.sha256: "),
        ({"source": {}}, "spec.model.source.uri: this field is required."),
        ({"inputs": []}, "spec.model.inputs: List should have at least 1 item"),
        (
            {"inputs": [{"name": "x", "shape": [0]}]},
            "spec.model.inputs.0.shape.0: a size is a whole number above 0, or",
        ),
        (
            {"inputs": [{"name": "x", "shape": ["2*b", 0]}]},
            "or the name of a dimension that varies, as in [batch, 3, 224, 224] (1 more",
        ),
        ({"inputs": [{"name": "x", "dtype": "float31", "shape": []}]}, "spec.model.inputs.0.dtype"),
        ({"outputs": [{"name": "x"}]}, "the name x is used twice among inputs and outputs"),
        ({"facotry": "typo"}, "spec.model.facotry: there is no such field: check the spelling."),
    ],
)
def test_a_wrong_model_is_one_sentence(tmp_path, change, says):
    with pytest.raises(UserError) as caught:
        read_deployment(write_spec(tmp_path, {**MODEL, **change}))
    assert caught.value.reason == "InvalidSpec"
    assert says in caught.value.message


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/modeldeployment.yaml")), ids=lambda path: path.parent.name)
def test_the_examples_are_understood(path):
    assert read_deployment(path).model.source.uri.startswith("s3://")


def test_null_is_absent(tmp_path):
    absent = {"factoryArgs": None, "factoryKwargs": None, "code": None}
    model = read_deployment(write_spec(tmp_path, {**MODEL, **absent}, {"resources": None})).model
    assert (model.factory_args, model.factory_kwargs, model.code) == (None, None, None)


def test_a_field_of_optimize_that_nobody_reads_is_refused(tmp_path):
    with pytest.raises(UserError, match="shrink: there is no such field"):
        read_deployment(write_spec(tmp_path, MODEL, {"shrink": {"amount": 0.5}}))


@pytest.mark.parametrize("text", ["{", "[]", "", "spec: {}", "metadata: {name: a}\nspec: 3", yaml.safe_dump("\x07")])
def test_what_is_no_modeldeployment_is_invalid(tmp_path, text):
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_deployment(tmp_path / "spec.yaml")
    assert caught.value.reason == "InvalidSpec"


def test_a_file_that_is_not_there_is_invalid(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_deployment(tmp_path / "spec.yaml")
