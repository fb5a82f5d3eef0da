"""The same fields occur many times in the resource, sources above all: each explanation is written once."""

import json
from typing import Any

# What is shorter takes about the room of the pointer to it.
LONG = 60


def explain_once(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with a pointer to the first place in place of whatever is explained a second time.

    A long description becomes `See PATH.`; an object with the same fields as an earlier one says so, and its fields
    say nothing.
    """
    return _explained(schema, "", {})


def _explained(node: dict[str, Any], path: str, seen: dict[str, str]) -> dict[str, Any]:
    result = dict(node)
    text = node.get("description", "")
    if len(text) > LONG and seen.setdefault(text, path) != path:
        result["description"] = f"See {seen[text]}."
    fields = _fields(node)
    if len(fields) > 1 and (first := seen.setdefault(_shape(fields), path)) != path:
        if result.get("description") != f"See {first}.":
            result["description"] = f"{result.get('description', '')} Fields: see {first}.".lstrip()
        return result | _without_descriptions(node, own=False)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            result[key] = _explained(node[key], path, seen)
    if "properties" in node:
        result["properties"] = {
            name: _explained(field, f"{path}.{name}".lstrip("."), seen) for name, field in node["properties"].items()
        }
    return result


def _fields(node: dict[str, Any]) -> dict[str, Any]:
    """The fields of an object, or of the objects in a list."""
    fields: dict[str, Any] = node.get("properties") or node.get("items", {}).get("properties") or {}
    return fields


def _shape(fields: dict[str, Any]) -> str:
    """The same for the same fields, whatever their descriptions."""
    return json.dumps({name: _without_descriptions(field) for name, field in fields.items()}, sort_keys=True)


def _without_descriptions(node: dict[str, Any], *, own: bool = True) -> dict[str, Any]:
    """The parts of a node that hold other nodes, and all but the description of the node itself where it is `own`."""
    result = {key: value for key, value in node.items() if key != "description"} if own else {}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            result[key] = _without_descriptions(node[key])
    if "properties" in node:
        result["properties"] = {name: _without_descriptions(field) for name, field in node["properties"].items()}
    return result
