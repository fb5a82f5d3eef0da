"""`spec.serve.podTemplate` is whatever somebody wrote: it is laid over ours, or left for the API server to refuse."""

import pytest

from slipway_operator.objects.overlay import overlay

OURS = {"containers": [{"name": "server", "image": "serving:1"}], "nodeSelector": {"gpu": "yes"}}


def test_items_are_merged_by_name():
    patch = {"containers": [{"name": "server", "tty": True}, {"name": "beside", "image": "b"}]}
    assert overlay(OURS, patch)["containers"] == [
        {"name": "server", "image": "serving:1", "tty": True},
        {"name": "beside", "image": "b"},
    ]


def test_null_removes_nothing_of_ours():
    assert overlay(OURS, {"containers": None, "nodeSelector": {"gpu": None}}) == OURS


@pytest.mark.parametrize("items", [["server"], [{"image": "nameless"}], [{"name": {"odd": 1}}], [None], [["x"]]])
def test_items_that_cannot_be_told_apart_are_passed_on(items):
    assert overlay(OURS, {"containers": items})["containers"] == items


@pytest.mark.parametrize("value", ["server", 1, {"name": "server"}])
def test_a_value_of_another_type_is_passed_on(value):
    assert overlay(OURS, {"containers": value})["containers"] == value
