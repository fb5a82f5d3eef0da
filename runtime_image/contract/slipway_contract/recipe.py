"""The recipe digest: everything that decides what an optimization Job produces."""

from typing import Any

from slipway_contract.digest import hex_of, sha256_of_json

CPU_HARDWARE_CLASS = "cpu"

# The user's own values, which mean nothing to us: a null or a key named `uri` counts as it stands.
VERBATIM = frozenset({"factoryArgs", "factoryKwargs"})


def recipe_digest(spec: dict[str, Any], *, optimizer_image: str, hardware_class: str) -> str:
    """Digest of a recipe.

    Args:
        spec: a ModelDeployment's spec; only `model` and `optimize` count, without where credentials
            come from and without the Job's own resources. A source that is pinned by `sha256` counts by
            its digest, so that moving the same bytes elsewhere is the same recipe.
        optimizer_image: reference of the image that runs the Job.
        hardware_class: what the measurements are taken on, such as `cpu`.

    Returns:
        `sha256:<hex>`; the same for the same recipe, on any machine.
    """
    optimize = {key: value for key, value in (spec.get("optimize") or {}).items() if key != "resources"}
    return sha256_of_json(
        {
            "model": _identity(spec["model"]),
            "optimize": _identity(optimize),
            "optimizerImage": optimizer_image,
            "hardwareClass": hardware_class,
        }
    )


def _identity(value: Any) -> Any:
    if isinstance(value, list):
        return [_identity(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("sha256") and "uri" in value:
        return {"sha256": hex_of(value["sha256"].lower())}
    return {
        key: item if key in VERBATIM else _identity(item)
        for key, item in value.items()
        if key != "secretRef" and item is not None
    }
