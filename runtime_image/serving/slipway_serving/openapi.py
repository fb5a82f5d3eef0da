"""The OpenAPI document of one server: its routes, with its own model's names, shapes and an example that it answers."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from slipway_contract import __version__
from slipway_contract.manifest import GoldenTensor, Manifest, TensorSpec
from slipway_serving.datatypes import DATATYPES
from slipway_serving.description import VERSION

_MOST_EXAMPLE_VALUES = 4096

Schema = dict[str, Any]

_ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_SENTENCES = {
    "400": "The request does not fit the model, and why.",
    "404": "No such model or version.",
    "413": "The body is too large.",
    "415": "The body is compressed otherwise than by gzip or deflate.",
    "503": "Not ready, or as many requests wait as may; Retry-After says when to come back.",
    "504": "The time for this request was over.",
}


def describe_api(name: str, manifest: Manifest | None) -> dict[str, Any]:
    """An OpenAPI 3.1 document. Before the model is loaded it has the routes that need none."""
    paths: dict[str, Any] = {
        "/v2/health/live": _get("Whether the process lives", ready=True),
        "/v2/health/ready": _get("Whether requests are welcome", ready=True),
        "/v2": _get("Name, version and extensions of the server"),
        "/v1/status": _get("What really serves: artifact, execution provider, golden request"),
        "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "In text."}}}},
        "/v2/repository/index": {
            "post": {
                "summary": "The models of this server",
                "requestBody": {"content": _json({"type": "object", "properties": {"ready": {"type": "boolean"}}})},
                "responses": {"200": {"description": "A list.", "content": _json({"type": "array"})}, **_errors("400")},
            }
        },
    }
    if manifest is not None:
        paths |= _model_paths(name, manifest)
    title = f"Slipway: {name}" if name else "Slipway"
    return {"openapi": "3.1.0", "info": {"title": title, "version": __version__}, "paths": paths}


def render_page(document: dict[str, Any]) -> str:
    """The document for people: complete in itself, because a cluster may reach no other host."""
    sections = "".join(
        _section(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "pre{background:#f4f4f4;padding:1rem;overflow:auto}h2{font-size:1.1rem;margin-top:2rem}</style></head>"
        f'<body><h1>{title}</h1><p>Also as <a href="openapi.json">OpenAPI</a>.</p>{sections}</body></html>'
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = ""
    if "example" in body:
        text = json.dumps(body["example"])
        command = f"curl -H 'content-type: application/json' http://HOST{path} -d '{text}'"
        example = f"<pre>{escape(command)}</pre>"
    answers = "".join(
        f"<li>{code}: {escape(answer['description'])}</li>" for code, answer in operation["responses"].items()
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"
        f"{example}<ul>{answers}</ul>"
    )


def _model_paths(name: str, manifest: Manifest) -> dict[str, Any]:
    infer = {"post": _infer(manifest)}
    predict = {"post": _predict(manifest)}
    paths: dict[str, Any] = {}
    for model in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{VERSION}"):
        paths |= {
            model: _get("Names, datatypes and shapes of inputs and outputs"),
            f"{model}/ready": _get("Whether the model takes requests", ready=True),
            f"{model}/config": _get("Triton's model configuration, as far as clients ask for it"),
            f"{model}/stats": _get("How often and how long, since the start"),
            f"{model}/infer": infer,
        }
    return paths | {"/v2/models/stats": _get("Statistics of all models"), "/v1/predict": predict, "/predict": predict}


def _infer(manifest: Manifest) -> dict[str, Any]:
    example = _example(manifest)
    body: Schema = {"schema": _infer_request(manifest.inputs)}
    if example is not None:
        body["example"] = {"inputs": [_tensor_example(tensor) for tensor in example]}
    return {
        "summary": "Run the model (Open Inference Protocol, also with its extension for tensors in binary)",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "The outputs, in the form that was asked for.", "content": _json(_infer_answer())},
            **_errors(*_SENTENCES),
        },
    }


def _predict(manifest: Manifest) -> dict[str, Any]:
    example = _example(manifest)
    one = {"type": "array"}
    by_name: Schema = {
        "type": "object",
        "required": [spec.name for spec in manifest.inputs],
        "properties": {spec.name: {} for spec in manifest.inputs},
        "additionalProperties": False,
    }
    body: Schema = {"schema": {"anyOf": [one, by_name]} if len(manifest.inputs) == 1 else by_name}
    if example is not None:
        nested = {tensor.name: _nested(tensor.data, tensor.shape) for tensor in example}
        body["example"] = next(iter(nested.values())) if len(nested) == 1 else nested
    return {
        "summary": "Run the model on plain nested lists, a batch or a single sample",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"200": {"description": "Nested lists.", "content": _json({})}, **_errors(*_SENTENCES)},
    }


def _infer_request(inputs: Sequence[TensorSpec]) -> Schema:
    tensors = [
        {
            "type": "object",
            "required": ["name", "datatype", "shape", "data"],
            "properties": {
                "name": {"const": spec.name},
                "datatype": {"const": DATATYPES[spec.dtype].name},
                "shape": {
                    "type": "array",
                    "prefixItems": [
                        {"type": "integer", "minimum": 0} if isinstance(size, str) else {"const": size}
                        for size in spec.shape
                    ],
                    "minItems": len(spec.shape),
                    "maxItems": len(spec.shape),
                },
                "data": {"type": "array", "description": "Flat, or nested as the shape is."},
            },
        }
        for spec in inputs
    ]
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {
                "type": "array",
                "items": {"anyOf": tensors},
                "minItems": len(tensors),
                "maxItems": len(tensors),
            },
            "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}},
            "parameters": {"type": "object"},
        },
    }


def _infer_answer() -> Schema:
    return {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "outputs": {"type": "array", "items": {"type": "object", "required": ["name", "datatype", "shape"]}}
        },
    }


def _example(manifest: Manifest) -> Sequence[GoldenTensor] | None:
    """The golden request, where it is short enough to read, and JSON can say all of it."""
    tensors = manifest.golden.inputs
    values = [value for tensor in tensors for value in tensor.data]
    return tensors if len(values) <= _MOST_EXAMPLE_VALUES and None not in values else None


def _tensor_example(tensor: GoldenTensor) -> dict[str, Any]:
    datatype = DATATYPES[tensor.dtype].name
    return {"name": tensor.name, "shape": tensor.shape, "datatype": datatype, "data": tensor.data}


def _nested(flat: list[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nested(flat[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])]


def _get(summary: str, *, ready: bool = False) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "Yes." if ready else "An object.", "content": _json({})}}
    unavailable = {"503": {"description": "No, or not yet.", "content": _json({"type": "object"})}}
    return {"get": {"summary": summary, "responses": responses | unavailable}}


def _errors(*codes: str) -> dict[str, Any]:
    return {code: {"description": _SENTENCES[code], "content": _json(_ERROR)} for code in codes}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
