"""`spec.scale`: a fixed number of replicas, or the bounds and the aim of the autoscaler."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import AnyObject, ApiModel, Rule

DEFAULT_IN_FLIGHT = 8


class Scale(ApiModel):
    """How many replicas."""

    rules = (
        Rule(
            "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "minReplicas must not be above maxReplicas",
            ".minReplicas",
        ),
        Rule(
            "!has(self.maxReplicas) || self.replicas == 1",
            "the autoscaler decides between minReplicas and maxReplicas: remove maxReplicas to set replicas yourself",
            ".replicas",
        ),
        Rule(
            # Objects of v0.1 had 8 filled in for them, and would else refuse `kubectl scale`.
            f"has(self.maxReplicas) || self.minReplicas == 1 && (!has(self.inFlight) || self.inFlight == "
            f"{DEFAULT_IN_FLIGHT}) && !has(self.metrics) && !has(self.behavior)",
            "minReplicas, inFlight, metrics and behavior need an autoscaler: set maxReplicas",
            ".maxReplicas",
        ),
    )
    replicas: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Number of replicas where maxReplicas is not set; kubectl scale sets it. 0 stops serving and "
            "keeps the artifact.",
        ),
    ] = 1
    min_replicas: Annotated[
        int, Field(ge=1, le=1000, description="Fewest replicas that the autoscaler goes down to; needs maxReplicas.")
    ] = 1
    max_replicas: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Most replicas that the autoscaler goes up to. Setting it turns autoscaling on: a "
            "HorizontalPodAutoscaler on requests in flight.",
        ),
    ] = None
    in_flight: Annotated[
        int | None,
        Field(
            ge=1,
            le=100000,
            description="Requests in flight (accepted and not yet answered, waiting ones included) for each replica "
            "that the autoscaler aims at. With 8, 40 requests in flight become 5 replicas. Absent: what was measured "
            "for the artifact (status.artifact.serving), else 8; at most serve.queueSize.",
        ),
    ] = None
    metrics: Annotated[
        list[AnyObject] | None,
        Field(
            max_length=8,
            description="More metrics of an autoscaling/v2 HorizontalPodAutoscaler, passed through as they are. The "
            "metric that asks for most replicas wins.",
        ),
    ] = None
    behavior: Annotated[
        AnyObject | None,
        Field(
            description="behavior of an autoscaling/v2 HorizontalPodAutoscaler, passed through as it is, such as "
            "{scaleDown: {stabilizationWindowSeconds: 60}}."
        ),
    ] = None
