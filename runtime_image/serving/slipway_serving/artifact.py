"""Opens an artifact's folder: every file in it is listed in the manifest and has its digest, or nothing is loaded."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from slipway_contract.digest import sha256_of_bytes, sha256_of_file
from slipway_contract.manifest import MANIFEST_FILE, MODEL_FILE, SCHEMA_VERSION, FileEntry, Manifest
from slipway_serving.errors import StartupError


@dataclass(frozen=True)
class Artifact:
    """A verified artifact. `digest` is the manifest's, and so stands for all of it."""

    folder: Path
    digest: str
    manifest: Manifest

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_FILE


def open_artifact(folder: Path) -> Artifact:
    """Verify an artifact's folder.

    Raises:
        StartupError: names the first file that is missing, changed, unlisted or a link.
    """
    try:
        raw = (folder / MANIFEST_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StartupError(f"no artifact at {folder}: {MANIFEST_FILE} is missing") from None
    manifest = parse_manifest(raw)
    _refuse_strangers(folder, manifest)
    for entry in manifest.files:
        verify_file(folder, entry)
    return Artifact(folder=folder, digest=sha256_of_bytes(raw), manifest=manifest)


def parse_manifest(raw: bytes) -> Manifest:
    """Manifest of this schema version, with paths that stay inside the artifact's folder.

    Raises:
        StartupError: not a manifest that this runtime can serve.
    """
    try:
        document = json.loads(raw)
        version = document["schemaVersion"]
    except (ValueError, KeyError, TypeError):
        raise StartupError(f"{MANIFEST_FILE} is not a manifest: no JSON object with a schemaVersion") from None
    if version != SCHEMA_VERSION:
        raise StartupError(
            f"{MANIFEST_FILE} has schemaVersion {version}, but this runtime reads {SCHEMA_VERSION}: "
            "serve it with the runtime image that belongs to its optimizer"
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StartupError(f"{MANIFEST_FILE} is not valid: {where}: {first['msg']}") from None
    for entry in manifest.files:
        _refuse_escape(entry.path)
    if MODEL_FILE not in {entry.path for entry in manifest.files}:
        raise StartupError(f"{MANIFEST_FILE} lists no {MODEL_FILE}")
    return manifest


def verify_file(folder: Path, entry: FileEntry) -> None:
    """Check that a listed file is there, is a plain file, and has the size and digest of its entry."""
    path = folder / entry.path
    if not path.is_file():
        raise StartupError(f"{entry.path} is missing from the artifact")
    size = path.stat().st_size
    if size != entry.size_bytes:
        raise StartupError(f"{entry.path} has {size} bytes, but the manifest says {entry.size_bytes}")
    got = sha256_of_file(path)
    if got != entry.sha256:
        raise StartupError(f"{entry.path} has digest {got}, but the manifest says {entry.sha256}")


def _refuse_escape(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or path == MANIFEST_FILE:
        raise StartupError(f"{MANIFEST_FILE} lists {path!r}, which is not a path inside the artifact")


def _refuse_strangers(folder: Path, manifest: Manifest) -> None:
    # A model may name further files (external data), so an unlisted file could be loaded without a digest.
    listed = {str(PurePosixPath(entry.path)) for entry in manifest.files} | {MANIFEST_FILE}
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise StartupError(f"{name} is a symbolic link, and an artifact has none")
        if not path.is_dir() and name not in listed:
            raise StartupError(f"{name} is in the artifact's folder, but not in its manifest")


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            yield Path(root) / name
