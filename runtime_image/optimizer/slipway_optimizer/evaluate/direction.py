"""Which way a metric is better; the only place that knows."""

from typing import Final

from slipway_optimizer.spec import MetricName

LESS_IS_BETTER: Final[frozenset[MetricName]] = frozenset({"MSE"})


def drop(metric: MetricName, before: float, after: float) -> float:
    """How much worse the score became, in the metric's own unit; negative when it became better."""
    loss = after - before if metric in LESS_IS_BETTER else before - after
    # 0.75 - 0.74 is a little more than 0.01, and a squared error may be tiny.
    return float(f"{loss:.6g}")
