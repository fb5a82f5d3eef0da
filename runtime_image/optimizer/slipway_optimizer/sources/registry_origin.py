"""`oci://`: the layers of an artifact in a registry, named by their titles; the manifest's digest names a version."""

import hashlib
import json
from contextlib import AbstractContextManager
from typing import Any, Final

import requests

from slipway_optimizer import reasons
from slipway_optimizer.credentials import Credentials
from slipway_optimizer.errors import UserError
from slipway_optimizer.sources.origin import CHUNK_BYTES, Entry, Look, Stream, TruncatedError
from slipway_optimizer.sources.ranges import read_range
from slipway_optimizer.sources.registry_auth import DOCKER_HUB, RegistryAuth
from slipway_optimizer.sources.uri import SourceUri

TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"
# What clients make of a folder, and what images consist of; a single file is a plain `tar` to them, whatever it is.
PACKED: Final = ("tar+gzip", "tar.gzip", "tar+zstd")
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_LIMIT_BYTES: Final = 4 << 20  # what the specification lets a registry refuse
ACCEPTED: Final = f"{MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"


class RegistryOrigin:
    """One layer is a file, several are a folder."""

    local = None

    def __init__(self, uri: SourceUri, credentials: Credentials) -> None:
        # Slow to import, and only one kind of source needs it.
        from oras.container import Container  # noqa: PLC0415

        self._uri = uri
        registry, _, name = uri.rest.partition("/")
        if registry in DOCKER_HUB:
            registry, name = DOCKER_HUB[0], name if "/" in name else f"library/{name}"
        try:
            # oras takes a host with no dot and no port for a namespace of Docker Hub's, and would sign in there.
            self._container = Container(f"registry.local/{name}")
        except ValueError as error:
            message = f"{uri.text} names no artifact: write oci://REGISTRY/REPOSITORY:TAG or …@sha256:DIGEST."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message) from error
        self._container.registry = registry
        self._auth = RegistryAuth(registry, credentials)

    def look(self, wanted: str | None) -> Look:
        """The manifest behind the tag, or the one that is wanted; its digest is taken over its bytes."""
        reference = wanted.removeprefix("oci:") if wanted and wanted.startswith("oci:") else self._container.digest
        response = self._auth.get(self._container.manifest_url(reference or self._container.tag), {"Accept": ACCEPTED})
        with response:
            response.raise_for_status()
            body = self._body(response)
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            if reference and digest != reference:
                raise TruncatedError(f"the registry sent the manifest {digest} for {reference}")
            layers = _layers(body)
        if not layers:
            message = f"{self._uri.text} is no artifact with layers, such as `oras push` makes: name one that is."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        entries = [self._entry(layer, alone=len(layers) == 1) for layer in layers]
        return Look(f"oci:{digest}", entries, is_folder=len(entries) > 1)

    def read(self, look: Look, entry: Entry, offset: int) -> AbstractContextManager[Stream]:
        """The bytes of one layer, which its digest names for ever."""
        del look
        url = self._container.get_blob_url(entry.key)
        return read_range(lambda headers: self._auth.get(url, headers), None, entry.size, offset)

    def is_current(self, look: Look) -> bool:
        """What a digest names does not change."""
        del look
        return True

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > MANIFEST_LIMIT_BYTES:
                message = f"The manifest of {self._uri.text} is larger than 4 MiB: name an artifact with fewer layers."
                raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        return bytes(body)

    def _entry(self, layer: dict[str, Any], *, alone: bool) -> Entry:
        annotations = layer.get("annotations") or {}
        if annotations.get(UNPACK) == "true" or str(layer.get("mediaType")).endswith(PACKED):
            message = f"{self._uri.text} holds a packed folder: push its files one by one, `oras push REF FILE FILE …`."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        digest = str(layer["digest"])
        if not digest.startswith("sha256:"):
            message = f"{self._uri.text} holds the layer {digest}: only sha256 is verified, push it with that."
            raise UserError(reasons.UNSUPPORTED_SOURCE, message)
        title = annotations.get(TITLE) or (self._uri.file_name if alone else digest.replace(":", "-"))
        return Entry(title, digest, int(layer["size"]), digest, digest.removeprefix("sha256:"))


def _layers(manifest: bytes) -> list[dict[str, Any]]:
    try:
        return list(json.loads(manifest).get("layers") or [])
    except ValueError as error:
        raise TruncatedError("the registry sent a manifest that is no JSON") from error
