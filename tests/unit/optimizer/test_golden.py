"""The golden request: other hardware passes, other weights do not."""

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_contract.manifest import Golden
from slipway_optimizer.errors import UserError
from slipway_optimizer.golden import make_golden
from slipway_optimizer.samples import Sampler

INPUTS = model_spec({"x": ("float32", ["batch", 8])}, ["y"]).inputs
WEIGHTS = np.random.default_rng(0).standard_normal((8, 5)).astype(np.float32)


def model(weights):
    return lambda feeds: [feeds["x"] @ weights]


def passes(golden: Golden, run) -> bool:
    feeds = {item.name: np.array(item.data, item.dtype).reshape(item.shape) for item in golden.inputs}
    expected = np.array(golden.outputs[0].data, golden.outputs[0].dtype).reshape(golden.outputs[0].shape)
    return bool((np.abs(run(feeds)[0] - expected) <= golden.atol + golden.rtol * np.abs(expected)).all())


@pytest.fixture(scope="module")
def golden():
    return make_golden(model(WEIGHTS), Sampler(INPUTS, {}), {"batch": 1}, ["y"], "FP32")


def test_the_model_itself_passes_from_json(golden):
    assert passes(Golden.model_validate_json(golden.model_dump_json()), model(WEIGHTS))
    assert [tensor.shape for tensor in golden.inputs] == [[1, 8]]
    assert all(value == round(value, 2) for value in golden.inputs[0].data)


def test_a_thousandth_of_error_passes(golden):
    assert passes(golden, model(WEIGHTS * 1.001))


def test_other_weights_do_not(golden):
    other = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    assert not passes(golden, model(other))
    assert not passes(golden, model(WEIGHTS[:, ::-1]))
    assert not passes(golden, model(np.zeros_like(WEIGHTS)))


def test_a_model_that_answers_nan_has_no_golden_request():
    with pytest.raises(UserError, match="NaN or infinity") as caught:
        make_golden(model(WEIGHTS * np.nan), Sampler(INPUTS, {}), {"batch": 1}, ["y"], "FP32")
    assert caught.value.reason == "OutputMismatch"


def test_each_output_is_held_to_its_own_scale():
    def run(feeds):
        logits = feeds["x"] @ WEIGHTS * 1000
        return [logits, (logits / 1e6).astype(np.float32), logits.argmax(axis=1)]

    golden = make_golden(run, Sampler(INPUTS, {}), {"batch": 1}, ["logits", "small", "label"], "FP32")
    logits, small, label = (output.atol for output in golden.outputs)
    assert golden.atol == logits > 10
    assert 1e-6 < small < 1e-4
    assert label == 0
