"""What pydantic says, as a CustomResourceDefinition takes it."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from slipway_operator.api.schema import structural_schema
from slipway_operator.api.v1alpha1 import ApiModel, Rule
from slipway_operator.api.v1alpha1.base import AnyObject, AnyValue, Quantity


class Leaf(ApiModel):
    """A leaf."""

    rules = (Rule("self.size < 9", "size must be below 9", ".size"), Rule("true", "nothing to point at"))
    size: int = 1
    colour: str | None = None


class Tree(ApiModel):
    leaf: Leaf
    described: Annotated[Leaf, Field(description="The other one.")] = Leaf()
    absent: Leaf | None = None
    leaves: list[Leaf] = Field(default_factory=list)
    kind: Literal["Oak"] = "Oak"
    height: Annotated[float, Field(gt=0, lt=100)]
    label: Annotated[str | None, Field(max_length=5, pattern="^a")] = None
    cpu: Quantity = 1
    anything: list[AnyValue] | None = None
    free_form: AnyObject | None = None
    named: dict[str, Quantity] | None = None


LEAF = {
    "description": "A leaf.",
    "type": "object",
    "properties": {"size": {"type": "integer", "default": 1}, "colour": {"type": "string"}},
    "x-kubernetes-validations": [
        {"rule": "self.size < 9", "message": "size must be below 9", "fieldPath": ".size"},
        {"rule": "true", "message": "nothing to point at"},
    ],
}
PRESERVED = {"x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("leaf", LEAF, id="a reference is inlined, with its rules"),
        pytest.param(
            "described",
            LEAF | {"description": "The other one.", "default": {"size": 1}},
            id="the field's description wins, the default is written out without null",
        ),
        pytest.param("absent", LEAF, id="an optional object has no null and no default"),
        pytest.param("leaves", {"type": "array", "items": LEAF}, id="a default factory stays out of the schema"),
        pytest.param("kind", {"type": "string", "enum": ["Oak"], "default": "Oak"}, id="one literal is an enum"),
        pytest.param(
            "height",
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 100, "exclusiveMaximum": True},
            id="exclusive bounds are booleans",
        ),
        pytest.param("label", {"type": "string", "maxLength": 5, "pattern": "^a"}, id="an optional string"),
        pytest.param("anything", {"type": "array", "items": PRESERVED}, id="a list of anything"),
        pytest.param("freeForm", {"type": "object"} | PRESERVED, id="an object of anything"),
    ],
)
def test_field(field: str, expected: dict[str, Any]) -> None:
    assert structural_schema(Tree)["properties"][field] == expected


def test_a_quantity_is_int_or_string_without_a_type() -> None:
    properties = structural_schema(Tree)["properties"]

    for node in (properties["cpu"], properties["named"]["additionalProperties"]):
        assert node["x-kubernetes-int-or-string"] is True
        assert not node.keys() & {"type", "anyOf"}


def test_required_are_the_fields_without_a_default() -> None:
    assert structural_schema(Tree)["required"] == ["leaf", "height"]
