import numpy as np

from slipway_optimizer.compare import compare, mismatch


def array(*values, dtype="float32"):
    return np.array(values, dtype=dtype)


def test_rounding_is_no_difference_and_a_wrong_value_is():
    assert compare(array(1.0, 1000.0), array(1.00001, 1000.02)).same
    wrong = compare(array(1.0, 2.0), array(1.0, 2.1))
    assert not wrong.same
    assert round(wrong.worst, 3) == 0.1


def test_nan_and_infinity_have_to_be_at_the_same_place():
    nan, inf = float("nan"), float("inf")
    assert compare(array(nan, inf, 1.0), array(nan, inf, 1.0)).same
    assert not compare(array(nan, 1.0), array(1.0, nan)).same
    assert not compare(array(inf, 1.0), array(-inf, 1.0)).same


def test_small_answers_are_held_to_their_own_scale():
    assert not compare(array(1e-3, 2e-3), array(2e-3, 1e-3)).same


def test_half_precision_may_differ_more():
    assert compare(array(1.0, dtype="float16"), array(1.005, dtype="float16")).same
    assert not compare(array(1.0), array(1.005)).same


def test_integers_are_exact():
    assert compare(array(1, 2, dtype="int64"), array(1, 2, dtype="int64")).same
    assert not compare(array(1, 2, dtype="int64"), array(1, 3, dtype="int64")).same
    assert not compare(array(True, dtype="bool"), array(False, dtype="bool")).same


def test_nothing_equals_nothing():
    assert compare(array(), array()).same


def test_shapes_and_dtypes_come_first():
    assert mismatch([array(1.0)], [array(1.0, 2.0)], ["y"]) == "y has shape [2] instead of [1]"
    assert mismatch([array(1.0)], [array(1, dtype="int64")], ["y"]) == "y is int64 instead of float32"
    assert mismatch([array(1.0)], [array(2.0)], ["y"]) is None


def test_many_small_errors_show_in_the_typical_difference():
    expected = np.linspace(1, 2, 1000, dtype="float32")
    result = compare(expected, expected * np.float32(1.0005))
    assert result.worst < result.allowed + 1e-3 * 2
    assert not result.same
    assert result.words.endswith("and typically by 0.05% (allowed: 0.0002 and 0.01%)")


def test_the_coarsest_dtype_on_the_way_decides():
    assert not compare(array(1.0, 2.0), array(1.002, 2.0)).same
    assert compare(array(1.0, 2.0), array(1.002, 2.0), precision="float16").same
    assert compare(array(1.0, 2.0), array(1.02, 2.0), precision="bfloat16").same
    double = array(1.0, 2.0, dtype="float64")
    assert not compare(double, double + 1e-4).same
    assert compare(double, double + 1e-7).same
