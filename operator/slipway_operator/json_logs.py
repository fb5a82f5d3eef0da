"""Logs of the process, kopf's and aiohttp's included: one JSON object a line."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from slipway_contract.redaction import without_secrets

_subject: ContextVar[tuple[str, str] | None] = ContextVar("subject", default=None)


@contextmanager
def about(namespace: str, name: str) -> Iterator[None]:
    """Every record that is logged inside names this ModelDeployment."""
    token = _subject.set((namespace, name))
    try:
        yield
    finally:
        _subject.reset(token)


class RecordFormatter(JsonFormatter):
    """`ts`, `level`, `logger`, `message`, then `namespace` and `name` of the object, and `exc_info`.

    Nothing else that a library attaches to a record is written: kopf attaches whole settings objects. What a URL has
    behind its `?` is not written either: errors of clients and of models quote what they were given.
    """

    converter = staticmethod(time.gmtime)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["ts"] = self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z"
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        log_data["message"] = without_secrets(record.getMessage())
        namespace, name = _subject.get() or _kopf_reference(record)
        if name:
            log_data["namespace"] = namespace
            log_data["name"] = name
        if message_dict.get("exc_info"):
            log_data["exc_info"] = without_secrets(message_dict["exc_info"])


def _kopf_reference(record: logging.LogRecord) -> tuple[str, str]:
    reference = getattr(record, "k8s_ref", None) or {}
    return reference.get("namespace") or "", reference.get("name") or ""


def set_up_logs(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RecordFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    if level.lower() != "debug":
        # One line a probe, and one an event of any child, would hide the rest.
        for name in ("aiohttp.access", "kopf.objects"):
            logging.getLogger(name).setLevel(logging.WARNING)
