"""The last lines of a log: for progress, and for people. Nothing that looks like a credential is passed on."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from slipway_contract.redaction import without_secrets
from slipway_operator.conditions import shorten

TAIL_LINES = 8
TAIL_CHARACTERS = 600
MESSAGE_CHARACTERS = 300

_TRACEBACK_MARKS = re.compile(r"[\s^~]*")
_SECRETS = (
    (
        re.compile(
            r"(?i)\b([\w-]*(?:secret|token|password|signature|credential|key|key_id|authorization))\b"
            r"(\"?\s*[=:]\s*\"?)(?:bearer\s+|basic\s+)?[^\s\"&,;]+"
        ),
        r"\1\2…",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "…"),
)


Bytes = Annotated[int, Field(ge=0, le=2**60)]


class Progress(BaseModel):
    """A progress event of the optimizer. The model's own code writes to the same log: anything else is none."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    event: Literal["progress"]
    stage: Annotated[str, Field(min_length=1, max_length=40)]
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    message: str = ""
    eta_seconds: Annotated[int | None, Field(ge=0, le=10**7)] = None
    peak_memory_bytes: Bytes | None = None
    needed_memory_bytes: Bytes | None = None


def redact(text: str) -> str:
    text = without_secrets(text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def readable_tail(log: str, *, without: str | None = None) -> str:
    """The last lines of a log for a condition's message: no events for the operator, no line that says `without`."""
    lines = [redact(text) for line in log.splitlines() if (text := _readable(line))]
    told = [line for line in lines if not (without and without in line)][-TAIL_LINES:]
    while len(told) > 1 and sum(map(len, told)) > TAIL_CHARACTERS:
        told = told[1:]
    return shorten("\n".join(told), TAIL_CHARACTERS)


def last_progress(log: str) -> Progress | None:
    """The last progress event in a log of JSON lines."""
    events = (_parse_progress(line) for line in reversed(log.splitlines()))
    return next((event for event in events if event), None)


def _parse_progress(line: str) -> Progress | None:
    event = parse_event(line)
    try:
        progress = Progress.model_validate(event)
    except ValidationError:
        return None
    return progress.model_copy(update={"message": shorten(redact(progress.message), MESSAGE_CHARACTERS)})


def parse_event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):  # a number of thousands of digits, or braces as deep
        return None
    return event if isinstance(event, dict) else None


def _readable(line: str) -> str:
    event = parse_event(line.strip())
    if event is None:
        return "" if _TRACEBACK_MARKS.fullmatch(line) else line.rstrip()
    return "" if event.get("event") in ("progress", "result") else str(event.get("message") or line.strip())
