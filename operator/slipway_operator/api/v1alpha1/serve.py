"""`spec.serve`: what each replica runs on and how it takes requests."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from slipway_operator.api.v1alpha1.base import ApiModel, ObjectName, Rule
from slipway_operator.api.v1alpha1.resources import Resources

DEFAULT_ACCELERATOR = "nvidia.com/gpu"
DEFAULT_BATCH_MAX_SIZE = 32

_PRESERVED_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Accelerator(ApiModel):
    """Devices of each replica."""

    rules = (
        Rule(
            f"self.count > 0 || self.resource == '{DEFAULT_ACCELERATOR}' && !has(self.product) && "
            f"!has(self.runtimeClassName)",
            "count 0 serves on the CPU: remove resource, product and runtimeClassName, or set count to 1 or more",
            ".count",
        ),
        Rule(
            "self.resource.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",
            "resource must be DOMAIN/NAME as the device plugin advertises it, such as nvidia.com/gpu",
            ".resource",
        ),
    )
    resource: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            description="Extended resource that a device plugin advertises, such as nvidia.com/gpu or "
            "nvidia.com/mig-1g.10gb. It becomes a limit and a toleration of the serving pods.",
        ),
    ] = DEFAULT_ACCELERATOR
    count: Annotated[int, Field(ge=0, le=16, description="Devices for each replica. 0 serves on the CPU.")] = 1
    product: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern="^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
            description="Only nodes whose label RESOURCE.product has this value, such as NVIDIA-L4. GPU feature "
            "discovery sets that label.",
        ),
    ] = None
    runtime_class_name: Annotated[
        ObjectName | None,
        Field(description="RuntimeClass of the serving pods, where the node's default is not the GPU's."),
    ] = None


class Batching(ApiModel):
    """Requests that wait anyway are answered together. Nothing waits while the model is idle."""

    rules = (
        Rule(
            "!has(self.maxSize) || self.maxSize > 1",
            "maxSize 1 batches nothing: remove serve.batching, or set maxSize to 2 or more",
            ".maxSize",
        ),
        Rule(
            "self.maxDelay.matches('^[0-9]{1,7}(us|ms|s)$') ? duration(self.maxDelay) <= duration('1s') : false",
            "maxDelay must be a duration of at most 1s, such as 500us or 2ms",
            ".maxDelay",
        ),
    )
    max_size: Annotated[
        int | None,
        Field(
            ge=1,
            le=1024,
            description="Most rows in one call of the model. Absent: what was measured to pay for the artifact "
            "(status.artifact.serving; 1 where batching does not), else 32.",
        ),
    ] = None
    max_delay: Annotated[
        str,
        Field(
            min_length=1,
            max_length=16,
            description="How long a request may be held back for a fuller batch while the model is busy, at most 1s: "
            "a whole number and us, ms or s, such as 2ms.",
        ),
    ] = "2ms"


class Serve(ApiModel):
    """How the model is served."""

    rules = (
        Rule(
            "(!has(self.resources.limits) || !(self.accelerator.resource in self.resources.limits)) && "
            "(!has(self.resources.requests) || !(self.accelerator.resource in self.resources.requests))",
            "devices are set by serve.accelerator: remove its resource from serve.resources and set accelerator.count",
            ".resources",
        ),
    )
    accelerator: Annotated[
        Accelerator,
        Field(description="What each replica runs on: one GPU where nothing is set, the CPU with {count: 0}."),
    ] = Accelerator()
    batching: Annotated[
        Batching | None,
        Field(
            description="Dynamic batching; needs the same named first dimension on every input. Off when absent; {} "
            "turns it on."
        ),
    ] = None
    queue_size: Annotated[
        int,
        Field(
            ge=1,
            le=100000,
            description="Requests that may wait in one replica. One more is answered at once with 503 and Retry-After.",
        ),
    ] = 128
    resources: Annotated[
        Resources, Field(description="CPU and memory of each replica. Devices are set in accelerator.")
    ] = Resources()
    pod_template: Annotated[
        Annotated[
            dict[str, Any],
            WithJsonSchema(
                {
                    "type": "object",
                    "properties": {
                        "metadata": {**_PRESERVED_OBJECT, "description": "Labels and annotations of the serving pods."},
                        "spec": {**_PRESERVED_OBJECT, "description": "Fields of a PodSpec."},
                    },
                }
            ),
        ]
        | None,
        Field(
            description="Laid over the serving pods' template as a strategic merge patch: maps are merged; containers "
            "(server, fetch), volumes and env by name; tolerations are added; other lists are replaced. For what has "
            "no field here: affinity, topologySpreadConstraints, annotations.",
        ),
    ] = None
