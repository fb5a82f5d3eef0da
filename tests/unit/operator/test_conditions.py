"""A condition's text comes from logs, results and other programs: it is bounded, and the API server can store it."""

from slipway_operator.conditions import MESSAGE_LIMIT, build_condition


def test_lone_surrogates_are_replaced():
    """The API server would store U+FFFD, and the status would differ from what was written on every pass."""
    condition = build_condition("Optimized", "False", "Odd\udcff", "half a \ud83d smile")
    assert (condition.reason, condition.message) == ("Odd?", "half a ? smile")


def test_long_messages_are_cut():
    assert len(build_condition("Optimized", "False", "Odd", "x" * 10_000).message) == MESSAGE_LIMIT
