"""Whose object is it: by labels for lists, by the controller's uid for everything that is decided on."""

from collections.abc import Iterable
from typing import Any

from slipway_operator.objects.names import FIELD_MANAGER, MANAGED_BY_LABEL
from slipway_operator.state import Object

MANAGED_SELECTOR = f"{MANAGED_BY_LABEL}={FIELD_MANAGER}"


def is_managed(document: Object) -> bool:
    """Whether `MANAGED_SELECTOR` selects it."""
    return bool(document["metadata"].get("labels", {}).get(MANAGED_BY_LABEL) == FIELD_MANAGER)


def is_deleting(document: Object) -> bool:
    return "deletionTimestamp" in document["metadata"]


def controller_of(document: Object) -> dict[str, Any] | None:
    references = document["metadata"].get("ownerReferences", ())
    return next((reference for reference in references if reference.get("controller")), None)


def is_controlled_by(document: Object, uids: Iterable[str]) -> bool:
    """A name or a label alone says nothing: the parent of that name may have been another object."""
    controller = controller_of(document)
    return controller is not None and controller["uid"] in uids


def controlled_by(documents: Iterable[Object], uids: Iterable[str]) -> tuple[Object, ...]:
    wanted = frozenset(uids)
    return tuple(document for document in documents if is_controlled_by(document, wanted))


def uid_of(document: Object) -> str:
    return str(document["metadata"]["uid"])
