"""How a sample is put on the wire, and how the first output is read from an answer."""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from serving.models import Arrays, Model
from tritonclient.grpc import service_pb2

DATATYPES = {"float32": "FP32", "int64": "INT64"}
JSON = {"content-type": "application/json"}
HEADER_LENGTH = "inference-header-content-length"
GRPC_PREFIX = 5
# A path that grpc knows; `GRPC` marks those who speak it.
GRPC_PATH = "/inference.GRPCInferenceService/ModelInfer"

Headers = Mapping[str, str]
Encoded = tuple[bytes, dict[str, str]]


@dataclass(frozen=True)
class Format:
    """One way to ask.

    Attributes:
        name: as in the table.
        path: of the route, from the model's name.
        encode: body and headers of a request.
        read: the first output as a flat array, from body and headers of an answer.
        is_grpc: over HTTP/2.
    """

    name: str
    path: Callable[[str], str]
    encode: Callable[[Model], Encoded]
    read: Callable[[bytes, Headers], np.ndarray]
    is_grpc: bool = field(default=False)


def _oip_json(model: Model) -> Encoded:
    return json.dumps(
        {"id": "0", "inputs": [_tensor(name, value) for name, value in model.sample.items()]}
    ).encode(), JSON


def _tensor(name: str, value: np.ndarray) -> dict[str, Any]:
    facts = {"name": name, "shape": list(value.shape), "datatype": DATATYPES[value.dtype.name]}
    return {**facts, "data": value.reshape(-1).round(4).tolist()}


def _oip_binary(model: Model) -> Encoded:
    inputs = []
    for name, value in model.sample.items():
        facts = {"name": name, "shape": list(value.shape), "datatype": DATATYPES[value.dtype.name]}
        inputs.append({**facts, "parameters": {"binary_data_size": value.nbytes}})
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(value.tobytes() for value in model.sample.values())
    return body, {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(head))}


def _plain(model: Model) -> Encoded:
    (value,) = model.sample.values()
    return json.dumps(value.round(4).tolist()).encode(), JSON


def _by_name(arrays: Arrays) -> dict[str, Any]:
    return {name: value.round(4).tolist() for name, value in arrays.items()}


def _named(model: Model) -> Encoded:
    return json.dumps(_by_name(model.sample)).encode(), JSON


def _wrapped(model: Model) -> Encoded:
    return json.dumps({"inputs": _by_name(model.sample)}).encode(), JSON


def _grpc(model: Model) -> Encoded:
    request = service_pb2.ModelInferRequest(model_name=model.name)
    for name, value in model.sample.items():
        request.inputs.add(name=name, shape=value.shape, datatype=DATATYPES[value.dtype.name])
        request.raw_input_contents.append(value.tobytes())
    message = request.SerializeToString()
    return struct.pack(">?I", False, len(message)) + message, {"content-type": "application/grpc", "te": "trailers"}


def _read_oip(body: bytes, headers: Headers) -> np.ndarray:
    if HEADER_LENGTH in headers:
        return np.frombuffer(body[int(headers[HEADER_LENGTH]) :], np.float32)
    return np.array(json.loads(body)["outputs"][0]["data"])


def _read_list(body: bytes, headers: Headers) -> np.ndarray:
    return np.array(json.loads(body)).reshape(-1)


def _read_grpc(body: bytes, headers: Headers) -> np.ndarray:
    answer = service_pb2.ModelInferResponse.FromString(body[GRPC_PREFIX:])
    if answer.raw_output_contents:
        return np.frombuffer(answer.raw_output_contents[0], np.float32)
    return np.array(answer.outputs[0].contents.fp32_contents)


def _infer(name: str) -> str:
    return f"/v2/models/{name}/infer"


OIP_JSON = Format("OIP JSON", _infer, _oip_json, _read_oip)
ECHO = Format("OIP binary", lambda _: "/", _oip_binary, lambda body, _: np.frombuffer(body, np.uint8))
OIP_BINARY = Format("OIP binary", _infer, _oip_binary, _read_oip)
PLAIN = Format("JSON list", lambda _: "/predict", _plain, _read_list)
NAMED = Format("JSON", lambda _: "/predict", _named, _read_list)
WRAPPED = Format("JSON", lambda _: "/predict", _wrapped, _read_list)
MOSEC = Format("JSON", lambda _: "/inference", _named, _read_list)
GRPC = Format("gRPC raw", lambda _: GRPC_PATH, _grpc, _read_grpc, is_grpc=True)
