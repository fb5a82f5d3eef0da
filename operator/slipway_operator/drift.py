"""What people changed by hand in a child, read from its managedFields, and how server-side apply gets it back.

A forced apply restores a value that somebody changed, but leaves what somebody *added* (a container, an environment
variable, a node selector): another manager owns it. So ownership is rewritten first: our entry takes over the fields
of theirs, and the apply that follows removes what is not desired. client-go does the same to move kubectl users from
client-side to server-side apply (k8s.io/client-go/util/csaupgrade).
"""

from typing import Any

from slipway_operator.objects.names import FIELD_MANAGER
from slipway_operator.state import Object

Fields = dict[str, Any]  # FieldsV1: keys are f:NAME, k:{…}, v:…, and "." for the item itself

CONTROLLERS = frozenset({"kube-controller-manager"})
CONTENT = ("f:spec", "f:data", "f:binaryData")
NOT_DRIFT = frozenset(
    {
        # The autoscaler's, or sent by us anyway: taken over and not sent, it would fall back to its default of one.
        ("f:spec", "f:replicas"),
        # `kubectl rollout restart` is a legitimate act, and undoing it would restart the pods once more.
        ("f:spec", "f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"),
    }
)


def repaired_managed_fields(live: Object) -> list[dict[str, Any]] | None:
    """The managedFields to write to `live` before the next apply; None where they are right already."""
    entries = live["metadata"].get("managedFields", [])
    ours = next((entry for entry in entries if _is_ours(entry)), None)
    if ours is None:
        return None
    fields, others = ours["fieldsV1"], []
    for entry in entries:
        if entry is ours:
            continue
        taken, kept = _split(entry) if _is_foreign(entry, ours["apiVersion"]) else ({}, entry["fieldsV1"])
        fields = _union(fields, taken)
        others += [{**entry, "fieldsV1": kept}] if kept else []
    if fields == ours["fieldsV1"] and len(others) == len(entries) - 1:
        return None
    return [{**ours, "fieldsV1": fields}, *others]


def _is_ours(entry: Fields) -> bool:
    return (entry["manager"], entry["operation"]) == (FIELD_MANAGER, "Apply") and not entry.get("subresource")


def _is_foreign(entry: Fields, api_version: str) -> bool:
    """Another version's paths cannot be merged into ours; `scale` and `status` are the business of controllers."""
    return not entry.get("subresource") and entry["manager"] not in CONTROLLERS and entry["apiVersion"] == api_version


def _split(entry: Fields) -> tuple[Fields, Fields]:
    """The fields that we take over, and those that stay with their manager."""
    fields = entry["fieldsV1"]
    taken = {root: fields[root] for root in CONTENT if root in fields}
    kept = {root: below for root, below in fields.items() if root not in CONTENT}
    for path in NOT_DRIFT:
        if _has(taken, path):
            taken = _without(taken, path)
            kept = _union(kept, _nested(path))
    return taken, kept


def _union(left: Fields, right: Fields) -> Fields:
    both = {key: _union(left[key], right[key]) for key in left.keys() & right.keys()}
    return {**left, **right, **both}


def _has(fields: Fields, path: tuple[str, ...]) -> bool:
    for key in path:
        if key not in fields:
            return False
        fields = fields[key]
    return True


def _without(fields: Fields, path: tuple[str, ...]) -> Fields:
    """`fields` without `path`, and without the parents that this empties."""
    head, *rest = path
    if head not in fields:
        return fields
    below = _without(fields[head], tuple(rest)) if rest else {}
    others = {key: value for key, value in fields.items() if key != head}
    return {**others, head: below} if below.keys() - {"."} else others


def _nested(path: tuple[str, ...]) -> Fields:
    head, *rest = path
    return {head: _nested(tuple(rest)) if rest else {}}
