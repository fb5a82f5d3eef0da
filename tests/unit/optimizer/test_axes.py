"""Sizes of dynamic axes: found by asking the model, never guessed."""

import pytest
from support.optimizer import model_spec

from slipway_optimizer.axes import plan_axes
from slipway_optimizer.errors import UserError

IMAGE = model_spec({"image": ("float32", ["batch", 3, "height", "width"])}, ["y"]).inputs
ROWS = model_spec({"x": ("float32", ["batch", 4])}, ["y"]).inputs
FIXED = model_spec({"x": ("float32", [1, 4])}, ["y"]).inputs


def refuses(condition):
    return lambda sizes: ValueError(f"bad {sizes}") if condition(sizes) else None


def test_a_batch_is_traced_with_3_and_checked_at_others():
    plan = plan_axes(ROWS, lambda _: None)
    assert plan.example == {"batch": 3}
    assert [sizes["batch"] for sizes in plan.checks] == [3, 1, 2, 5]
    assert plan.small == {"batch": 1}


def test_without_dynamic_axes_there_is_one_check():
    plan = plan_axes(FIXED, lambda _: None)
    assert (plan.example, plan.checks, plan.small) == ({}, [{}], {})


def test_lengths_grow_until_the_model_accepts_them():
    plan = plan_axes(IMAGE, refuses(lambda sizes: sizes["height"] % 32 or sizes["width"] % 32))
    assert plan.example == {"batch": 3, "height": 32, "width": 32}
    assert plan.small == {"batch": 1, "height": 32, "width": 32}
    assert {"batch": 3, "height": 64, "width": 32} in plan.checks
    assert all(sizes["height"] % 32 == 0 for sizes in plan.checks)


def test_a_model_that_takes_one_row_only():
    with pytest.raises(UserError, match=r"takes only batch=1 .*declare 1 instead of batch") as caught:
        plan_axes(ROWS, refuses(lambda sizes: sizes["batch"] != 1))
    assert caught.value.reason == "DynamicAxisFixed"


def test_a_model_that_takes_one_length_only():
    with pytest.raises(UserError, match="no size of the axis height but 224") as caught:
        plan_axes(IMAGE, refuses(lambda sizes: sizes["height"] != 224))
    assert caught.value.reason == "DynamicAxisFixed"


def test_a_model_that_takes_nothing():
    with pytest.raises(UserError) as caught:
        plan_axes(ROWS, lambda _: ValueError("mat1 and mat2 shapes cannot be multiplied (3x4 and 8x2)\nmore"))
    assert caught.value.reason == "InputMismatch"
    assert "x float32[batch, 4] (tried [3, 4])" in caught.value.message
    assert "cannot be multiplied (3x4 and 8x2). Correct spec.model.inputs." in caught.value.message


def test_an_image_is_never_tried_at_the_size_of_a_sound():
    tried = []

    def refusal(sizes):
        tried.append(sizes["height"])
        return ValueError("no")

    with pytest.raises(UserError):
        plan_axes(IMAGE, refusal)
    assert max(tried) == 1024


def test_axes_are_checked_together_too():
    plan = plan_axes(IMAGE, lambda _: None)
    together = [sizes for sizes in plan.checks if sum(sizes[axis] != plan.example[axis] for axis in sizes) > 1]
    assert {"batch": 1, "height": 1, "width": 1} in together
    assert any(all(size % 2 for size in sizes.values()) and sizes["height"] > 1 for sizes in together)
    assert any(sizes["height"] != sizes["width"] for sizes in together)


def test_a_model_that_takes_pairs_of_rows_is_traced_with_two():
    plan = plan_axes(ROWS, refuses(lambda sizes: sizes["batch"] % 2))
    assert plan.example == plan.small == {"batch": 2}
    assert [sizes["batch"] for sizes in plan.checks] == [2, 4, 8, 16]
