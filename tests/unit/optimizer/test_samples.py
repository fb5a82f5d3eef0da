"""Random requests: repeatable, and inside the model's lookup tables."""

import numpy as np
from support.optimizer import model_spec

from slipway_optimizer.samples import Sampler, cautious_bounds, find_bounds

TEXT = model_spec(
    {"input_ids": ("int64", ["batch", "time"]), "attention_mask": ("int64", ["batch", "time"])}, ["y"]
).inputs
MIXED = model_spec(
    {"image": ("uint8", ["batch", 2, 2]), "flag": ("bool", []), "half": ("float16", [3]), "count": ("int32", [1])},
    ["y"],
).inputs
AXES = {"batch": 2, "time": 50}


def test_the_same_number_draws_the_same_request():
    sampler = Sampler(MIXED, cautious_bounds(MIXED))
    first, again, other = sampler.draw(AXES, 1), sampler.draw(AXES, 1), sampler.draw(AXES, 2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["half"], other["half"])
    assert {name: (array.dtype.name, array.shape) for name, array in first.items()} == {
        "image": ("uint8", (2, 2, 2)),
        "flag": ("bool", ()),
        "half": ("float16", (3,)),
        "count": ("int32", (1,)),
    }


def test_ids_go_as_far_as_the_largest_table_that_takes_them():
    def accepts(feeds):
        return feeds["input_ids"].max() < 1000

    bounds = find_bounds(TEXT, [30_000, 1000, 2], accepts, AXES)
    assert bounds == {"input_ids": 1000, "attention_mask": 2}
    drawn = Sampler(TEXT, bounds).draw(AXES, 0)
    assert drawn["input_ids"].max() > 500
    assert drawn["input_ids"].max() < 1000


def test_a_mask_never_hides_a_whole_row():
    drawn = Sampler(TEXT, cautious_bounds(TEXT)).draw(AXES, 0)
    assert set(np.unique(drawn["attention_mask"])) == {0, 1}
    assert (drawn["attention_mask"].sum(axis=1) > 0).all()


def test_a_table_larger_than_the_dtype_is_left_out():
    image = MIXED[:1]
    assert find_bounds(image, [10_000, 16], lambda _: True, AXES) == {"image": 16}


def test_masks_of_either_meaning_hide_something_and_keep_something():
    masks = {"attention_mask": ("bool", ["batch", "time"]), "padding_mask": ("bool", ["batch", "time"])}
    sampler = Sampler(model_spec(masks, ["y"]).inputs, {})
    drawn = sampler.draw(AXES, 0)
    for values in drawn.values():
        assert values.any(axis=1).all()
        assert not values.all(axis=1).any()
    shortest = sampler.draw({"batch": 2, "time": 1}, 0)
    assert shortest["attention_mask"].all()
    assert not shortest["padding_mask"].any()
