"""Whatever is observed together, the core answers: real clusters show combinations that no story tells."""

import random
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
from support.stories import read_story, story_names

from slipway_operator.reconcile import reconcile
from slipway_operator.state import Observed

SEEN = [field.name for field in fields(Observed) if field.name not in ("parent", "settings", "now")]


@pytest.mark.parametrize("seed", range(200))
def test_any_mixture_of_stories_has_an_outcome(seed):
    choose = random.Random(seed)  # noqa: S311 (a mixture, not a secret)
    stories = [read_story(name).observed for name in choose.sample(story_names(), 4)]
    mixed = replace(stories[0], **{name: getattr(choose.choice(stories), name) for name in SEEN})
    outcome = reconcile(mixed)
    assert [condition["type"] for condition in outcome.status["conditions"]][-1] == "Ready"
    assert reconcile(mixed) == outcome


@pytest.mark.parametrize("name", story_names())
def test_objects_that_nobody_has_looked_at_yet_have_no_status(name):
    observed = read_story(name).observed
    bare = replace(observed, **{field: _without_status(getattr(observed, field)) for field in SEEN})
    assert len(reconcile(bare).status["conditions"]) == 4


def _without_status(seen):
    if isinstance(seen, tuple):
        return tuple(_without_status(item) for item in seen)
    return {key: value for key, value in seen.items() if key != "status"} if isinstance(seen, Mapping) else seen
