"""Follows a ModelDeployment and tells each change of its conditions, once."""

import time
from typing import Any

from demo.shell import get, say

POLL_SECONDS = 0.5  # between two looks at a condition that has a deadline


def conditions(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["type"]: item for item in model.get("status", {}).get("conditions", [])}


def is_ready(model: dict[str, Any]) -> bool:
    """Ready, and said of the generation that is there now."""
    ready = conditions(model).get("Ready", {})
    return ready.get("status") == "True" and ready.get("observedGeneration") == model["metadata"]["generation"]


def until_ready(namespace: str, name: str, timeout: float = 600) -> dict[str, Any]:
    """The ModelDeployment, once it is ready.

    Raises:
        SystemExit: with its conditions, when it is not ready in `timeout` seconds.
    """
    told: dict[str, tuple[str, ...]] = {}
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        model = get("modeldeployment", name, "-n", namespace)
        for kind, item in conditions(model).items():
            news = (item["status"], item["reason"], item["message"])
            if told.get(kind) != news and not _is_repeated(kind, news, told):
                told[kind] = news
                say(f"{kind:<10} {item['status']:<7} {item['reason']}: {item['message'].splitlines()[0]}")
        if model and is_ready(model):
            return model
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"{name} was not ready after {timeout:.0f} s:\n" + "\n".join(map(str, told.items())))


def _is_repeated(kind: str, news: tuple[str, ...], told: dict[str, tuple[str, ...]]) -> bool:
    """Ready says what the first stage that is not done says."""
    return kind == "Ready" and news[0] != "True" and news in told.values()
