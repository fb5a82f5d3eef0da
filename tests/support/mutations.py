"""Mutated REST and gRPC requests, asked of a real server in this process."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import orjson
from support.artifacts import build_mlp, write_artifact
from support.serving_app import client_of, loaded_plane
from tritonclient.grpc import service_pb2

from slipway_serving.dataplane import DataPlane
from slipway_serving.grpc_server import GrpcServer

GOOD_EVERY = 100
METHOD = "/inference.GRPCInferenceService/ModelInfer"
# What a request may be answered with, whatever is in it.
REST_CODES = {200, 400, 404, 405, 413, 415, 503}
GRPC_CODES = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
NASTY = (
    b"\0",
    b"\xff",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"null",
    b"NaN",
    b"-1",
    b"1e999",
    b"1099511627776",
    b"true",
    b"[[]]",
)


@dataclass
class Outcome:
    """How often each code was answered, which of the answers none should ever get, and how good requests fared."""

    codes: Counter[Any] = field(default_factory=Counter)
    defects: list[tuple[Any, bytes]] = field(default_factory=list)
    good_answers_are_right: bool = True

    def count(self, code: Any, allowed: set[Any], body: bytes) -> None:
        self.codes[code] += 1
        if code not in allowed:
            self.defects.append((code, body))


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with a few bytes changed, taken out, doubled, cut off or put in."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice((1, 1, 2, 8, 64)))
        kind = chance.randrange(6)
        if kind == 0:
            body = body[:start] + bytes(chance.randrange(256) for _ in body[start:end]) + body[end:]
        elif kind == 1:
            body = body[:start] + body[end:]
        elif kind == 2:
            body = body[:end] + body[start:end] + body[end:]
        elif kind == 3:
            body = body[:start]
        else:
            body = body[:start] + chance.choice(NASTY) + body[end if kind == 4 else start :]
    return body


def ask_rest(artifact: Path, requests: int, *, seed: int) -> Outcome:
    with loaded_plane(artifact, max_request_bytes=1 << 20) as plane:
        return asyncio.run(_ask_rest(plane, requests, random.Random(seed)))  # noqa: S311 (it shall repeat itself)


def ask_grpc(artifact: Path, requests: int, *, seed: int) -> Outcome:
    with loaded_plane(artifact, max_request_bytes=1 << 20) as plane:
        server = GrpcServer(plane, "127.0.0.1", 0)
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            outcome = _ask_grpc(channel.unary_unary(METHOD), plane, requests, random.Random(seed))  # noqa: S311 (it shall repeat itself)
        server.stop(0)
        return outcome


async def _ask_rest(plane: DataPlane, requests: int, chance: random.Random) -> Outcome:
    outcome = Outcome()
    seeds = _rest_seeds(plane)
    good = _rest_seeds(plane)[0]
    async with client_of(plane) as client:
        expected = (await _post(client, *good)).content
        for number in range(requests):
            path, body, headers = chance.choice(seeds)
            headers = dict(headers)
            if headers and chance.random() < 0.3:
                headers["inference-header-content-length"] = str(chance.choice((0, 1, len(body), 2**40, 10**30)))
            if chance.random() < 0.1:
                headers["content-encoding"] = chance.choice(("gzip", "deflate", "identity", "zstd"))
            body = mutated(body, chance)
            outcome.count((await _post(client, path, body, headers)).status_code, REST_CODES, body)
            if number % GOOD_EVERY == 0:
                outcome.good_answers_are_right &= (await _post(client, *good)).content == expected
    return outcome


def _ask_grpc(call: Callable[..., bytes], plane: DataPlane, requests: int, chance: random.Random) -> Outcome:
    outcome = Outcome()
    seeds = _grpc_seeds(plane)
    expected = call(seeds[0])
    for number in range(requests):
        body = mutated(chance.choice(seeds), chance)
        try:
            call(body)
        except grpc.RpcError as error:
            outcome.count(error.code().name, GRPC_CODES, body)  # type: ignore[attr-defined]
        else:
            outcome.count("OK", GRPC_CODES, body)
        if number % GOOD_EVERY == 0:
            outcome.good_answers_are_right &= call(seeds[0]) == expected
    return outcome


async def _post(client: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await client.post(path, content=body, headers=headers)


def _sample(plane: DataPlane) -> tuple[str, Any]:
    assert plane.model is not None
    (tensor,) = plane.model.artifact.manifest.golden.inputs
    return tensor.name, np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)


def _rest_seeds(plane: DataPlane) -> list[tuple[str, bytes, dict[str, str]]]:
    name, values = _sample(plane)
    path = f"/v2/models/{plane.model_name}/infer"
    declared = {"name": name, "shape": list(values.shape), "datatype": "FP32"}
    plain = {"id": "7", "inputs": [{**declared, "data": values.reshape(-1).tolist()}]}
    binary = orjson.dumps(
        {
            "inputs": [{**declared, "parameters": {"binary_data_size": values.nbytes}}],
            "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
            "parameters": {"timeout": 0, "binary_data_output": False},
        }
    )
    return [
        (path, orjson.dumps(plain), {}),
        (path, binary + values.tobytes(), {"inference-header-content-length": str(len(binary))}),
        ("/v1/predict", orjson.dumps(values.tolist()), {}),
        ("/v1/predict", orjson.dumps({name: values.tolist()}), {}),
        ("/v2/repository/index", b'{"ready": true}', {}),
    ]


def _grpc_seeds(plane: DataPlane) -> list[bytes]:
    name, values = _sample(plane)
    seeds = []
    for is_raw in (True, False):
        request = service_pb2.ModelInferRequest(model_name=plane.model_name, id="7")
        tensor = request.inputs.add(name=name, datatype="FP32", shape=values.shape)
        request.outputs.add(name="logits")
        request.parameters["binary_data"].bool_param = True
        if is_raw:
            request.raw_input_contents.append(values.tobytes())
        else:
            tensor.contents.fp32_contents.extend(values.reshape(-1).tolist())
        seeds.append(request.SerializeToString())
    return seeds


def main() -> int:
    """Ask both ways, with a model of the tests' own: `make fuzz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    well = True
    with tempfile.TemporaryDirectory() as folder:
        write_artifact(Path(folder), build_mlp(8, 3))
        for name, ask in (("REST", ask_rest), ("gRPC", ask_grpc)):
            outcome = ask(Path(folder), arguments.requests, seed=arguments.seed)
            sys.stdout.write(f"{name}: {dict(outcome.codes)}\n")
            for code, body in outcome.defects:
                sys.stdout.write(f"{name}: {code} to {body!r}\n")
            well = well and not outcome.defects and outcome.good_answers_are_right
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
