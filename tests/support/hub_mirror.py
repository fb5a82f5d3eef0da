"""A mirror of the Hugging Face hub on loopback: what its client asks for, for repositories that a test makes up."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from support.http_source import Answer, HttpSource, http_source


class HubMirror:
    """Repositories with one branch; large files are those that the hub calls LFS, with their sha256."""

    def __init__(self, server: HttpSource) -> None:
        self.server = server
        self.endpoint = server.answer("/", Answer()).rstrip("/")

    def commit(
        self, repository: str, files: Mapping[str, bytes], *, kind: str = "models", needs: str | None = None
    ) -> str:
        """Make `files` the head of a repository's main branch; returns the commit."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
        body = json.dumps({"id": repository, "sha": commit, "siblings": [_sibling(*item) for item in files.items()]})
        for revision in ("main", commit):
            path = f"/api/{kind}/{repository}/revision/{revision}?blobs=true"
            self.server.answer(path, Answer(body=body.encode(), needs=needs))
        for name, content in files.items():
            self.answer(repository, commit, name, Answer(body=content, ranges=True, needs=needs), kind=kind)
        return commit

    def answer(self, repository: str, commit: str, name: str, *answers: Answer, kind: str = "models") -> None:
        """Answer requests for one file in a way of its own."""
        self.server.answer(self.path(repository, commit, name, kind=kind), *answers)

    @staticmethod
    def path(repository: str, commit: str, name: str, *, kind: str = "models") -> str:
        prefix = "" if kind == "models" else f"/{kind}"
        return f"{prefix}/{repository}/resolve/{commit}/{name}"


@contextmanager
def hub_mirror() -> Iterator[HubMirror]:
    with http_source() as server:
        yield HubMirror(server)


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    sibling: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob}
    if not name.endswith((".json", ".txt", ".md")):
        sha256 = hashlib.sha256(content).hexdigest()
        sibling["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return sibling
