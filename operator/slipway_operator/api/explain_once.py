"""The same fields occur many times in the resource, sources above all: each explanation is written once."""

from typing import Any

# What is shorter takes about the room of the pointer to it.
LONG = 60


def explain_once(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with a pointer to the first field in place of each long description that is there a second time."""
    return _explained(schema, "", {})


def _explained(node: dict[str, Any], path: str, seen: dict[str, str]) -> dict[str, Any]:
    result = dict(node)
    text = node.get("description", "")
    if len(text) > LONG and seen.setdefault(text, path) != path:
        result["description"] = f"See {seen[text]}."
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            result[key] = _explained(node[key], path, seen)
    if "properties" in node:
        result["properties"] = {
            name: _explained(field, f"{path}.{name}".lstrip("."), seen) for name, field in node["properties"].items()
        }
    return result
