"""From a pydantic model to the structural schema that a CustomResourceDefinition takes."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from slipway_operator.api.v1alpha1 import ApiModel, Rule

Schema = dict[str, Any]


class _StructuralJsonSchema(GenerateJsonSchema):
    """Says the same as pydantic does, in the part of OpenAPI that Kubernetes accepts."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Optional means absent: the API server prunes null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """An object's default is written out in full: the API server holds it against the rules as it stands."""
        json_schema = super().default_schema(schema)
        default = _without_null(json_schema.pop("default", None))
        return json_schema if default is None else json_schema | {"default": default}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """An enum, also where there is one value only."""
        json_schema = super().literal_schema(schema)
        if "const" in json_schema:
            json_schema["enum"] = [json_schema.pop("const")]
        return json_schema

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        json_schema = super().model_schema(schema)
        cls = schema["cls"]
        if issubclass(cls, ApiModel) and cls.rules:
            json_schema["x-kubernetes-validations"] = [_validation(rule) for rule in cls.rules]
        return json_schema


def _without_null(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_null(item) for key, item in value.items() if item is not None}


def _validation(rule: Rule) -> Schema:
    validation = {"rule": rule.rule, "message": rule.message}
    return validation | {"fieldPath": rule.field_path} if rule.field_path else validation


def structural_schema(model: type[ApiModel]) -> Schema:
    """The model's schema with every reference inlined, in the order of its fields."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_StructuralJsonSchema)
    return _Inliner(schema.pop("$defs", {})).convert(schema)


class _Inliner:
    """Puts definitions in place of references to them.

    A definition that is used in several places is described in full where it comes first, and in first sentences
    elsewhere: the API server has a limit for the size of the whole.
    """

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._inlined: set[str] = set()

    def convert(self, node: Schema, *, briefly: bool = False) -> Schema:
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            again = name in self._inlined
            self._inlined.add(name)
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return self.convert(self._definitions[name] | beside, briefly=briefly or again)
        converted = _boolean_bounds({key: value for key, value in node.items() if key != "title"})
        if "properties" in node:
            converted["properties"] = {
                name: self._field(field, briefly=briefly) for name, field in node["properties"].items()
            }
        for key in ("items", "additionalProperties"):
            if key in node:
                converted[key] = self.convert(node[key], briefly=briefly)
        return converted

    def _field(self, field: Schema, *, briefly: bool) -> Schema:
        converted = self.convert(field, briefly=briefly)
        if briefly and "description" in converted:
            sentence, end, _ = converted["description"].partition(". ")
            converted["description"] = sentence + end.strip()
        return converted


def _boolean_bounds(node: Schema) -> Schema:
    """OpenAPI v3.0 has exclusiveMinimum and exclusiveMaximum as booleans beside the bound."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node:
            node |= {bound: node[exclusive], exclusive: True}
    return node
