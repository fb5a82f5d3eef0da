"""`spec.serve.podTemplate`, laid over the pod template as a strategic merge patch would be."""

from collections.abc import Mapping, Sequence
from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
# Replacing ours would keep the pods off the nodes that their accelerator is on.
APPENDED = frozenset({"tolerations"})


def overlay(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `patch` over it; null in the patch changes nothing, so that nothing of ours can be removed."""
    result = dict(base)
    for key, value in patch.items():
        if value is not None:
            result[key] = _merge(key, base.get(key), value)
    return result


def _merge(key: str, base: Any, patch: Any) -> Any:
    if isinstance(patch, Mapping):
        return overlay(base if isinstance(base, Mapping) else {}, patch)
    if isinstance(patch, list) and isinstance(base, list):
        if key in APPENDED:
            return base + [item for item in patch if item not in base]
        if key in MERGE_KEYS and _has_keys(MERGE_KEYS[key], patch):
            return _merge_by(MERGE_KEYS[key], base, patch)
    return patch


def _has_keys(key: str, items: Sequence[Any]) -> bool:
    """Whether the items can be told apart; what cannot is passed on, for the API server to refuse it by its name."""
    return all(isinstance(item, Mapping) and isinstance(item.get(key), str | int) for item in items)


def _merge_by(key: str, base: Sequence[Mapping[str, Any]], patch: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    changes = {item[key]: item for item in patch}
    merged = [overlay(item, changes.pop(item.get(key), {})) for item in base]
    return merged + [overlay({}, item) for item in changes.values()]
