"""What stops a pass outside the core's decisions, told in the Ready condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slipway_operator.api.v1alpha1 import Condition
from slipway_operator.conditions import (
    ACTIONS,
    EVENT_MESSAGE_LIMIT,
    READY,
    build_condition,
    merge_conditions,
    shorten,
)
from slipway_operator.state import Event


class FaultReason(StrEnum):
    """A spec that cannot be read, a name that somebody else's object has, a refused child, a defect of ours."""

    INVALID_SPEC = "InvalidSpec"
    NAME_TAKEN = "NameTaken"
    CHILD_REFUSED = "ChildRefused"
    INTERNAL_ERROR = "InternalError"


@dataclass(frozen=True)
class Fault:
    reason: FaultReason
    message: str


def defect(error: Exception) -> Fault:
    """An error that nobody foresaw. Its text may hold parts of the spec: it stays in the operator's log."""
    message = (
        f"a defect of Slipway ({type(error).__name__}) stops all work on this object; what runs is left as it is. "
        "Please report it with the operator's log"
    )
    return Fault(FaultReason.INTERNAL_ERROR, message)


def status_with_fault(
    status: Mapping[str, Any], fault: Fault, *, before: Sequence[Condition], generation: int, now: str
) -> dict[str, Any]:
    """`status` (camelCase) with Ready=False for `fault`; all else stays."""
    condition = build_condition(READY, "False", fault.reason, fault.message)
    (ready,) = merge_conditions(before, [condition], generation=generation, now=now)
    others = [entry for entry in status.get("conditions", []) if entry["type"] != READY]
    return {
        **status,
        "observedGeneration": generation,
        "conditions": [*others, ready.model_dump(by_alias=True, exclude_none=True)],
    }


def fault_events(fault: Fault, before: Sequence[Condition]) -> tuple[Event, ...]:
    """One, where the fault is new."""
    known = next((condition for condition in before if condition.type == READY), None)
    if known is not None and (known.status, known.reason) == ("False", fault.reason):
        return ()
    message = shorten(fault.message, EVENT_MESSAGE_LIMIT)
    return (Event(type="Warning", reason=fault.reason, message=message, action=ACTIONS[READY]),)
