"""The user's data: rows of inputs and, where given, labels, for evaluation, calibration and training."""

from slipway_optimizer.data.dataset import ROWS_AT_ONCE, Batch, Dataset
from slipway_optimizer.data.overlap import refuse_overlap
from slipway_optimizer.data.read import Purpose, read_data

__all__ = ["ROWS_AT_ONCE", "Batch", "Dataset", "Purpose", "read_data", "refuse_overlap"]
