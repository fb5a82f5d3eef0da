"""CPU and memory of a container, as Kubernetes has them."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Quantity, Rule

# `k` is a key in one of the two maps.
_KNOWN = "k in ['cpu', 'memory', 'ephemeral-storage'] || k.startsWith('hugepages-') || k.contains('/')"


def _in_both(condition: str) -> str:
    """A condition on every key `k` with its value as the string `VALUE`, in requests and in limits."""
    return " && ".join(
        f"(!has({each}) || {each}.all(k, {condition.replace('VALUE', f'string({each}[k])')}))"
        for each in ("self.requests", "self.limits")
    )


class Resources(ApiModel):
    """As in a container's resources."""

    rules = (
        Rule(
            _in_both(_KNOWN),
            "a resource is cpu, memory, ephemeral-storage, hugepages-SIZE or DOMAIN/NAME: check the spelling",
        ),
        Rule(
            _in_both("isQuantity(VALUE) && !quantity(VALUE).isLessThan(quantity('0'))"),
            "a quantity is a whole number, or a string such as '0.5', 500m, 512Mi or 4G: check the unit",
        ),
        Rule(
            "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
            "!isQuantity(string(self.requests[k])) || !isQuantity(string(self.limits[k])) || "
            "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
            "a request is above its limit: lower the request, or raise the limit",
            ".requests",
        ),
    )
    requests: Annotated[
        dict[str, Quantity] | None,
        Field(
            max_length=16,
            description="What the scheduler reserves, as in a container's resources.requests: {cpu: 500m, memory: "
            "1Gi}.",
        ),
    ] = None
    limits: Annotated[
        dict[str, Quantity] | None,
        Field(
            max_length=16,
            description="What the container may use at most, as in a container's resources.limits: {cpu: 2, memory: "
            "4Gi}.",
        ),
    ] = None
