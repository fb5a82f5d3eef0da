"""Every CEL rule: one object that the API server accepts, one that it refuses, and what it says."""

import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from support.modeldeployments import Kubectl, modeldeployment

from slipway_operator.api import v1alpha1

CASES_DIR = Path(__file__).parent / "cases"


class Case(BaseModel, extra="forbid"):
    """A pair, as `cases/README.md` describes it."""

    rule: str
    at: str
    before: dict[str, Any] | None = None
    accepted: dict[str, Any]
    refused: dict[str, Any]


def read_cases() -> Iterator[tuple[str, Case]]:
    for file in sorted(CASES_DIR.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            yield file.stem, Case.model_validate(case)


CASES = list(read_cases())
PAIRS = pytest.mark.parametrize("case", [pytest.param(case, id=f"{model}: {case.rule}") for model, case in CASES])


def test_every_rule_has_a_pair_and_every_pair_a_rule() -> None:
    models = [value for value in vars(v1alpha1).values() if isinstance(value, type)]
    rules = {
        (model.__name__, rule.message)
        for model in models
        if issubclass(model, v1alpha1.ApiModel)
        for rule in model.rules
    }

    assert {(model, case.rule) for model, case in CASES} == rules


@pytest.mark.cluster
@PAIRS
def test_accepted(case: Case, kubectl: Kubectl) -> None:
    answer = submit(kubectl, case, case.accepted)

    assert answer.returncode == 0, answer.stderr


@pytest.mark.cluster
@PAIRS
def test_refused(case: Case, kubectl: Kubectl) -> None:
    answer = submit(kubectl, case, case.refused)

    # The value that some versions print between the field and the message is not ours.
    expected = re.escape(f"{case.at}: Invalid value: ") + r"(?:\S.*: )?" + re.escape(case.rule)
    assert answer.returncode != 0
    assert re.fullmatch(rf'The ModelDeployment "\S+" is invalid: {expected}', answer.stderr.strip()), answer.stderr


def submit(kubectl: Kubectl, case: Case, patch: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """A create, or an update where the case starts from an object that exists; nothing is kept of the answer."""
    if case.before is None:
        return kubectl("create", "--dry-run=server", "-f", "-", stdin=modeldeployment(patch))
    name = f"before-{uuid.uuid4().hex[:8]}"
    created = kubectl("create", "-f", "-", stdin=modeldeployment(case.before, name=name))
    assert created.returncode == 0, created.stderr
    return kubectl("replace", "--dry-run=server", "-f", "-", stdin=modeldeployment(patch, name=name))
