"""What a variant was made with must not judge it."""

from slipway_optimizer import reasons
from slipway_optimizer.data.dataset import Dataset
from slipway_optimizer.data.read import Purpose
from slipway_optimizer.errors import UserError


def refuse_overlap(evaluation: Dataset, other: Dataset, purpose: Purpose) -> None:
    """Refuse calibration or training data that has rows of the evaluation data, in whatever kind of file.

    Raises:
        UserError: `DataInvalid`, with how many rows these are and which is the first.
    """
    judged = set(evaluation.row_digests())
    shared = [row for row, digest in enumerate(other.row_digests()) if digest in judged]
    if shared:
        message = (
            f"{len(shared):,} of the {other.rows:,} rows of the {purpose} data are in the evaluation data too, the "
            f"first is row {shared[0]:,}: a score on them says nothing; take them out of one of the two."
        )
        raise UserError(reasons.DATA_INVALID, message)
