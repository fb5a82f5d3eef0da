"""The class of nodes that a model is served on: the optimization Job asks for the same, so that what it measures holds.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
"""

from typing import Any

from slipway_contract.recipe import CPU_HARDWARE_CLASS
from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.accelerator import accelerator_scheduling
from slipway_operator.objects.overlay import overlay
from slipway_operator.objects.resources import JOB_REQUESTS, build_resources, count_cpus

NODE_FIELDS = ("nodeSelector", "tolerations", "runtimeClassName")
DEVICES_TO_MEASURE_ON = "1"


def hardware_class(parent: ModelDeployment) -> str:
    """What measurements are taken on, as the recipe counts it: `cpu`, `cpu-2`, `NVIDIA-L4`, `cpu,disk=ssd` ..."""
    accelerator = parent.spec.serve.accelerator
    device = accelerator.product or accelerator.resource if accelerator.count else _cpu_class(parent)
    selector = _pod_fields(parent).get("nodeSelector")
    labels = sorted(f"{key}={value}" for key, value in selector.items()) if isinstance(selector, dict) else []
    return ",".join([device, *labels])


def node_scheduling(parent: ModelDeployment) -> dict[str, Any]:
    """Fields of the Job's pod: on nodes of the class that the serving pods ask for."""
    return overlay(accelerator_scheduling(parent.spec.serve.accelerator), _pod_fields(parent))


def measuring_resources(parent: ModelDeployment) -> dict[str, Any]:
    """The Job's resources: the user's, with one device and, where the user names none, the CPU limit of serving."""
    own, serve = parent.spec.optimize.resources, parent.spec.serve
    resources = build_resources(own, JOB_REQUESTS)
    limits = dict(resources.get("limits") or {})
    serving_cpus = (serve.resources.limits or {}).get("cpu")
    if serving_cpus is not None and "cpu" not in limits:
        limits["cpu"] = str(serving_cpus)
        resources["requests"] = _within({"cpu": limits["cpu"]}, resources.get("requests") or {})
    if serve.accelerator.count:
        limits[serve.accelerator.resource] = DEVICES_TO_MEASURE_ON
    return resources | {"limits": limits} if limits else resources


def _within(limits: dict[str, str], requests: dict[str, str]) -> dict[str, str]:
    """A request above its limit is refused by the API server."""
    most, asked = count_cpus(limits["cpu"]), count_cpus(requests.get("cpu"))
    return requests | limits if most is not None and asked is not None and asked > most else requests


def _cpu_class(parent: ModelDeployment) -> str:
    cpus = count_cpus((parent.spec.serve.resources.limits or {}).get("cpu"))
    return CPU_HARDWARE_CLASS if cpus is None else f"{CPU_HARDWARE_CLASS}-{cpus.normalize():f}"


def _pod_fields(parent: ModelDeployment) -> dict[str, Any]:
    """The part of the user's pod template that picks nodes; what is no map is left for the API server to refuse."""
    spec = (parent.spec.serve.pod_template or {}).get("spec")
    given = spec if isinstance(spec, dict) else {}
    return {key: given[key] for key in NODE_FIELDS if given.get(key) is not None}
