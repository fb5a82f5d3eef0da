"""The Open Inference Protocol v2 over REST: JSON tensors and the binary tensor extension, in and out.

JSON has no NaN and no infinity: in outputs both become null, in inputs null is refused. Binary tensors carry them.
Whether a tensor is binary is decided for each one, not by the header, since clients send the header for JSON too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from slipway_contract.manifest import TensorSpec
from slipway_serving.datatypes import DATATYPES, Array
from slipway_serving.errors import InvalidRequestError
from slipway_serving.tensors import (
    Arrays,
    array_from_bytes,
    array_from_json,
    array_to_bytes,
    array_to_json,
    require_complete,
    require_declared,
    reshaped,
)

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What a client asks for, by whichever protocol.

    Attributes:
        id: comes back with the answer; None where the client gave none.
        inputs: all of the model's.
        outputs: those that are wanted, in the order of the answer, and whether in binary.
        timeout: seconds that the client waits; None where it does not say.
    """

    id: str | None
    inputs: Arrays
    outputs: Sequence[tuple[TensorSpec, bool]]
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response body. `header_length` is the length of its JSON part where tensors in binary follow."""

    body: bytes
    header_length: int | None = None


def decode_request(
    body: bytes, header_length: int | None, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
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
        spec = known_spec(_name(tensor), specs, "input")
        if spec.name in arrays:
            raise InvalidRequestError(f"input {spec.name!r} is given twice")
        arrays[spec.name], blob = _decode_tensor(tensor, spec, blob)
    if len(blob):
        raise InvalidRequestError(f"{len(blob)} bytes follow the last input")
    require_complete(arrays, inputs)
    parameters = _parameters(document, "the request")
    return InferRequest(
        id=document.get("id"),
        inputs=arrays,
        outputs=_wanted_outputs(document, parameters, outputs),
        timeout=timeout_of(parameters.get("timeout")),
    )


def encode_answer(model: str, version: str, request: InferRequest, results: Mapping[str, Array]) -> Answer:
    tensors: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for spec, binary in request.outputs:
        values = results[spec.name]
        datatype = DATATYPES[spec.dtype]
        tensor = {"name": spec.name, "datatype": datatype.name, "shape": values.shape}
        if binary:
            blobs.append(array_to_bytes(values, datatype))
            tensor["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            tensor["data"] = array_to_json(values.reshape(-1), datatype)
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


def known_spec(name: Any, specs: Mapping[str, TensorSpec], what: str) -> TensorSpec:
    """The input or output of this name.

    Raises:
        InvalidRequestError: the model has none; names those that it has.
    """
    spec = specs.get(name) if isinstance(name, str) else None
    if spec is None:
        raise InvalidRequestError(f"unknown {what} {name!r}: this model has {', '.join(specs)}")
    return spec


def timeout_of(microseconds: Any) -> float | None:
    """Seconds of the protocol's `timeout` parameter, which is in microseconds, and no limit where it is 0."""
    if microseconds is None or microseconds == 0:
        return None
    if type(microseconds) is not int or microseconds < 0:
        raise InvalidRequestError("the parameter timeout must be a number of microseconds")
    return microseconds / _MICROSECONDS


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
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise InvalidRequestError("the request's id must be a string")
    return document, view[header_length:]


def _decode_tensor(tensor: dict[str, Any], spec: TensorSpec, blob: memoryview) -> tuple[Array, memoryview]:
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not set(map(type, shape)) <= {int} or min(shape, default=0) < 0:
        raise InvalidRequestError(f"input {spec.name!r}: shape must be a list of sizes")
    require_declared(tensor.get("datatype"), shape, spec)
    size = _parameters(tensor, spec.name).get("binary_data_size")
    if size is None:
        return _decode_json_data(tensor, shape, spec), blob
    if type(size) is not int or size < 0 or size > len(blob):
        raise InvalidRequestError(f"input {spec.name!r}: binary_data_size is {size}, but {len(blob)} bytes are left")
    return array_from_bytes(blob[:size], shape, spec), blob[size:]


def _decode_json_data(tensor: dict[str, Any], shape: list[int], spec: TensorSpec) -> Array:
    if not isinstance(tensor.get("data"), list):
        raise InvalidRequestError(f"input {spec.name!r}: data must be a list, flat or nested")
    values = array_from_json(tensor["data"], spec)
    if values.shape == tuple(shape):
        return values
    # Lists cannot show the sizes behind one of 0.
    is_cut_short = values.size == 0 and values.shape == tuple(shape[: values.ndim])
    if (values.ndim != 1 and not is_cut_short) or values.size != math.prod(shape):
        raise InvalidRequestError(
            f"input {spec.name!r}: data of shape {list(values.shape)} does not fill the shape {shape} that it declares"
        )
    return reshaped(values, shape, spec)


def _wanted_outputs(
    document: dict[str, Any], parameters: dict[str, Any], outputs: Sequence[TensorSpec]
) -> list[tuple[TensorSpec, bool]]:
    all_binary = _flag(parameters, "binary_data_output", "the request", default=False)
    wanted = document.get("outputs")
    if not wanted:
        return [(spec, all_binary) for spec in outputs]
    if not isinstance(wanted, list):
        raise InvalidRequestError("outputs must be a list")
    specs = {spec.name: spec for spec in outputs}
    chosen: dict[str, tuple[TensorSpec, bool]] = {}
    for output in wanted:
        spec = known_spec(_name(output), specs, "output")
        if spec.name in chosen:
            raise InvalidRequestError(f"output {spec.name!r} is asked for twice")
        own = _parameters(output, spec.name)
        if own.get("classification"):
            raise InvalidRequestError(f"output {spec.name!r}: the classification extension is not supported")
        chosen[spec.name] = (spec, _flag(own, "binary_data", spec.name, default=all_binary))
    return list(chosen.values())


def _name(tensor: Any) -> Any:
    return tensor.get("name") if isinstance(tensor, dict) else None


def _parameters(holder: dict[str, Any], name: str) -> dict[str, Any]:
    parameters = holder.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidRequestError(f"{name}: parameters must be an object")
    return parameters


def _flag(parameters: dict[str, Any], key: str, name: str, *, default: bool) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name}: the parameter {key} must be true or false")
    return value
