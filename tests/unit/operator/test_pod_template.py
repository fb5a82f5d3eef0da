"""An operator upgrade moves no pod: the pod template of a model that is served already stays as it is, word for word.

Where a release has to change it, all serving pods of all users are replaced when the operator is upgraded: change the
golden files then, and say so in CHANGELOG.md.
"""

from pathlib import Path

import pytest
import yaml
from support.stories import read_story

from slipway_operator.reconcile import reconcile

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["operator-upgrade-moves-no-pod", "upgrade-with-an-s3-store", "cpu-when-count-0"])
def test_the_pod_template_is_the_one_that_was_released(name):
    children = reconcile(read_story(name).observed).children
    (deployment,) = (child for child in children if child["kind"] == "Deployment")
    assert deployment["spec"]["template"] == yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())
