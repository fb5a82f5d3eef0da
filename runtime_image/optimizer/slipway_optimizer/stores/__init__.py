"""Artifact stores: content-addressed by recipe, on a directory or in a bucket. A reader never sees half an artifact."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from slipway_optimizer.errors import UserError
from slipway_optimizer.reasons import UNSUPPORTED_SOURCE
from slipway_optimizer.sources.uri import BUCKETS
from slipway_optimizer.stores.bucket import BucketStore
from slipway_optimizer.stores.checkpoints import Checkpoints
from slipway_optimizer.stores.directory import DirectoryStore
from slipway_optimizer.stores.stored import Stored

__all__ = ["Store", "Stored", "open_store"]


class Store(Protocol):
    """Where artifacts lie, one folder a recipe."""

    def find(self, recipe_digest: str, owner: str | None = None) -> Stored | None:
        """The artifact of a recipe, if it is there and every digest holds; with an owner, it is marked as theirs."""

    def publish(self, recipe_digest: str, folder: Path, owner: str | None = None) -> Stored:
        """Put a finished folder in place, whole or not at all; if another publisher was first, theirs is returned."""

    def collect(self, recipe_digest: str, owner: str, keep: Collection[str]) -> int:
        """Remove the owner's artifacts but this recipe's and the kept ones; returns how many were removed."""

    def checkpoints(self, recipe_digest: str) -> Checkpoints:
        """What a Job of the recipe leaves for the one that goes on after it."""


def open_store(out: str) -> Store:
    """The store at a directory or a bucket's `s3://BUCKET/PREFIX`, `gs://…` or `az://…`."""
    if out.partition("://")[0] in BUCKETS:
        return BucketStore(out)
    if "://" in out and not out.startswith("file://"):
        message = f"{out} is no artifact store: use a directory, s3://BUCKET/PREFIX, gs://… or az://…."
        raise UserError(UNSUPPORTED_SOURCE, message)
    return DirectoryStore(Path(out.removeprefix("file://")))
