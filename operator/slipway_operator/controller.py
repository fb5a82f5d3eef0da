"""One pass for one ModelDeployment: observe -> reconcile -> apply -> status -> events."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway_operator.api.v1alpha1 import Condition
from slipway_operator.apply import Applier, ParentGoneError
from slipway_operator.conditions import Reason
from slipway_operator.events import EventRecorder
from slipway_operator.faults import Fault, FaultReason, defect, fault_events, status_with_fault
from slipway_operator.json_logs import about
from slipway_operator.kube import CONFLICT, ApiError, Json
from slipway_operator.observe import Observer, Snapshot
from slipway_operator.ownership import is_deleting
from slipway_operator.parse import InvalidSpecError, parse_model_deployment
from slipway_operator.pod_logs import PROGRESS_INTERVAL, is_running
from slipway_operator.reconcile import reconcile
from slipway_operator.serving_status import newest_ready
from slipway_operator.state import Event
from slipway_operator.telemetry import Telemetry
from slipway_operator.work_queue import Key, WorkQueue

logger = logging.getLogger(__name__)

SERVING_REPORT_INTERVAL = 5.0
CONFLICT_INTERVAL = 0.5


class PassIncompleteError(Exception):
    """The status says what is wrong; it may come right without an event, so the pass is tried again."""


class Controller:
    def __init__(self, observer: Observer, applier: Applier, recorder: EventRecorder, telemetry: Telemetry) -> None:
        self._observer = observer
        self._applier = applier
        self._recorder = recorder
        self._telemetry = telemetry

    async def run_once(self, key: Key) -> float | None:
        """One pass. The answer: in how many seconds to look again without an event, or None."""
        started = time.monotonic()
        result = "error"
        try:
            with about(*key):
                delay = await self._run(key)
            result = "success"
        except PassIncompleteError:
            result = "refused"
            raise
        finally:
            self._telemetry.reconcile_seconds.labels(result).observe(time.monotonic() - started)
        return delay

    async def _run(self, key: Key) -> float | None:
        document = await self._observer.document(key)
        if document is None or is_deleting(document):
            # Garbage collection does the rest; whatever is applied now would come back to life.
            self._applier.forget(key)
            return None
        try:
            return await self._pass(key, document)
        except ParentGoneError:
            return None
        except ApiError as error:
            if error.status != CONFLICT:
                raise
            logger.info("something changed during the pass, looking again: %s", error)
            return CONFLICT_INTERVAL

    async def _pass(self, key: Key, document: Json) -> float | None:
        try:
            parent = parse_model_deployment(document)
        except InvalidSpecError as error:
            fault = Fault(FaultReason.INVALID_SPEC, f"this version of Slipway cannot read the object: {error}")
            await self._report(document, fault, document.get("status", {}))
            return None
        snapshot = await self._observer.snapshot(document, parent)
        try:
            outcome = reconcile(snapshot.observed)
        except Exception as error:
            # Without a word, an earlier Ready would stand. The queue logs the traceback, and tries again.
            await self._report(document, defect(error), document.get("status", {}))
            raise
        faults = await self._applier.apply_children(key, snapshot, outcome.children)
        if faults:
            news = tuple(event for event in outcome.events if event.reason != Reason.READY)
            await self._report(document, faults[0], outcome.status, news)
            raise PassIncompleteError(faults[0].message)
        if await self._applier.write_status(document, outcome.status):
            await self._record(document, outcome.events)
        return earliest(next_look(snapshot), seconds_until(outcome.next_pass_at, self._observer.now()))

    async def _report(
        self, document: Json, fault: Fault, known: Mapping[str, Any], events: Sequence[Event] = ()
    ) -> None:
        """Write `fault` into the status that is known otherwise, and record it with what else is news."""
        before = [Condition.model_validate(entry) for entry in document.get("status", {}).get("conditions", [])]
        generation = document["metadata"]["generation"]
        status = status_with_fault(known, fault, before=before, generation=generation, now=self._observer.now())
        if await self._applier.write_status(document, status):
            await self._record(document, (*events, *fault_events(fault, before)))

    async def _record(self, document: Json, events: Sequence[Event]) -> None:
        for event in events:
            try:
                await self._recorder.record(document, event)
            except ApiError as error:
                # The conditions say the same; a pass does not fail for its commentary.
                logger.warning("could not record event %s: %s", event.reason, error)


def next_look(snapshot: Snapshot) -> float | None:
    """What changes without any event of the API: a Job's progress, and a replica's report on itself."""
    observed = snapshot.observed
    if any(is_running(pod) for pod in observed.job_pods):
        return PROGRESS_INTERVAL
    if newest_ready(observed.serving_pods) is not None and observed.serving_report is None:
        return SERVING_REPORT_INTERVAL
    return None


def seconds_until(time: str | None, now: str) -> float | None:
    """Between two times as in a status; at least one second, their resolution."""
    if time is None:
        return None
    return max(1.0, (datetime.fromisoformat(time) - datetime.fromisoformat(now)).total_seconds())


def earliest(*delays: float | None) -> float | None:
    return min((delay for delay in delays if delay is not None), default=None)


async def resync(observer: Observer, queue: WorkQueue, namespaces: Sequence[str], interval: float) -> None:
    """All ModelDeployments, at once when the process starts to lead, then every `interval` seconds, spread over it."""
    spread = 0.0
    while True:
        for namespace in namespaces or (None,):
            try:
                keys = await observer.keys(namespace)
            except ApiError as error:
                logger.warning("cannot list ModelDeployments: %s", error)
                continue
            for key in keys:
                queue.add_after(key, spread * random.random())  # noqa: S311  spreads load, no secret
        await asyncio.sleep(interval)
        spread = interval / 2
