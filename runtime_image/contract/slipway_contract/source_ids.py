"""Where a spec names bytes by URI, and the ids that stand for the bytes themselves."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import StringConstraints

# The user's own values, which mean nothing to us: a null or a key named `uri` counts as it stands.
VERBATIM: Final = frozenset({"factoryArgs", "factoryKwargs"})

# A digest of the bytes, or what the store itself calls this version and no other.
SourceId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(sha256:[0-9a-f]{64}|commit:[0-9a-f]{40}|generation:[0-9a-f]{1,64}|oci:sha256:[0-9a-f]{64}"
        r"|version:[A-Za-z0-9._~-]{1,128}|etag:[!-~]{1,128})$"
    ),
]

# These URIs name one version for ever: a commit of a hub repository, a manifest of a registry by its digest, an object
# of a bucket that keeps its versions. The version `null` is the one that is written where none are kept.
_FIXED: Final = re.compile(
    r"^hf://[^@]+@(?P<commit>[0-9a-f]{40})(/.*)?$|^oci://[^@]+@(?P<manifest>sha256:[0-9a-f]{64})$"
    r"|^s3://.*[^/]\?versionId=(?!null$)(?P<version>[A-Za-z0-9._~-]{1,128})$"
    r"|^gs://.*[^/]#(?P<generation>[0-9]{1,64})$"
)
_ID_OF: Final = {"commit": "commit:", "manifest": "oci:", "version": "version:", "generation": "generation:"}


def source_fields(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Every source in a ModelDeployment's spec, by its field's path: `model.source`, `optimize.evaluate.data` ..."""
    recipe = {key: spec.get(key) or {} for key in ("model", "optimize")}
    return dict(_sources(recipe, ""))


def unresolved_fields(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The sources of which only a look at the store tells the bytes: no `sha256`, and no version in the URI."""
    return {field: source for field, source in source_fields(spec).items() if not is_fixed(source)}


def is_fixed(source: Mapping[str, Any]) -> bool:
    """Whether a source names its bytes itself."""
    return fixed_id(source) is not None


def fixed_id(source: Mapping[str, Any]) -> str | None:
    """The id that a source has by its own words, whatever its store says."""
    if source.get("sha256"):
        return "sha256:" + str(source["sha256"]).removeprefix("sha256:").lower()
    match = _FIXED.match(source["uri"])
    found = match.groupdict() if match else {}
    return next((start + found[kind] for kind, start in _ID_OF.items() if found.get(kind)), None)


def _sources(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sources(item, f"{path}.{index}")
    elif isinstance(value, Mapping):
        if isinstance(value.get("uri"), str):
            yield path, value
            return
        for key, item in value.items():
            if key not in VERBATIM:
                yield from _sources(item, f"{path}.{key}" if path else key)
