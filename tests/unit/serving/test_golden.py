from typing import Any

import numpy as np
import pytest

from slipway_contract.manifest import Golden, GoldenTensor
from slipway_serving.errors import InferenceFailedError, StartupError
from slipway_serving.golden import GoldenReport, check_golden

Array = np.ndarray[Any, Any]


def golden(data: list[float | None], *, atol: float = 0.01, rtol: float = 0.0) -> Golden:
    shape = [len(data)]
    return Golden(
        inputs=[GoldenTensor(name="x", dtype="float32", shape=[1, 2], data=[1.0, 2.0])],
        outputs=[GoldenTensor(name="y", dtype="float32", shape=shape, data=data)],
        atol=atol,
        rtol=rtol,
    )


def check(expected: Golden, *got: float, dtype: str = "float32") -> GoldenReport:
    return check_golden(expected, lambda _: {"y": np.array(got, dtype=dtype)})


def refusal(expected: Golden, *got: float, dtype: str = "float32") -> str:
    with pytest.raises(StartupError) as error:
        check(expected, *got, dtype=dtype)
    return str(error.value)


def test_the_model_gets_the_golden_inputs() -> None:
    seen: dict[str, Array] = {}

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        seen.update(inputs)
        return {"y": np.array([3.0], dtype=np.float32)}

    check_golden(golden([3.0]), run)
    assert seen["x"].dtype == np.float32
    assert seen["x"].tolist() == [[1.0, 2.0]]


def test_the_worst_difference_within_the_tolerance_is_reported() -> None:
    report = check(golden([1.0, 2.0]), 1.0, 2.0078125)
    assert report == GoldenReport(max_abs_diff=0.0078125, tolerance=0.01)


def test_the_relative_tolerance_grows_with_the_expected_value() -> None:
    check(golden([1000.0], rtol=0.01), 1009.0)
    refusal(golden([1000.0], rtol=0.001), 1009.0)


def test_a_wrong_answer_is_described() -> None:
    assert refusal(golden([1.0, 2.0]), 1.0, 2.5) == (
        "the golden request's output 'y' differs from the expected answer by up to 0.5 "
        "in 1 of 2 values (atol 0.01, rtol 0)"
    )


def test_a_nan_is_wrong_unless_it_is_expected() -> None:
    assert "by up to inf in 1 of 2 values" in refusal(golden([1.0, 2.0]), 1.0, float("nan"))
    assert "differs" in refusal(golden([1.0, None]), 1.0, 2.0)
    assert check(golden([1.0, None]), 1.0, float("nan")).max_abs_diff == 0.0


def test_infinities_must_agree_in_sign() -> None:
    infinite = golden([float("inf")])
    assert check(infinite, float("inf")).max_abs_diff == 0.0
    refusal(infinite, float("-inf"))


def test_another_shape_or_type_is_wrong() -> None:
    assert refusal(golden([1.0, 2.0]), 1.0).endswith("'y' is float32[1], expected float32[2]")
    assert refusal(golden([1.0]), 1.0, dtype="float64").endswith("'y' is float64[1], expected float32[1]")


def test_an_output_that_the_model_lacks() -> None:
    with pytest.raises(StartupError, match="expects output 'y', which the model does not have"):
        check_golden(golden([1.0]), lambda _: {"z": np.zeros(1, dtype=np.float32)})


def test_a_run_that_fails() -> None:
    def run(_: dict[str, Array]) -> dict[str, Array]:
        raise InferenceFailedError("no kernel")

    with pytest.raises(StartupError, match="the golden request failed: no kernel"):
        check_golden(golden([1.0]), run)


def two_outputs(logit: float, probability: float) -> GoldenReport:
    outputs = [
        GoldenTensor(name="logit", dtype="float32", shape=[1], data=[20.0], atol=0.5),
        GoldenTensor(name="probability", dtype="float32", shape=[1], data=[0.01], atol=0.001),
    ]
    expected = golden([]).model_copy(update={"outputs": outputs, "atol": 0.5})
    got = {"logit": logit, "probability": probability}
    return check_golden(expected, lambda _: {name: np.array([value], np.float32) for name, value in got.items()})


def test_a_small_output_beside_a_large_one_is_held_to_its_own_tolerance() -> None:
    with pytest.raises(StartupError, match=r"'probability' differs .* \(atol 0.001, rtol 0\)"):
        two_outputs(20.0, 0.02)


def test_the_output_nearest_to_its_tolerance_is_reported() -> None:
    assert two_outputs(20.25, 0.01).tolerance == 0.5
    assert two_outputs(20.0625, 0.0109).tolerance == 0.001
