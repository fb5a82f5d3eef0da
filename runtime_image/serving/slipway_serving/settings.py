"""Everything that the environment can set, read once at start-up. A bad value stops the process with its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from slipway_serving.errors import StartupError

_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHARE = re.compile(r"[0-9]*\.?[0-9]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class Settings:
    """Durations are in seconds.

    Attributes:
        model_name: the name in the routes; empty takes the manifest's.
        batch_max_size: rows in one run at most; 1 joins nothing.
        batch_max_delay: how long a request may be held back for company; an idle server never does.
        queue_size: requests that may wait for the session; one more is refused.
        queue_bytes: bytes that the bodies of all requests in flight may have together; a request that needs more is
            refused.
        request_timeout: how long a request may take from its arrival to its answer, where the client allows no less;
            0 for ever.
        run_timeout: after how long a run that does not return makes the process count as dead; 0 for never.
        receive_timeout: how long a request may take to arrive, from its first byte to its last.
        send_timeout: how long an answer may lie there without its client reading any of it.
        access_log: the share of inference requests that are logged; those that fail by the server's fault always are,
            unless it is 0.
        intra_op_threads: threads of one run; 0 is one a CPU that the container may use.
        expected_accelerator: the resource that the pod asked for; empty for CPU.
        max_request_bytes: larger bodies are refused.
        drain_delay: how long to go on serving after SIGTERM, until endpoints have noticed.
        drain_timeout: how long requests in flight may take after that.
    """

    model_name: str = ""
    batch_max_size: int = 1
    batch_max_delay: float = 0.002
    queue_size: int = 128
    queue_bytes: int = 512 << 20
    request_timeout: float = 60.0
    run_timeout: float = 120.0
    receive_timeout: float = 60.0
    send_timeout: float = 60.0
    access_log: float = 0.0
    intra_op_threads: int = 0
    expected_accelerator: str = ""
    max_request_bytes: int = 64 << 20
    drain_delay: float = 3.0
    drain_timeout: float = 20.0


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `SLIPWAY_*` variables; an empty variable counts as absent."""
    values = {name: value for name, value in environ.items() if value}
    default = Settings()
    return Settings(
        model_name=values.get("SLIPWAY_MODEL_NAME", default.model_name),
        batch_max_size=_integer(values, "SLIPWAY_BATCH_MAX_SIZE", default.batch_max_size, minimum=1),
        batch_max_delay=_duration(values, "SLIPWAY_BATCH_MAX_DELAY", default.batch_max_delay),
        queue_size=_integer(values, "SLIPWAY_QUEUE_SIZE", default.queue_size, minimum=1),
        queue_bytes=_integer(values, "SLIPWAY_QUEUE_BYTES", default.queue_bytes, minimum=1),
        request_timeout=_duration(values, "SLIPWAY_REQUEST_TIMEOUT", default.request_timeout),
        run_timeout=_duration(values, "SLIPWAY_RUN_TIMEOUT", default.run_timeout),
        receive_timeout=_duration(values, "SLIPWAY_RECEIVE_TIMEOUT", default.receive_timeout),
        send_timeout=_duration(values, "SLIPWAY_SEND_TIMEOUT", default.send_timeout),
        access_log=_share(values, "SLIPWAY_ACCESS_LOG", default.access_log),
        intra_op_threads=_integer(values, "SLIPWAY_INTRA_OP_THREADS", default.intra_op_threads, minimum=0),
        expected_accelerator=values.get("SLIPWAY_EXPECTED_ACCELERATOR", default.expected_accelerator),
        max_request_bytes=_integer(values, "SLIPWAY_MAX_REQUEST_BYTES", default.max_request_bytes, minimum=1),
        drain_delay=_duration(values, "SLIPWAY_DRAIN_DELAY", default.drain_delay),
        drain_timeout=_duration(values, "SLIPWAY_DRAIN_TIMEOUT", default.drain_timeout),
    )


def parse_duration(text: str) -> float:
    """Seconds of a duration as Kubernetes writes it (`2ms`, `1m30s`, `0`).

    Raises:
        ValueError: the text is no duration.
    """
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _integer(values: Mapping[str, str], name: str, default: int, *, minimum: int) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < minimum:
        raise StartupError(f"{name} must be a whole number of at least {minimum}, not {text!r}")
    return int(text)


def _share(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name)
    if text is None:
        return default
    if not _SHARE.fullmatch(text) or float(text) > 1:
        raise StartupError(f"{name} must be a number from 0 to 1, not {text!r}")
    return float(text)


def _duration(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name)
    if text is None:
        return default
    try:
        return parse_duration(text)
    except ValueError:
        raise StartupError(f"{name} must be a duration such as 2ms or 3s, not {text!r}") from None
