"""The plain JSON form of inference: nested lists in, nested lists out, for people with curl."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from slipway_contract.manifest import TensorSpec
from slipway_serving.datatypes import DATATYPES, Array
from slipway_serving.errors import InvalidRequestError
from slipway_serving.protocol import parse_json
from slipway_serving.tensors import Arrays, array_from_json, array_to_json, fits, require_complete, shown


def decode_prediction(body: bytes, inputs: Sequence[TensorSpec]) -> tuple[Arrays, bool]:
    """Inputs of a plain request, and whether it is a single sample.

    A model with one input takes a nested list, any model takes an object of nested lists by input name.
    A value that lacks just the leading axis is a single sample; its answer then lacks that axis too.
    """
    document = parse_json(body)
    if isinstance(document, dict):
        values = document
    elif len(inputs) == 1:
        values = {inputs[0].name: document}
    else:
        raise InvalidRequestError(f"this model has several inputs: send an object with {_names(inputs)}")
    unknown = [name for name in values if name not in {spec.name for spec in inputs}]
    if unknown:
        raise InvalidRequestError(f"unknown input {unknown[0]!r}: this model takes {_names(inputs)}")
    arrays: Arrays = {}
    single: dict[str, bool] = {}
    for spec in inputs:
        if spec.name in values:
            arrays[spec.name], single[spec.name] = _decode(values[spec.name], spec)
    if len(set(single.values())) > 1:
        raise InvalidRequestError("send every input as a batch or every input as a single sample, not both")
    require_complete(arrays, inputs)
    return arrays, any(single.values())


def encode_prediction(results: Mapping[str, Array], outputs: Sequence[TensorSpec], *, single: bool) -> bytes:
    """A nested list for a model with one output, an object by output name for others. NaN and infinity become null."""
    values = {spec.name: _encodable(results[spec.name], spec, single) for spec in outputs}
    document = next(iter(values.values())) if len(values) == 1 else values
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _decode(value: Any, spec: TensorSpec) -> tuple[Array, bool]:
    array = array_from_json(value, spec)
    if fits(array.shape, spec.shape):
        return array, False
    if takes_single_sample(spec) and fits(array.shape, spec.shape[1:]):
        return array[np.newaxis], True
    either = f" or {shown(spec.shape[1:])}" if takes_single_sample(spec) else ""
    raise InvalidRequestError(
        f"input {spec.name!r}: expected shape {shown(spec.shape)}{either}, got {list(array.shape)}"
    )


def takes_single_sample(spec: TensorSpec) -> bool:
    """The leading axis is a batch axis of free size, or of size 1."""
    return bool(spec.shape) and (isinstance(spec.shape[0], str) or spec.shape[0] == 1)


def _encodable(values: Array, spec: TensorSpec, single: bool) -> Any:
    if single and values.ndim and values.shape[0] == 1:
        values = values[:1].reshape(values.shape[1:])
    encodable = array_to_json(values, DATATYPES[spec.dtype])
    return encodable.item() if isinstance(encodable, np.ndarray) and encodable.ndim == 0 else encodable


def _names(inputs: Sequence[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in inputs)
