"""An artifact as a store holds it: its manifest, and the digest that names it."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from slipway_contract.digest import sha256_of_bytes
from slipway_contract.manifest import FileEntry, Manifest


@dataclass(frozen=True)
class Stored:
    """`digest` is taken over the bytes of the manifest; `first` says that this publisher put it there."""

    manifest: Manifest
    digest: str
    first: bool = False


def read_stored(manifest: bytes, recipe_digest: str, digest_of: Callable[[FileEntry], str | None]) -> Stored | None:
    """Accept an artifact only if it is the recipe's and every file has the digest that the manifest says."""
    try:
        parsed = Manifest.model_validate_json(manifest)
    except ValidationError:
        return None
    if parsed.recipe_digest != recipe_digest:
        return None
    if any(digest_of(entry) != entry.sha256 for entry in parsed.files):
        return None
    return Stored(parsed, sha256_of_bytes(manifest))
