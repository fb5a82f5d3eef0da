"""Buckets of GCS and Azure: as much of a filesystem as fetching an artifact asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import obstore
from obstore.store import AzureStore, GCSStore


class Bucket:
    """Reads `BUCKET/KEY`."""

    def __init__(self, scheme: str, options: dict[str, Any]) -> None:
        self._kind: type[GCSStore | AzureStore] = GCSStore if scheme == "gs" else AzureStore
        endpoint = str(options.get("base_url") or options.get("endpoint") or "")
        self._options = {
            **options,
            "client_options": {"allow_http": True} if endpoint.startswith("http://") else {},
            # Whoever copies a file tries again: many tries inside each of those would take minutes to give up.
            "retry_config": {"max_retries": 1},
        }

    def cat_file(self, path: str) -> bytes:
        store, key = self._place(path)
        return bytes(obstore.get(store, key).bytes())

    @contextmanager
    def open(self, path: str, mode: str, *, block_size: int, cache_type: str) -> Iterator[Any]:
        """A file with `size` and `read`, which asks for a block at a time."""
        del mode, cache_type
        store, key = self._place(path)
        reader = obstore.open_reader(store, key, buffer_size=block_size)
        try:
            yield reader
        finally:
            reader.close()

    def _place(self, path: str) -> tuple[GCSStore | AzureStore, str]:
        bucket, _, key = path.partition("/")
        return self._kind(bucket, **self._options), key
