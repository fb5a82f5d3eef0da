"""Broken requests by the thousand: none is answered with a defect of ours, and the next good one is answered right."""

from pathlib import Path

from support.artifacts import build_mlp, write_artifact
from support.mutations import Outcome, ask_grpc, ask_rest

REQUESTS = 2_000


def test_rest(tmp_path: Path) -> None:
    write_artifact(tmp_path, build_mlp(8, 3))
    require_calm(ask_rest(tmp_path, REQUESTS, seed=1))


def test_grpc(tmp_path: Path) -> None:
    write_artifact(tmp_path, build_mlp(8, 3))
    require_calm(ask_grpc(tmp_path, REQUESTS, seed=1))


def require_calm(outcome: Outcome) -> None:
    assert not outcome.defects
    assert outcome.good_answers_are_right
    assert sum(outcome.codes.values()) == REQUESTS
    assert len(outcome.codes) > 1
