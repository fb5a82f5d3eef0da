"""Parity: which of the ways an export can be wrong it is."""

import numpy as np
import pytest
from support.optimizer import model_spec

from slipway_optimizer.axes import plan_axes
from slipway_optimizer.errors import UserError
from slipway_optimizer.samples import Sampler
from slipway_optimizer.verify import answer_all, check_parity, check_stateless, measure_parity

INPUTS = model_spec({"x": ("float32", ["batch", "time"])}, ["y"]).inputs
SAMPLER = Sampler(INPUTS, {})
PLAN = plan_axes(INPUTS, lambda sizes: None)
ANSWERS = answer_all(lambda feeds: [feeds["x"] * 2], SAMPLER, PLAN)


def failure(run):
    with pytest.raises(UserError) as caught:
        check_parity(run, ANSWERS, ["y"], "PyTorch")
    return caught.value.reason, caught.value.message


def test_the_same_answers_pass():
    parity = check_parity(lambda feeds: [feeds["x"] + feeds["x"]], ANSWERS, ["y"], "PyTorch")
    assert parity.max_abs_diff == 0.0


def test_every_axis_is_tried_at_other_sizes_twice_in_a_row():
    varied = [answer.varied for answer in ANSWERS if answer.call == 0]
    assert varied == [(), *[("batch",)] * 3, *[("time",)] * 4, *[("batch", "time")] * 3]
    assert len(ANSWERS) == 2 * len(varied)


def test_wrong_everywhere_is_parity():
    reason, message = failure(lambda feeds: [feeds["x"] * 2.1])
    assert reason == "ParityFailed"
    assert "at batch=3, time=16 y differs from PyTorch by up to" in message


def test_right_at_the_traced_size_only_is_a_fixed_axis():
    reason, message = failure(lambda feeds: [feeds["x"] * (2.0 if feeds["x"].shape[1] == 16 else 3.0)])
    assert reason == "DynamicAxisFixed"
    assert message.startswith(
        "The axis time is declared as dynamic, but the export takes it for a constant: at batch=3"
    )


def test_another_shape_is_a_fixed_axis():
    reason, message = failure(lambda feeds: [(feeds["x"] * 2)[:3]])
    assert reason == "DynamicAxisFixed"
    assert "at batch=5, time=16 y has shape [3, 16] instead of [5, 16]" in message


def test_a_runtime_that_refuses_a_size_is_a_fixed_axis():
    def run(feeds):
        if len(feeds["x"]) != 3:
            raise RuntimeError("Got invalid dimensions for input: x\nmore")
        return [feeds["x"] * 2]

    reason, message = failure(run)
    assert reason == "DynamicAxisFixed"
    assert "ONNX Runtime refuses batch=1, time=16: Got invalid dimensions for input: x" in message


def test_right_once_and_wrong_the_next_time_is_hidden_state():
    calls = []

    def run(feeds):
        calls.append(1)
        return [feeds["x"] * (2 if len(calls) % 2 else 5)]

    reason, message = failure(run)
    assert reason == "HiddenState"
    assert message.startswith("The first call is right, the next is not")


def test_a_model_that_counts_its_calls_is_not_stateless():
    calls = []

    def run(feeds):
        calls.append(1)
        return [feeds["x"] + len(calls)]

    with pytest.raises(UserError) as caught:
        check_stateless(run, SAMPLER, PLAN, ["y"], lambda _: ["Counter.calls"])
    assert caught.value.reason == "HiddenState"
    assert "keeps state between calls in Counter.calls. Pass the state in and out" in caught.value.message
    check_stateless(lambda feeds: [feeds["x"]], SAMPLER, PLAN, ["y"], lambda _: [])


def test_lossy_variants_are_measured_not_refused():
    parity = measure_parity(lambda feeds: [(feeds["x"] * 2).astype(np.float16).astype(np.float32)], ANSWERS)
    assert 0 < parity.relative < 0.001
    assert parity.max_abs_diff > 0
