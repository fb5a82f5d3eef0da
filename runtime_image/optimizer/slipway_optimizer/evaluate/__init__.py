"""How good a model is on the user's data, and how much worse a variant of it."""

from slipway_optimizer.evaluate.answers import Run
from slipway_optimizer.evaluate.direction import drop
from slipway_optimizer.evaluate.evaluation import Evaluation, prepare_evaluation
from slipway_optimizer.evaluate.problem import ScoreError

__all__ = ["Evaluation", "Run", "ScoreError", "drop", "prepare_evaluation"]
