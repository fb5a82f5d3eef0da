"""The Open Inference Protocol v2 over REST: JSON tensors and the binary tensor extension, in and out.

JSON has no NaN and no infinity: in outputs both become null, in inputs null is refused. Binary tensors carry them.
Whether a tensor is binary is decided for each one, not by the header, since clients send the header for JSON too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from slipway_contract.manifest import TensorSpec
from slipway_serving.errors import InvalidRequestError
from slipway_serving.tensors import (
    DATATYPES,
    Array,
    Arrays,
    array_from_bytes,
    array_from_json,
    fits,
    require_consistent,
    reshaped,
    shown,
)


@dataclass(frozen=True, slots=True)
class InferRequest:
    """`outputs`: name and whether it is wanted in binary, in the order of the answer."""

    id: str | None
    inputs: Arrays
    outputs: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response body. `header_length` is the length of its JSON part where tensors in binary follow."""

    body: bytes
    header_length: int | None = None


def decode_request(
    body: bytes, header_length: int | None, inputs: Sequence[TensorSpec], outputs: Sequence[str]
) -> InferRequest:
    """An inference request for a model with these inputs and outputs.

    Raises:
        InvalidRequestError: names the tensor and what was expected.
    """
    document, blob = _split(body, header_length)
    tensors = document.get("inputs")
    if not isinstance(tensors, list):
        raise InvalidRequestError("the request needs a list of inputs")
    specs = {spec.name: spec for spec in inputs}
    arrays: Arrays = {}
    for tensor in tensors:
        name = _known_name(tensor, specs, "input")
        if name in arrays:
            raise InvalidRequestError(f"input {name!r} is given twice")
        arrays[name], blob = _decode_tensor(tensor, specs[name], blob)
    if len(blob):
        raise InvalidRequestError(f"{len(blob)} bytes follow the last input")
    missing = [name for name in specs if name not in arrays]
    if missing:
        raise InvalidRequestError(f"input {missing[0]!r} is missing: this model takes {', '.join(specs)}")
    require_consistent(arrays, inputs)
    return InferRequest(id=document.get("id"), inputs=arrays, outputs=_wanted_outputs(document, outputs))


def encode_answer(model: str, version: str, request: InferRequest, results: Mapping[str, Array]) -> Answer:
    tensors: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for name, binary in request.outputs:
        array = results[name]
        tensor = {"name": name, "datatype": DATATYPES[array.dtype.name], "shape": array.shape}
        if binary:
            blobs.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            tensor["data"] = np.ascontiguousarray(array).reshape(-1)
        tensors.append(tensor)
    document: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": tensors}
    if request.id is not None:
        document["id"] = request.id
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return Answer(b"".join([head, *blobs]), len(head)) if blobs else Answer(head)


def parse_json(body: bytes | memoryview) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(f"the request is not valid JSON: {error}") from None


def _split(body: bytes, header_length: int | None) -> tuple[dict[str, Any], memoryview]:
    view = memoryview(body)
    if header_length is None:
        header_length = len(body)
    elif header_length > len(body):
        raise InvalidRequestError(
            f"Inference-Header-Content-Length is {header_length}, but the body has {len(body)} bytes"
        )
    document = parse_json(view[:header_length])
    if not isinstance(document, dict):
        raise InvalidRequestError("the request must be a JSON object with a list of inputs")
    if not isinstance(document.get("id"), str | None):
        raise InvalidRequestError("the request's id must be a string")
    return document, view[header_length:]


def _decode_tensor(tensor: dict[str, Any], spec: TensorSpec, blob: memoryview) -> tuple[Array, memoryview]:
    if tensor.get("datatype") != DATATYPES[spec.dtype]:
        raise InvalidRequestError(
            f"input {spec.name!r}: expected datatype {DATATYPES[spec.dtype]}, got {tensor.get('datatype')}"
        )
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidRequestError(f"input {spec.name!r}: shape must be a list of sizes")
    if not fits(shape, spec.shape):
        raise InvalidRequestError(f"input {spec.name!r}: expected shape {shown(spec.shape)}, got {shape}")
    size = _parameters(tensor, spec.name).get("binary_data_size")
    if size is None:
        return _decode_json_data(tensor, shape, spec), blob
    if type(size) is not int or size < 0 or size > len(blob):
        raise InvalidRequestError(f"input {spec.name!r}: binary_data_size is {size}, but {len(blob)} bytes are left")
    return array_from_bytes(blob[:size], shape, spec), blob[size:]


def _decode_json_data(tensor: dict[str, Any], shape: list[int], spec: TensorSpec) -> Array:
    if not isinstance(tensor.get("data"), list):
        raise InvalidRequestError(f"input {spec.name!r}: data must be a list, flat or nested")
    array = array_from_json(tensor["data"], spec)
    if array.shape == tuple(shape):
        return array
    if array.ndim != 1 or array.size != math.prod(shape):
        raise InvalidRequestError(
            f"input {spec.name!r}: data of shape {list(array.shape)} does not fill the shape {shape} that it declares"
        )
    return reshaped(array, shape, spec)


def _wanted_outputs(document: dict[str, Any], names: Sequence[str]) -> list[tuple[str, bool]]:
    all_binary = _parameters(document, "the request").get("binary_data_output") is True
    wanted = document.get("outputs")
    if not wanted:
        return [(name, all_binary) for name in names]
    if not isinstance(wanted, list):
        raise InvalidRequestError("outputs must be a list")
    chosen = []
    for output in wanted:
        name = _known_name(output, names, "output")
        parameters = _parameters(output, name)
        if parameters.get("classification"):
            raise InvalidRequestError(f"output {name!r}: the classification extension is not supported")
        chosen.append((name, parameters.get("binary_data", all_binary) is True))
    return chosen


def _known_name(tensor: Any, known: Mapping[str, Any] | Sequence[str], what: str) -> str:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str) or name not in known:
        raise InvalidRequestError(f"unknown {what} {name!r}: this model has {', '.join(known)}")
    return name


def _parameters(holder: dict[str, Any], name: str) -> dict[str, Any]:
    parameters = holder.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidRequestError(f"{name}: parameters must be an object")
    return parameters
