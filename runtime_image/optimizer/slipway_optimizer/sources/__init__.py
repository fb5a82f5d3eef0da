"""Sources: files that the spec names by URI, fetched to local disk and verified."""

from slipway_optimizer.sources.fetch import Fetched, fetch

__all__ = ["Fetched", "fetch"]
