"""The kinds that the operator reads and writes, their paths in the API, and the RBAC verbs that this takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway_operator.api import v1alpha1

STATUS_MANAGER = "slipway-status"


@dataclass(frozen=True)
class Kind:
    """A namespaced kind: `group` is empty for the core group."""

    group: str
    version: str
    name: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of an object, or of a collection where `name` is None; all namespaces where `namespace` is None."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        parts += ["namespaces", namespace] if namespace else []
        return "/".join([*parts, self.plural, *(part for part in (name, subresource) if part)])


MODEL_DEPLOYMENT = Kind(v1alpha1.GROUP, v1alpha1.VERSION, v1alpha1.KIND, v1alpha1.PLURAL)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
JOB = Kind("batch", "v1", "Job", "jobs")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SERVICE = Kind("", "v1", "Service", "services")
BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
POD = Kind("", "v1", "Pod", "pods")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")

# What a Job or a Deployment mounts exists before it; the rest needs no order.
CHILDREN_IN_ORDER = ((CONFIG_MAP, CLAIM), (JOB, DEPLOYMENT, SERVICE, BUDGET, AUTOSCALER))
CHILDREN = tuple(kind for step in CHILDREN_IN_ORDER for kind in step)
WATCHED = (*CHILDREN, POD)


def kind_of(document: Mapping[str, Any]) -> Kind:
    """The kind of a child that the operator may own."""
    wanted = (document["apiVersion"], document["kind"])
    return next(kind for kind in CHILDREN if (kind.api_version, kind.name) == wanted)


@dataclass(frozen=True)
class Permission:
    """One RBAC rule; `names` restricts it to these objects."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


_READ = ("get", "list", "watch")
_OWN = (*_READ, "create", "patch", "delete")  # server-side apply is `patch`, and `create` for what is absent

CUSTOM_METRICS_GROUP = "custom.metrics.k8s.io"
API_SERVICES = tuple(f"{version}.{CUSTOM_METRICS_GROUP}" for version in ("v1beta1", "v1beta2"))

# In each namespace that is served (or cluster-wide). The chart grants exactly these.
NAMESPACE_PERMISSIONS = (
    Permission(v1alpha1.GROUP, "modeldeployments", _READ),
    Permission(v1alpha1.GROUP, "modeldeployments/status", ("patch",)),
    # blockOwnerDeletion in a child's ownerReference is a write to the parent's finalizers (OpenShift enforces it).
    Permission(v1alpha1.GROUP, "modeldeployments/finalizers", ("update",)),
    *(Permission(kind.group, kind.plural, _OWN) for kind in CHILDREN if kind is not CLAIM),
    # Claims hold artifacts: only the owner's deletion removes them.
    Permission("", "persistentvolumeclaims", (*_READ, "create", "patch")),
    Permission("", "pods", _READ),
    Permission("", "pods/log", ("get",)),
    Permission("apps", "replicasets", ("list",)),
    Permission("events.k8s.io", "events", ("create", "get", "patch")),
)
# In the namespace of the operator itself.
LEASE_PERMISSIONS = (Permission("coordination.k8s.io", "leases", ("create", "get", "update")),)
# Cluster-wide and optional: without it the owner of the custom metrics API is unknown, and the HPA scales on CPU.
CLUSTER_PERMISSIONS = (Permission("apiregistration.k8s.io", "apiservices", ("get",), names=API_SERVICES),)
