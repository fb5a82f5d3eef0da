"""One load generator for all: wrk over HTTP/1.1 and h2load over HTTP/2, pinned to a core of their own."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import numpy as np
from serving.bodies import GRPC_PREFIX, Format
from serving.models import Model

SERVER_CORE, CLIENT_CORE = "0", "1"


@dataclass(frozen=True)
class Load:
    """What one round measured."""

    requests_a_second: float
    p50_ms: float
    p99_ms: float


def ask(port: int, how: Format, model: Model) -> np.ndarray | None:
    """The answer to one request; None as long as there is no server, or it refuses."""
    body, headers = how.encode(model)
    path = how.path(model.name)
    try:
        if how.is_grpc:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                return how.read(body[:GRPC_PREFIX] + channel.unary_unary(path)(body[GRPC_PREFIX:], timeout=30), {})
        answer = httpx.post(f"http://127.0.0.1:{port}{path}", content=body, headers=headers, timeout=30)
    except (grpc.RpcError, httpx.TransportError):
        return None
    return how.read(answer.content, answer.headers) if answer.status_code == httpx.codes.OK else None


def put_load(port: int, how: Format, model: Model, connections: int, seconds: int) -> Load:
    """A closed loop: each connection asks again as soon as it has its answer."""
    body, headers = how.encode(model)
    url = f"http://127.0.0.1:{port}{how.path(model.name)}"
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "body"
        content.write_bytes(body)
        tool = _h2load if how.is_grpc else _wrk
        return tool(url, content, headers, connections, seconds)


def _wrk(url: str, content: Path, headers: dict[str, str], connections: int, seconds: int) -> Load:
    script = content.with_name("post.lua")
    lines = [f"wrk.headers['{name}'] = '{value}'" for name, value in headers.items()]
    script.write_text(
        "\n".join(["wrk.method = 'POST'", f"wrk.body = io.open('{content}', 'rb'):read('*a')", *lines]) + "\n"
    )
    said = _run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-s", str(script), url]
    )
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{url} failed under load:\n{said}")
    return Load(
        float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        _milliseconds(_found(r"^\s+50%\s+(\S+)$", said)),
        _milliseconds(_found(r"^\s+99%\s+(\S+)$", said)),
    )


def _h2load(url: str, content: Path, headers: dict[str, str], connections: int, seconds: int) -> Load:
    log = content.with_name("times")
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    options = [
        "-t",
        "1",
        "-c",
        str(connections),
        "-m",
        "1",
        "-D",
        f"{seconds}",
        f"--log-file={log}",
        "-d",
        str(content),
    ]
    said = _run(["h2load", *options, *given, url])
    if _found(r"(\d+) 5xx", said) != "0" or _found(r"(\d+) failed", said) != "0":
        raise SystemExit(f"{url} failed under load:\n{said}")
    times = [int(line.split("\t")[2]) / 1000 for line in log.read_text().splitlines()]
    p50, p99 = np.percentile(times, [50, 99])
    return Load(len(times) / seconds, float(p50), float(p99))


def _run(command: list[str]) -> str:
    done = subprocess.run(["taskset", "-c", CLIENT_CORE, *command], check=True, capture_output=True, text=True)
    return done.stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"no {pattern} in the report:\n{text}")
    return match.group(1)


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)
