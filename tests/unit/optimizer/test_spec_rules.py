"""What the API server says about a recipe, the optimizer says too: the same objects pass, the same do not."""

from pathlib import Path

import pytest
import yaml
from support.modeldeployments import modeldeployment

from slipway_operator.api.v1alpha1 import Distill, FineTune, Prune
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import read_deployment

CASES = Path(__file__).parents[2] / "integration/api/cases"
MODELS = ("Distill", "Evaluate", "Input", "Optimize", "Prune", "Quantize", "Student", "Weights")
PAIRS = [case for name in MODELS for case in yaml.safe_load((CASES / f"{name}.yaml").read_text())]


def read(folder, patch):
    path = folder / "modeldeployment.yaml"
    path.write_text(yaml.safe_dump(modeldeployment(patch)))
    return read_deployment(path).optimize


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case["rule"])
def test_accepted_and_refused(tmp_path, case):
    assert read(tmp_path, case["accepted"])
    with pytest.raises(UserError) as caught:
        read(tmp_path, case["refused"])
    assert caught.value.reason == "InvalidSpec"


def test_both_have_the_same_defaults(tmp_path):
    # The API server fills in its own, and the optimizer has to read a file that no server has seen.
    data = {"uri": "s3://models/train.npz"}
    weights = {"format": "SafeTensors", "factory": "net:Net"}
    wanted = {
        "allowLossy": True,
        "distill": {"student": {"factory": "net:Small"}, "data": data},
        "prune": {"method": "Structured", "amount": 0.5, "fineTune": {"data": data}},
    }
    optimize = read(tmp_path, {"spec": {"model": weights, "optimize": wanted}})
    for model, mine in (
        (Distill, optimize.distill),
        (Prune, optimize.prune),
        (FineTune, optimize.prune.fine_tune),
    ):
        fields = {name for name, field in model.model_fields.items() if not field.is_required()}
        assert {name: model.model_fields[name].default for name in fields} == {
            name: type(mine).model_fields[name].default for name in fields
        }
