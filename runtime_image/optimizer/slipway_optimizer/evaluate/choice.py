"""From the spec's words to a metric."""

from slipway_optimizer.evaluate.classification import accuracy, auc, f1, top_k
from slipway_optimizer.evaluate.reading import Metric
from slipway_optimizer.evaluate.regression import mse, pearson, spearman
from slipway_optimizer.spec import Evaluate


def metric_of(spec: Evaluate) -> Metric:
    """The metric that a spec names, unless it is a function of the user's."""
    makers = {
        "Accuracy": accuracy,
        "TopK": lambda: top_k(spec.k or 0),
        "F1": lambda: f1(spec.average or "Macro"),
        "AUC": auc,
        "MSE": mse,
        "Pearson": pearson,
        "Spearman": spearman,
    }
    return makers[spec.metric]()
