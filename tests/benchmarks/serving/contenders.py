"""Who takes part: Slipway, what people use instead, and what HTTP alone costs; each in the form that suits it best."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.bodies import ECHO as ECHO_FORMAT
from serving.bodies import GRPC, MOSEC, NAMED, OIP_BINARY, OIP_JSON, PLAIN, WRAPPED, Format
from serving.environments import python_of, script_of
from serving.models import Model

PEERS = Path(__file__).parent / "peers"
# Peers are as they are out of the box, but for request logs, which are off.
SLIPWAY_ALONE = {"SLIPWAY_BATCH_MAX_SIZE": "1"}
SLIPWAY_BATCHED = {"SLIPWAY_BATCH_MAX_SIZE": "32"}


@dataclass(frozen=True)
class Ports:
    http: int
    grpc: int


@dataclass(frozen=True)
class Contender:
    """One server in one configuration, asked in one way."""

    name: str
    format: Format
    command: Callable[[Model, Ports], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = PEERS
    models: tuple[str, ...] = ("mlp", "lite0", "minilm")
    infers: bool = True

    @property
    def label(self) -> str:
        return f"{self.name}, {self.format.name}"


def _slipway(model: Model, ports: Ports) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(ports.http), "--grpc-port", str(ports.grpc)]
    return [sys.executable, "-m", "slipway_serving", "--artifact", str(model.artifact), *where]


def _echo(model: Model, ports: Ports) -> list[str]:
    return [sys.executable, str(PEERS / "echo" / "server.py"), str(ports.http)]


def _fastapi(model: Model, ports: Ports) -> list[str]:
    return [sys.executable, str(PEERS / "fastapi" / "server.py"), str(model.onnx), str(ports.http)]


def _mosec(model: Model, ports: Ports) -> list[str]:
    return [python_of("mosec"), "server.py", "--address", "127.0.0.1", "--port", str(ports.http)]


def _litserve(model: Model, ports: Ports) -> list[str]:
    return [python_of("litserve"), "server.py", str(ports.http)]


def _bentoml(model: Model, ports: Ports) -> list[str]:
    return [script_of("bentoml"), "serve", "server:Inference", "--host", "127.0.0.1", "--port", str(ports.http)]


def _mlserver(model: Model, ports: Ports) -> list[str]:
    return [python_of("mlserver"), "server.py", model.name, str(ports.http), str(ports.grpc)]


def _kserve(model: Model, ports: Ports) -> list[str]:
    return [python_of("kserve"), "server.py", model.name, str(ports.http), str(ports.grpc)]


def _peer(
    folder: str, name: str, how: Format, command: Callable[[Model, Ports], list[str]], **environment: str
) -> Contender:
    return Contender(name, how, command, environment, PEERS / folder)


ECHO = Contender("uvicorn that echoes", ECHO_FORMAT, _echo, models=("mlp",), infers=False)
SLIPWAY = [
    Contender(f"Slipway{suffix}", how, _slipway, environment)
    for suffix, environment in (("", SLIPWAY_ALONE), (" batching", SLIPWAY_BATCHED))
    for how in (OIP_JSON, OIP_BINARY, GRPC)
]
PEER_SERVERS = [
    Contender("FastAPI by hand", PLAIN, _fastapi, models=("mlp",)),
    _peer("mosec", "mosec", MOSEC, _mosec),
    _peer("mosec", "mosec batching", MOSEC, _mosec, MOSEC_MAX_BATCH_SIZE="32"),
    _peer("litserve", "LitServe", NAMED, _litserve),
    _peer("bentoml", "BentoML", WRAPPED, _bentoml, BENTOML_DO_NOT_TRACK="1"),
    _peer("mlserver", "MLServer", OIP_JSON, _mlserver),
    _peer("mlserver", "MLServer", GRPC, _mlserver),
    _peer("kserve", "KServe", OIP_JSON, _kserve),
    _peer("kserve", "KServe", GRPC, _kserve),
]
CONTENDERS = [ECHO, *SLIPWAY, *PEER_SERVERS]
