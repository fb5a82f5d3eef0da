"""What goes into a pass and what comes out of it, as values.

Observed -> stages -> Outcome. Kubernetes objects are plain dicts, as the API server sends them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from slipway_operator.api.v1alpha1 import ArtifactStatus, Condition, ModelDeployment, SourceStatus

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """The administrator's choices, from the chart."""

    optimizer_image_cpu: str
    optimizer_image_gpu: str
    serving_image_cpu: str
    serving_image_gpu: str
    allow_pickle: bool = False
    artifact_size: str = "10Gi"
    artifact_storage_class: str | None = None
    artifact_access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    image_pull_secrets: tuple[str, ...] = ()
    metrics_api_service: str = "slipway-system/slipway-metrics-api"  # empty: installed without one


@dataclass(frozen=True)
class ServingReport:
    """What a ready replica says of itself (`GET /v1/status`)."""

    artifact_digest: str
    execution_provider: str


@dataclass(frozen=True)
class Observed:
    """One ModelDeployment and everything that its next state depends on."""

    parent: ModelDeployment
    settings: Settings
    now: str  # RFC 3339, UTC, seconds
    jobs: tuple[Object, ...] = ()
    config_maps: tuple[Object, ...] = ()
    claim: Object | None = None
    deployment: Object | None = None
    hpa: Object | None = None
    job_pods: tuple[Object, ...] = ()
    serving_pods: tuple[Object, ...] = ()
    replica_sets: tuple[Object, ...] = ()
    job_log_tails: Mapping[str, str] = field(default_factory=dict)  # by pod name; running and failed pods only
    serving_report: ServingReport | None = None
    custom_metrics_owner: str | None = None  # "NAMESPACE/SERVICE" that serves custom.metrics.k8s.io
    custom_metrics_ours: bool = False

    @property
    def name(self) -> str:
        return str(self.parent.metadata["name"])

    @property
    def namespace(self) -> str:
        return str(self.parent.metadata["namespace"])

    @property
    def generation(self) -> int:
        return int(self.parent.metadata["generation"])


@dataclass(frozen=True)
class Recipe:
    """All that decides an artifact."""

    digest: str
    optimizer_image: str
    hardware_class: str
    sources: tuple[SourceStatus, ...] | None  # None: a recipe of a version that looked behind no URI


@dataclass(frozen=True)
class Failure:
    """How a Job ended: `exit_class` says whose move it is."""

    reason: str
    exit_class: str
    message: str


@dataclass(frozen=True)
class Resolution:
    """The bytes that the spec's sources stand for, and when to look for them."""

    sources: tuple[SourceStatus, ...] | None  # None: not known yet
    last_checked_at: str | None = None
    failure: Failure | None = None  # of the last look
    failure_text: str | None = None  # the same in the status; it outlives the Job that failed
    is_due: bool = False  # a look at what is behind the URIs
    next_check_at: str | None = None


@dataclass(frozen=True)
class Plan:
    """Which artifact the spec asks for, and which one can be served now."""

    recipe: Recipe | None  # None while it is not known which bytes the sources stand for
    resolution: Resolution
    artifact: ArtifactStatus | None  # to be served now: the recipe's own, else the last good one
    artifact_history: tuple[ArtifactStatus, ...]
    artifact_is_lost: bool = False  # from the store; pods that fetched it before keep serving

    @property
    def is_current(self) -> bool:
        """Whether the artifact to be served is the one that the spec asks for, and can be had."""
        if self.artifact is None or self.recipe is None or self.artifact_is_lost:
            return False
        return self.artifact.recipe_digest == self.recipe.digest


@dataclass(frozen=True)
class StageResult:
    """One stage's part of the desired state. A waiting stage still returns what must stay alive."""

    condition: Condition
    children: tuple[Object, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)  # fields of ModelDeploymentStatus, snake_case


class Stage(Protocol):
    def __call__(self, observed: Observed, plan: Plan) -> StageResult: ...


@dataclass(frozen=True)
class Event:
    """A condition's change, for `kubectl describe`."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str


@dataclass(frozen=True)
class Outcome:
    """The desired children, the whole new status (camelCase), and the events to emit once it is written."""

    children: tuple[Object, ...]
    status: Mapping[str, Any]
    events: tuple[Event, ...]
    next_pass_at: str | None = None  # RFC 3339; None where nothing is due without an event
