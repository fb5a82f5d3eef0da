"""Accuracy, TopK, F1 and AUC."""

from typing import Final

import numpy as np

from slipway_optimizer.arrays import Array
from slipway_optimizer.evaluate.classes import (
    class_labels,
    counted,
    most_likely,
    read_classes,
    read_scores,
)
from slipway_optimizer.evaluate.problem import ScoreError
from slipway_optimizer.evaluate.reading import Answers, Metric, Reading
from slipway_optimizer.spec import Average

BINARY: Final = 2
LARGEST: Final = 1e300


def accuracy() -> Metric:
    """The share of positions whose class is right; without labels, whose class is the original's."""

    def compare(truth: Array, predicted: Array) -> float:
        truth, predicted = counted(truth, predicted)
        return float(np.mean(truth == predicted))

    return Metric("Accuracy", read_classes, _same, compare, of_classes=True)


def top_k(k: int) -> Metric:
    """The share of positions whose class is among the k best; without labels, that have the original's best there."""

    def read(answers: Answers) -> Reading:
        scores = read_scores(answers)
        classes = scores.shape[-1]
        if k >= classes:
            raise ScoreError(
                f"TopK with k {k} holds for every answer: the output {answers.name} has {classes} classes."
            )
        # Stable and descending, so that the first is the one that Accuracy takes.
        best = np.argsort(-scores.astype(np.float64), axis=-1, kind="stable")[..., :k]
        return Reading(best, class_labels(answers, classes))

    def compare(truth: Array, predicted: Array) -> float:
        truth, predicted = counted(truth, predicted)
        return float(np.mean((predicted == truth[:, np.newaxis]).any(axis=-1)))

    return Metric("TopK", read, lambda best: best[..., 0], compare, of_classes=True)


def f1(average: Average) -> Metric:
    """Macro: the mean of every class's F1; Binary: that of class 1. Without labels, the original's classes are true."""

    def compare(truth: Array, predicted: Array) -> float:
        # scikit-learn takes most of a second to import, and few Jobs need it.
        from sklearn.metrics import f1_score  # noqa: PLC0415

        truth, predicted = counted(truth, predicted)
        highest = int(max(truth.max(), predicted.max()))
        if average == "Binary" and highest > 1:
            raise ScoreError(f"F1 with average Binary needs the classes 0 and 1, and there is a class {highest}.")
        return float(f1_score(truth, predicted, average=average.lower(), zero_division=0.0))

    return Metric("F1", read_classes, _same, compare, of_classes=True)


def auc() -> Metric:
    """The area under the ROC curve: of class 1, or the mean over all classes, each against the rest.

    Without labels, the original's classes are true.
    """
    return Metric("AUC", _read_for_auc, most_likely, _area, of_classes=True)


def _read_for_auc(answers: Answers) -> Reading:
    # Infinite scores, as of masked classes or of float16, keep their order; a difference of two has to be a number.
    scores = np.clip(read_scores(answers).astype(np.float64), -LARGEST, LARGEST)
    return Reading(scores, class_labels(answers, max(scores.shape[-1], BINARY)))


def _area(truth: Array, scores: Array) -> float:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    truth, scores = counted(truth, scores)
    present = np.unique(truth)
    if len(present) == 1:
        raise ScoreError(f"AUC needs rows of more than one class, and all are of class {present[0]}.")
    if scores.shape[-1] == 1:
        return float(roc_auc_score(truth, scores[:, 0]))
    if scores.shape[-1] == BINARY:
        # In the order of the probabilities, whether these are probabilities or logits.
        return float(roc_auc_score(truth, scores[:, 1] - scores[:, 0]))
    chances = _probabilities(scores)
    return float(np.mean([roc_auc_score(truth == one, chances[:, one]) for one in present]))


def _probabilities(scores: Array) -> Array:
    from scipy.special import softmax  # noqa: PLC0415

    are_already = bool((scores >= 0).all()) and bool(np.allclose(scores.sum(axis=-1), 1.0, atol=1e-3))
    return scores if are_already else np.asarray(softmax(scores, axis=-1))


def _same(predicted: Array) -> Array:
    return predicted
