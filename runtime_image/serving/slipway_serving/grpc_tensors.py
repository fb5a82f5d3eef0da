"""The tensors of a gRPC inference request and answer: in raw contents, or in typed ones."""

import math
from collections.abc import Mapping, Sequence

from slipway_contract.manifest import TensorSpec
from slipway_serving.datatypes import DATATYPES, Array, text_from_bytes
from slipway_serving.errors import InvalidRequestError
from slipway_serving.oip.inference_pb2 import InferTensorContents, ModelInferRequest, ModelInferResponse
from slipway_serving.protocol import InferRequest, known_spec, timeout_of
from slipway_serving.tensors import (
    Arrays,
    array_from_bytes,
    array_from_values,
    array_to_bytes,
    require_complete,
    require_declared,
    reshaped,
)


def decode_infer(
    message: ModelInferRequest, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> InferRequest:
    """An inference request for a model with these inputs and outputs.

    Raises:
        InvalidRequestError: names the tensor and what was expected.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise InvalidRequestError(f"raw_input_contents has {len(raw)} elements for {len(message.inputs)} inputs")
    specs = {spec.name: spec for spec in inputs}
    arrays: Arrays = {}
    for index, tensor in enumerate(message.inputs):
        spec = known_spec(tensor.name, specs, "input")
        if spec.name in arrays:
            raise InvalidRequestError(f"input {spec.name!r} is given twice")
        shape = tuple(tensor.shape)
        if min(shape, default=0) < 0:
            raise InvalidRequestError(f"input {spec.name!r}: shape must be a list of sizes")
        require_declared(tensor.datatype, shape, spec)
        if not raw:
            arrays[spec.name] = _from_contents(tensor.contents, shape, spec)
        elif tensor.HasField("contents"):
            raise InvalidRequestError(f"input {spec.name!r}: contents and raw_input_contents exclude each other")
        else:
            arrays[spec.name] = array_from_bytes(memoryview(raw[index]), shape, spec)
    require_complete(arrays, inputs)
    parameter = message.parameters.get("timeout")
    return InferRequest(
        id=message.id or None,
        inputs=arrays,
        outputs=_wanted_outputs(message, outputs, is_raw=bool(raw)),
        timeout=None if parameter is None else timeout_of(parameter.int64_param or parameter.uint64_param),
    )


def encode_infer(model: str, version: str, request: InferRequest, results: Mapping[str, Array]) -> ModelInferResponse:
    """The answer, raw if the request was. FP16 and BF16 have no typed contents, and both kinds never mix."""
    answer = ModelInferResponse(model_name=model, model_version=version, id=request.id or "")
    is_raw = any(binary or not DATATYPES[spec.dtype].contents for spec, binary in request.outputs)
    for spec, _ in request.outputs:
        values = results[spec.name]
        datatype = DATATYPES[spec.dtype]
        tensor = answer.outputs.add(name=spec.name, datatype=datatype.name, shape=values.shape)
        if is_raw:
            answer.raw_output_contents.append(array_to_bytes(values, datatype))
        else:
            flat = values.reshape(-1).tolist()
            contents = [value.encode() for value in flat] if datatype.is_text else flat
            getattr(tensor.contents, datatype.contents).extend(contents)
    return answer


def _from_contents(contents: InferTensorContents, shape: tuple[int, ...], spec: TensorSpec) -> Array:
    datatype = DATATYPES[spec.dtype]
    if not datatype.contents:
        raise InvalidRequestError(f"input {spec.name!r}: {datatype.name} is carried by raw_input_contents alone")
    filled = [field.name for field, _ in contents.ListFields() if field.name != datatype.contents]
    if filled:
        raise InvalidRequestError(f"input {spec.name!r}: {datatype.name} is in {datatype.contents}, not in {filled[0]}")
    values = getattr(contents, datatype.contents)
    if len(values) != math.prod(shape):
        raise InvalidRequestError(f"input {spec.name!r}: {len(values)} values do not fill the shape {list(shape)}")
    if datatype.is_text:
        try:
            values = [text_from_bytes(value, index) for index, value in enumerate(values)]
        except ValueError as error:
            raise InvalidRequestError(f"input {spec.name!r}: {error}") from None
    return reshaped(array_from_values(list(values), spec), shape, spec)


def _wanted_outputs(
    message: ModelInferRequest, outputs: Sequence[TensorSpec], *, is_raw: bool
) -> list[tuple[TensorSpec, bool]]:
    if not message.outputs:
        return [(spec, is_raw) for spec in outputs]
    specs = {spec.name: spec for spec in outputs}
    chosen: dict[str, tuple[TensorSpec, bool]] = {}
    for output in message.outputs:
        spec = known_spec(output.name, specs, "output")
        if spec.name in chosen:
            raise InvalidRequestError(f"output {spec.name!r} is asked for twice")
        if "classification" in output.parameters:
            raise InvalidRequestError(f"output {spec.name!r}: the classification extension is not supported")
        chosen[spec.name] = (spec, is_raw)
    return list(chosen.values())
