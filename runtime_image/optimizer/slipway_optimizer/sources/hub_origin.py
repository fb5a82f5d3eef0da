"""`hf://`: a repository of the Hugging Face hub or of a mirror of it, or one file; a commit names a version."""

import re
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any, Final

import requests

from slipway_optimizer.credentials import Credentials
from slipway_optimizer.sources.origin import Entry, Look, Stream
from slipway_optimizer.sources.ranges import TIMEOUT_SECONDS, read_range
from slipway_optimizer.sources.uri import SourceUri, parse_hub

# A repository often holds the same weights once for each framework.
OTHER_FRAMEWORKS: Final = {".h5", ".msgpack", ".ot", ".tflite", ".mlmodel", ".gguf", ".onnx", ".onnx_data"}
PICKLED: Final = {".bin", ".pt", ".pth", ".ckpt"}
OTHER_FOLDERS: Final = {"onnx", "openvino", "coreml"}


class HubOrigin:
    """Files of one commit. The hub's client resolves and signs in; the bytes come by ranges like any other's."""

    local = None

    def __init__(self, uri: SourceUri, credentials: Credentials) -> None:
        # Slow to import, and only one kind of source needs it.
        from huggingface_hub import HfApi  # noqa: PLC0415

        self._uri = uri
        self._place = parse_hub(uri.text, uri.rest)
        # False: anonymous, rather than with what somebody's home directory holds.
        self._token = credentials.get("HF_TOKEN") or False
        self._api = HfApi(endpoint=credentials.get("HF_ENDPOINT"), token=self._token)
        self._session = requests.Session()

    def look(self, wanted: str | None) -> Look:
        """The repository's files at the revision, or at the commit that is wanted."""
        place = self._place
        commit = wanted.removeprefix("commit:") if wanted and wanted.startswith("commit:") else None
        info: Any = self._api.repo_info(
            place.repository, revision=commit or place.revision, repo_type=place.kind, files_metadata=True
        )
        entries = [_entry(file, str(info.sha)) for file in info.siblings or []]
        if self._uri.is_folder:
            below = _below(entries, place.path)
            return Look(f"commit:{info.sha}", _of_one_framework(below) or below, is_folder=True)
        entry = next((entry for entry in entries if entry.key == place.path), None)
        if entry is None:
            raise FileNotFoundError(place.path)
        named = Entry(self._uri.file_name, entry.key, entry.size, entry.version, entry.sha256)
        # Whoever wants a commit has it; else the digest, with which another commit may leave the file what it was.
        return Look(f"sha256:{entry.sha256}" if entry.sha256 and not commit else f"commit:{info.sha}", [named])

    def read(self, look: Look, entry: Entry, offset: int) -> AbstractContextManager[Stream]:
        """The bytes of one file at the commit, which never change."""
        del look
        from huggingface_hub import hf_hub_url  # noqa: PLC0415

        place = self._place
        url = hf_hub_url(
            place.repository,
            entry.key,
            repo_type=place.kind,
            revision=entry.version,
            endpoint=self._api.endpoint,
        )
        return read_range(lambda headers: self._get(url, headers), None, entry.size, offset)

    def is_current(self, look: Look) -> bool:
        """A commit stays what it is."""
        del look
        return True

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        if self._token:
            headers = headers | {"Authorization": f"Bearer {self._token}"}
        return self._session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)


def _entry(file: Any, commit: str) -> Entry:
    sha256 = file.lfs.sha256 if file.lfs else None
    known = sha256 if sha256 and re.fullmatch(r"[0-9a-f]{64}", sha256) else None
    return Entry(file.rfilename, file.rfilename, file.size, commit, known)


def _below(entries: list[Entry], folder: str) -> list[Entry]:
    start = f"{folder}/" if folder else ""
    return [
        Entry(entry.key.removeprefix(start), entry.key, entry.size, entry.version, entry.sha256)
        for entry in entries
        if entry.key.startswith(start)
    ]


def _of_one_framework(entries: list[Entry]) -> list[Entry]:
    """Leave out weights that PyTorch would not read, and pickles where the same folder has safetensors."""
    with_safetensors = {_folder(entry) for entry in entries if entry.path.endswith(".safetensors")}

    def is_wanted(entry: Entry) -> bool:
        path = PurePosixPath(entry.path)
        if path.suffix in OTHER_FRAMEWORKS or OTHER_FOLDERS & set(path.parts[:-1]):
            return False
        return path.suffix not in PICKLED or _folder(entry) not in with_safetensors

    return [entry for entry in entries if is_wanted(entry)]


def _folder(entry: Entry) -> PurePosixPath:
    return PurePosixPath(entry.path).parent
