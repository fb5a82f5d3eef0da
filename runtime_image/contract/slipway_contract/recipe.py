"""The recipe digest: everything that decides what an optimization Job produces."""

from collections.abc import Mapping
from typing import Any, Final

from slipway_contract.digest import hex_of, sha256_of_json
from slipway_contract.source_ids import VERBATIM, is_fixed, source_fields

CPU_HARDWARE_CLASS = "cpu"

# How the Job runs, not what it makes.
_RUN_ONLY: Final = frozenset({"resources", "activeDeadlineSeconds", "image"})
# Defaults of fields that came after the first artifacts had been made. They count only where the user changed them:
# else every artifact would be made again with the release that brought the field.
_LATER_DEFAULTS: Final[Mapping[str, Any]] = {
    "optimize.allowLossy": False,
    "optimize.evaluate.objective": "Latency",
    "optimize.quantize.keepIO": True,
}


def recipe_digest(
    spec: dict[str, Any], *, optimizer_image: str, hardware_class: str, resolved: Mapping[str, str] | None = None
) -> str:
    """Digest of a recipe.

    Args:
        spec: a ModelDeployment's spec; only `model` and `optimize` count, without where credentials
            come from and without the Job's own resources. A source counts by its sha256, where it is
            pinned or was resolved to one, so that moving the same bytes elsewhere is the same recipe;
            else by its URI and the id that it was resolved to.
        optimizer_image: reference of the image that runs the Job.
        hardware_class: what the measurements are taken on, such as `cpu`.
        resolved: the id of each source by its field's path, as in `Resolved`; a source that is not
            there counts by its URI alone.

    Returns:
        `sha256:<hex>`; the same for the same recipe, on any machine.
    """
    recipe = recipe_spec(spec)
    own_image = (spec.get("optimize") or {}).get("image")
    ids = resolved or {}
    sources = {id(source): _source(source, ids.get(field)) for field, source in source_fields(recipe).items()}
    return sha256_of_json(
        {
            "model": _identity(recipe["model"], sources),
            # Not only as optimizerImage: else an artifact of another image would still be that of the spec.
            "optimize": _identity(recipe["optimize"], sources) | ({"image": own_image} if own_image else {}),
            "optimizerImage": optimizer_image,
            "hardwareClass": hardware_class,
        }
    )


def recipe_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a spec that says what is made: `model` and `optimize`, without what came later and is not used.

    An optimizer image reads it that is older than those fields.
    """
    optimize = {key: value for key, value in (spec.get("optimize") or {}).items() if key not in _RUN_ONLY}
    return {
        "model": _without_later_defaults(spec["model"], "model"),
        "optimize": _without_later_defaults(optimize, "optimize"),
    }


def _without_later_defaults(value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    kept = {key: item for key, item in value.items() if not _is_later_default(f"{path}.{key}", item)}
    return {
        key: item if key in VERBATIM else _without_later_defaults(item, f"{path}.{key}") for key, item in kept.items()
    }


def _is_later_default(path: str, value: Any) -> bool:
    return path in _LATER_DEFAULTS and bool(value == _LATER_DEFAULTS[path])


def _source(source: Mapping[str, Any], resolved: str | None) -> dict[str, str]:
    if source.get("sha256"):
        return {"sha256": hex_of(source["sha256"].lower())}
    if is_fixed(source) or resolved is None:
        return {"uri": source["uri"]}
    if resolved.startswith("sha256:"):
        return {"sha256": hex_of(resolved)}
    return {"uri": source["uri"], "resolved": resolved}


def _identity(value: Any, sources: Mapping[int, dict[str, str]]) -> Any:
    if isinstance(value, list):
        return [_identity(item, sources) for item in value]
    if not isinstance(value, dict):
        return value
    if id(value) in sources:
        return sources[id(value)]
    return {
        key: item if key in VERBATIM else _identity(item, sources)
        for key, item in value.items()
        if key != "secretRef" and item is not None
    }
