"""A source's URI taken apart. Nothing is read here."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError

HTTP: Final = frozenset({"http", "https"})
BUCKETS: Final = frozenset({"s3", "gs", "az"})
DISK: Final = frozenset({"file", "pvc"})
SCHEMES: Final = (*sorted(DISK), "https", "http", "s3", "gs", "az", "hf", "oci")

_HUB: Final = re.compile(r"^(?:(models|datasets)/)?([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(.*))?$")


VERSION: Final = "?versionId="
_VERSION_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_GENERATION: Final = re.compile(r"(.*[^/])#([0-9]{1,64})")


@dataclass(frozen=True)
class SourceUri:
    """`rest` is what follows the scheme, with no `/` at its end and without the `version` of a bucket's object."""

    text: str
    scheme: str
    rest: str
    is_folder: bool
    version: str | None = None

    @property
    def file_name(self) -> str:
        path = urlsplit(self.text).path if self.scheme in HTTP | DISK else self.rest
        return unquote(path.rstrip("/")).rsplit("/", 1)[-1] or "source"


@dataclass(frozen=True)
class HubPlace:
    """A repository of the hub, and a path in it; the path is empty for the whole repository."""

    repository: str
    kind: str
    revision: str
    path: str


def parse_uri(text: str) -> SourceUri:
    """Take a URI apart.

    Raises:
        UserError: the scheme is not known, or has no folders, or no versions, or there is a password in it.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UserError(reasons.UNSUPPORTED_SOURCE, f"{text} has no scheme that is known: use one of {known}.")
    if scheme in HTTP | {"oci"} and "@" in rest.partition("/")[0]:
        message = (
            f"{text} has credentials in it: whoever may read the resource sees them, so put them into the Secret that "
            "secretRef names, and remove what is before the host."
        )
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    is_folder = rest.endswith("/") or (scheme == "hf" and not parse_hub(text, rest.rstrip("/")).path)
    if is_folder and scheme in HTTP:
        message = f"{text} ends with '/': a folder cannot be read over HTTP, name a file."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    if scheme == "oci" and is_folder:
        message = f"{text} ends with '/': name a tag or a digest, as in oci://REGISTRY/REPOSITORY:TAG."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    if scheme in BUCKETS:
        rest, version = _without_version(text, scheme, rest)
        return SourceUri(text, scheme, rest.rstrip("/"), is_folder, version)
    return SourceUri(text, scheme, rest.rstrip("/"), is_folder)


def _without_version(text: str, scheme: str, rest: str) -> tuple[str, str | None]:
    """What a bucket's driver would leave out of a name without a word, and read the newest version."""
    if scheme == "gs":
        match = _GENERATION.fullmatch(rest)
        return (match[1], match[2]) if match else (rest, None)
    key, mark, version = rest.partition("?versionid=" if scheme == "az" else VERSION)
    if not mark:
        return rest, None
    if scheme == "az":
        message = f"{text} names a version, which is not read of az://: leave it out, and pin the bytes with sha256."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    if key.endswith("/") or not _VERSION_ID.fullmatch(version):
        message = f"{text} names no version of an object: write s3://BUCKET/KEY{VERSION}ID, for one file."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    return key, version


def parse_hub(text: str, rest: str) -> HubPlace:
    """The parts of `hf://[datasets/]ORG/NAME[@REVISION][/PATH]`; a `/` in the revision is written `%2F`."""
    match = _HUB.match(rest)
    if match is None:
        message = f"{text} names no repository: write hf://ORG/NAME[@REVISION][/PATH]."
        raise UserError(reasons.UNSUPPORTED_SOURCE, message)
    kind, repository, revision, path = match.groups()
    return HubPlace(repository, (kind or "models").removesuffix("s"), unquote(revision or "main"), path or "")
