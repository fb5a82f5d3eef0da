"""Who uses an artifact: one marker an owner, so that an artifact in a shared store is removed with its last owner.

An artifact without any marker came before there were markers, or from somebody without a name: it never gets one, and
is never removed. Others may use it, and nobody could know.
"""

from collections.abc import Mapping
from typing import Final

OWNERS: Final = "owners"
# Clocks of stores count whole seconds.
SLACK_SECONDS: Final = 2.0


def marker_of(owner: str) -> str:
    """The name of the marker of `NAMESPACE/NAME`; a namespace has no dot in it."""
    return owner.replace("/", ".", 1)


def is_stale(markers: Mapping[str, float], mine: str, started: float) -> bool:
    """Whether an owner's claim may be given up.

    Args:
        markers: each marker's name, and when it was written by the store's clock.
        mine: the marker of the owner whose artifacts are collected.
        started: when this Job began, by the same clock. What another Job of the owner claimed since then is in use,
            although this Job was not told to keep it.
    """
    return mine in markers and markers[mine] < started - SLACK_SECONDS


def is_unclaimed(markers: Mapping[str, float], mine: str, started: float) -> bool:
    """Whether no marker but a stale one of the owner's is left."""
    return not markers or (set(markers) == {mine} and is_stale(markers, mine, started))
