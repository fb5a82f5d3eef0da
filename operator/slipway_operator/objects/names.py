"""Names, labels and annotations of the children."""

from collections.abc import Mapping
from typing import Literal

from slipway_contract.digest import hex_of
from slipway_operator.api.v1alpha1 import GROUP

FIELD_MANAGER = "slipway"

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MODEL_DEPLOYMENT_LABEL = f"{GROUP}/model-deployment"
COMPONENT_LABEL = "app.kubernetes.io/component"
ARTIFACT_DIGEST = f"{GROUP}/artifact-digest"
RECIPE_DIGEST = f"{GROUP}/recipe-digest"
TEMPLATE_DIGEST = f"{GROUP}/template-digest"
SOURCES_DIGEST = f"{GROUP}/sources-digest"
HARDWARE_CLASS = f"{GROUP}/hardware-class"

Component = Literal["resolve", "optimize", "serve", "scale"]

HEX_IN_NAMES = 10


def job_name(name: str, recipe_digest: str) -> str:
    return f"{name}-optimize-{hex_of(recipe_digest)[:HEX_IN_NAMES]}"


def resolve_job_name(name: str, sources_digest: str) -> str:
    return f"{name}-resolve-{hex_of(sources_digest)[:HEX_IN_NAMES]}"


def claim_name(name: str) -> str:
    return f"{name}-artifacts"


def labels_for(name: str, component: Component) -> dict[str, str]:
    return {
        MANAGED_BY_LABEL: FIELD_MANAGER,
        "app.kubernetes.io/name": name,
        COMPONENT_LABEL: component,
        MODEL_DEPLOYMENT_LABEL: name,
    }


def serving_selector(name: str) -> dict[str, str]:
    return {MODEL_DEPLOYMENT_LABEL: name, COMPONENT_LABEL: "serve"}


def selector_text(selector: Mapping[str, str]) -> str:
    """As in status.selector, for whoever reads the scale subresource."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
