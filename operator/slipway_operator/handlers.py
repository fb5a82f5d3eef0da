"""kopf's part: its watches put keys into the queue, and nothing else.

Only low-level `on.event` handlers: no finalizer, no annotation, no diff, no return value. What an event was about is
read again by the pass, so an event that is missed costs time until the resync and never a wrong state.
"""

import os
from collections.abc import Mapping
from typing import Any

import kopf

from slipway_operator.api.v1alpha1 import GROUP
from slipway_operator.health import Stream, WatchHealth
from slipway_operator.kinds import MODEL_DEPLOYMENT, WATCHED, Kind
from slipway_operator.objects.names import MODEL_DEPLOYMENT_LABEL
from slipway_operator.ownership import MANAGED_SELECTOR, controller_of
from slipway_operator.work_queue import Key, WorkQueue

PREFIX = f"kopf.{GROUP}"


def parent_of(child: Mapping[str, Any]) -> Key | None:
    """By label, as on pods; or by owner, where somebody removed the label."""
    meta = child["metadata"]
    owner = controller_of(child) or {}
    name = meta.get("labels", {}).get(MODEL_DEPLOYMENT_LABEL)
    if owner.get("kind") == MODEL_DEPLOYMENT.name:
        name = owner["name"]
    return Key(meta["namespace"], name) if name else None


def build_registry(queue: WorkQueue, watch_health: WatchHealth, *, clusterwide: bool) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    def deliver(kind: Kind, meta: Mapping[str, Any]) -> None:
        stream = Stream(kind.plural, None if clusterwide else meta["namespace"])
        watch_health.delivered(stream, meta["resourceVersion"])

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        if os.environ.get("KUBECONFIG"):
            return kopf.login_with_kubeconfig(**kwargs)
        return kopf.login_with_service_account(**kwargs)

    @kopf.on.event(MODEL_DEPLOYMENT.group, MODEL_DEPLOYMENT.version, MODEL_DEPLOYMENT.plural, registry=registry)
    async def parent_changed(meta: kopf.Meta, **_: Any) -> None:
        deliver(MODEL_DEPLOYMENT, meta)
        queue.add(Key(meta["namespace"], meta["name"]))

    def watch_children(kind: Kind) -> None:
        @kopf.on.event(kind.group, kind.version, kind.plural, id=f"{kind.plural}_changed", registry=registry)
        async def child_changed(body: kopf.Body, **_: Any) -> None:
            deliver(kind, body.metadata)
            if key := parent_of(body):
                queue.add(key)

    for kind in WATCHED:
        watch_children(kind)
    return registry


def build_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    # A watch that a load balancer has dropped without a word ends by one of these (nolar/kopf#585, #698).
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.watching.chunk_size = 500
    for kind in WATCHED:
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = MANAGED_SELECTOR
    # The resources are known and present (the process waits for its CRD): no rights on CRDs and namespaces needed.
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 20
    # Nothing is stored with these handlers; should that change, it must not meet another kopf operator's.
    settings.persistence.finalizer = f"{PREFIX}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=PREFIX)
    return settings
