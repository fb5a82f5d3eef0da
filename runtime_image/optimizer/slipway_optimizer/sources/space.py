"""Whether there is room for a download, asked before it begins."""

import shutil
from pathlib import Path

from slipway_optimizer import reasons
from slipway_optimizer.errors import InfrastructureError

MIB = 1 << 20


def require_space(uri: str, folder: Path, size: int | None) -> None:
    """Refuse a download that is larger than what is free.

    Raises:
        InfrastructureError: says how much there is, and how much is needed.
    """
    free = shutil.disk_usage(folder).free
    if size is not None and size > free:
        message = (
            f"{uri} has {size / MIB:,.0f} MiB, and {free / MIB:,.0f} MiB are free for scratch files: give "
            "the Job more scratch space."
        )
        raise InfrastructureError(reasons.DISK_FULL, message)
