"""The stories together tell everything that the core can say."""

import yaml
from support.stories import CASES, story_names

from slipway_operator.conditions import Reason


def test_every_reason_is_told_by_a_story():
    told = set()
    for name in story_names():
        expect = yaml.safe_load((CASES / name / "expect.yaml").read_text())
        told |= {condition.get("reason") for condition in expect.get("conditions", {}).values()}
    assert {str(reason) for reason in Reason} - told == set()


def test_every_story_says_what_it_is_about():
    for name in story_names():
        assert (CASES / name / "given.yaml").read_text().startswith("# "), name
