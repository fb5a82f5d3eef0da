"""From `spec.serve.accelerator` to what the scheduler and the kubelet read."""

from typing import Any

from slipway_operator.api.v1alpha1 import Accelerator


def accelerator_limits(accelerator: Accelerator) -> dict[str, str]:
    return {accelerator.resource: str(accelerator.count)} if accelerator.count else {}


def accelerator_scheduling(accelerator: Accelerator) -> dict[str, Any]:
    """Fields of a pod's spec: toleration, node selector and runtime class; none for a CPU."""
    if not accelerator.count:
        return {}
    fields: dict[str, Any] = {
        "tolerations": [{"key": accelerator.resource, "operator": "Exists", "effect": "NoSchedule"}],
    }
    if accelerator.product:
        fields["nodeSelector"] = {f"{accelerator.resource}.product": accelerator.product}
    if accelerator.runtime_class_name:
        fields["runtimeClassName"] = accelerator.runtime_class_name
    return fields


def expected_accelerator(accelerator: Accelerator) -> str:
    """The value of SLIPWAY_EXPECTED_ACCELERATOR: empty for the CPU."""
    return accelerator.resource if accelerator.count else ""
