"""What every model of the resource is made of: names in camelCase, CEL rules, and the types of the Kubernetes API."""

from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel


class Rule(NamedTuple):
    """A CEL rule, with the sentence that its refusal shows."""

    rule: str
    message: str
    field_path: str | None = None


class ApiModel(BaseModel):
    """camelCase in JSON; unknown fields are pruned by the API server before they get here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")
    rules: ClassVar[tuple[Rule, ...]] = ()


_PRESERVED = {"x-kubernetes-preserve-unknown-fields": True}

AnyValue = Annotated[Any, WithJsonSchema(_PRESERVED)]
AnyObject = Annotated[dict[str, Any], WithJsonSchema({"type": "object", **_PRESERVED})]

# The rules of Resources say what a quantity is, with a better sentence than a pattern has.
Quantity = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32})]

DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
