"""Writes what was decided: children by server-side apply, what is not wanted by deletion, then the status, once.

The other half of the operator's I/O. The verbs that this takes are in kinds.py.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from slipway_operator.drift import repaired_managed_fields
from slipway_operator.faults import Fault, FaultReason
from slipway_operator.kinds import (
    CHILDREN_IN_ORDER,
    CLAIM,
    MODEL_DEPLOYMENT,
    STATUS_MANAGER,
    Kind,
    kind_of,
)
from slipway_operator.kube import CONFLICT, JSON_PATCH, NOT_FOUND, ApiError, KubeApi
from slipway_operator.objects.names import FIELD_MANAGER
from slipway_operator.observe import Snapshot
from slipway_operator.ownership import controller_of, is_controlled_by, is_deleting, uid_of
from slipway_operator.state import Object
from slipway_operator.work_queue import Key

logger = logging.getLogger(__name__)

RETRYABLE = frozenset({NOT_FOUND, CONFLICT, 429})
# The API server answers 500 to an apply whose fields do not fit the schema (structuredmerge.go of apimachinery).
UNFIT = "failed to create typed patch object"


class ParentGoneError(Exception):
    """The ModelDeployment or its namespace was deleted during the pass: nothing is left to do."""


class NameTakenError(Exception):
    """An object that is not ours has the name of a child."""


class Applier:
    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._settled: dict[Key, str] = {}

    def forget(self, key: Key) -> None:
        self._settled.pop(key, None)

    async def apply_children(self, key: Key, snapshot: Snapshot, desired: tuple[Object, ...]) -> list[Fault]:
        """Make the children as desired; what is refused comes back as faults, and then nothing is deleted."""
        fingerprint = _fingerprint(desired, snapshot.children)
        if self._settled.get(key) == fingerprint:
            return []
        self.forget(key)
        applied: list[Object] = []
        faults: list[Fault] = []
        for kinds in CHILDREN_IN_ORDER:
            step = [child for child in desired if kind_of(child) in kinds]
            answers = await asyncio.gather(*(self._apply(snapshot, child) for child in step), return_exceptions=True)
            for child, answer in zip(step, answers, strict=True):
                if isinstance(answer, BaseException):
                    faults.append(explain(child, answer))
                else:
                    applied.append(answer)
        if not faults:
            await self._prune(snapshot, desired)
            # Only what this pass found and left untouched is known: an answer may hold somebody's change since.
            if _contents(applied) == _contents(snapshot.children):
                self._settled[key] = fingerprint
        return faults

    async def write_status(self, document: Object, status: Mapping[str, Any]) -> bool:
        """Replace the whole status where it differs from the one that was read.

        A JSON patch: unlike a merge it also removes what is not said any more, and unlike server-side apply it
        leaves nothing of another writer. The test keeps an old object's status from a new object of its name.
        """
        if document.get("status", {}) == status:
            return False
        meta = document["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = MODEL_DEPLOYMENT.path(meta["namespace"], meta["name"], "status")
        try:
            await self._api.patch(path, patch, JSON_PATCH, fieldManager=STATUS_MANAGER)
        except ApiError as error:
            if error.status == NOT_FOUND or await self._is_another(document):
                raise ParentGoneError from error
            raise
        return True

    async def _is_another(self, document: Object) -> bool:
        meta = document["metadata"]
        now = await self._api.find(MODEL_DEPLOYMENT.path(meta["namespace"], meta["name"]))
        return now is None or uid_of(now) != uid_of(document)

    async def _apply(self, snapshot: Snapshot, child: Object) -> Object:
        kind, meta = kind_of(child), child["metadata"]
        path = kind.path(meta["namespace"], meta["name"])
        live = _live(snapshot, child) or await self._find_ours(kind, path, snapshot.document)
        if live is not None and kind is CLAIM:
            return live  # immutable but for its size, which is the administrator's to raise
        if live is not None:
            await self._take_over(path, live)
        return await self._api.apply(path, dict(child), FIELD_MANAGER)

    async def _find_ours(self, kind: Kind, path: str, parent: Object) -> Object | None:
        """A child whose labels were removed by hand is still ours; any other object of that name is not."""
        found = await self._api.find(path)
        if found is not None and not is_controlled_by(found, [uid_of(parent)]):
            raise NameTakenError(f"{kind.name} {found['metadata']['name']} {_whose(found, parent)}")
        return found

    async def _take_over(self, path: str, live: Object) -> None:
        managed_fields = repaired_managed_fields(live)
        if managed_fields is None:
            return
        logger.info("taking over fields that were changed by hand in %s %s", live["kind"], live["metadata"]["name"])
        version = live["metadata"]["resourceVersion"]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": managed_fields},
            # A precondition: the API server refuses the patch where the object has changed since.
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        await self._api.patch(path, patch, JSON_PATCH)

    async def _prune(self, snapshot: Snapshot, desired: tuple[Object, ...]) -> None:
        wanted = {_name(child) for child in desired}
        unwanted = [
            child
            for child in snapshot.children
            if _name(child) not in wanted and kind_of(child) is not CLAIM and not is_deleting(child)
        ]
        await asyncio.gather(*(self._delete(child) for child in unwanted))

    async def _delete(self, child: Object) -> None:
        meta = child["metadata"]
        logger.info("deleting %s %s, which is not wanted any more", child["kind"], meta["name"])
        path = kind_of(child).path(meta["namespace"], meta["name"])
        try:
            await self._api.delete(path, {"propagationPolicy": "Background", "preconditions": {"uid": meta["uid"]}})
        except ApiError as error:
            if error.status not in (NOT_FOUND, CONFLICT):
                raise


def _name(child: Object) -> tuple[Kind, str]:
    return kind_of(child), str(child["metadata"]["name"])


def _whose(found: Object, parent: Object) -> str:
    owner = controller_of(found) or {}
    if (owner.get("kind"), owner.get("name")) == (MODEL_DEPLOYMENT.name, parent["metadata"]["name"]):
        return "is left of an earlier ModelDeployment of this name: waiting until the garbage collector has removed it"
    return (
        "exists and is not controlled by this ModelDeployment: delete it, or use another name for the ModelDeployment"
    )


def _live(snapshot: Snapshot, child: Object) -> Object | None:
    return next((live for live in snapshot.children if _name(live) == _name(child)), None)


def explain(child: Object, error: BaseException) -> Fault:
    """What the user can do something about; anything else ends the pass, and the queue tries again."""
    if isinstance(error, NameTakenError):
        return Fault(FaultReason.NAME_TAKEN, str(error))
    if not isinstance(error, ApiError):
        raise error
    if "because it is being terminated" in error.message:
        raise ParentGoneError from error
    if not _is_refusal(error):
        raise error
    return Fault(
        FaultReason.CHILD_REFUSED,
        f"the API server refused {child['kind']} {child['metadata']['name']}: {error.message}",
    )


def _is_refusal(error: ApiError) -> bool:
    """Whether the same request would be refused again, however often it is tried."""
    return UNFIT in error.message or (400 <= error.status < 500 and error.status not in RETRYABLE)  # noqa: PLR2004  HTTP 4xx


def _fingerprint(desired: tuple[Object, ...], live: Iterable[Object]) -> str:
    """Changes whenever applying could change anything: with what is wanted, and with what is there."""
    text = json.dumps([desired, _contents(live)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _contents(children: Iterable[Object]) -> list[Object]:
    """The children without their status: an autoscaler writes its own every 15 seconds, and none of it is ours."""
    return sorted(map(_content, children), key=uid_of)


def _content(child: Object) -> Object:
    meta = {key: value for key, value in child["metadata"].items() if key != "resourceVersion"}
    meta["managedFields"] = [entry for entry in meta.get("managedFields", ()) if entry.get("subresource") != "status"]
    return {key: value for key, value in child.items() if key != "status"} | {"metadata": meta}
