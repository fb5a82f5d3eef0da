"""A cluster in memory, for histories of several passes: it keeps what the core wants and prunes what it does not."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from support.merge_patch import merge_patch

from slipway_operator.api.v1alpha1 import ModelDeployment, ModelDeploymentStatus
from slipway_operator.objects.names import COMPONENT_LABEL, FIELD_MANAGER
from slipway_operator.reconcile import reconcile
from slipway_operator.state import Event, Observed

Json = dict[str, Any]


@dataclass
class History:
    """Passes over one ModelDeployment; between them the test plays users, controllers and kubelets."""

    observed: Observed
    children: dict[tuple[str, str], Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    uids: int = 0

    def run_pass(self) -> None:
        """Observe, reconcile, apply: what exists keeps its uid and status."""
        self.observed = replace(
            self.observed,
            jobs=self._of_kind("Job"),
            config_maps=self._of_kind("ConfigMap"),
            claim=next(iter(self._of_kind("PersistentVolumeClaim")), None),
            deployment=next(iter(self._of_kind("Deployment")), None),
            hpa=next(iter(self._of_kind("HorizontalPodAutoscaler")), None),
        )
        outcome = reconcile(self.observed)
        self.children = {
            (child["kind"], child["metadata"]["name"]): self._applied(copy.deepcopy(dict(child)))
            for child in outcome.children
        }
        parent = self.observed.parent.model_copy(
            update={"status": ModelDeploymentStatus.model_validate(outcome.status)}
        )
        self.observed = replace(self.observed, parent=parent)
        self.events += outcome.events

    def change_spec(self, over: Json) -> None:
        document = self.observed.parent.model_dump(mode="json", by_alias=True, exclude_none=True)
        generation = {"generation": self.observed.generation + 1}
        self.observed = replace(
            self.observed,
            parent=ModelDeployment.model_validate(merge_patch(document, {"spec": over, "metadata": generation})),
        )

    def condition(self, type_: str) -> tuple[str, str]:
        """Status and reason."""
        found = next(item for item in self.observed.parent.status.conditions if item.type == type_)
        return found.status, found.reason

    def only(self, kind: str) -> Json:
        (child,) = self._of_kind(kind)
        return child

    def job(self, component: str) -> Json:
        """The Job of a component."""
        labelled = {job["metadata"]["labels"][COMPONENT_LABEL]: job for job in self._of_kind("Job")}
        return labelled[component]

    def components(self) -> list[str]:
        """Of the Jobs that there are."""
        return sorted(job["metadata"]["labels"][COMPONENT_LABEL] for job in self._of_kind("Job"))

    def kinds(self) -> list[str]:
        return sorted(kind for kind, _ in self.children)

    def _of_kind(self, kind: str) -> tuple[Json, ...]:
        return tuple(child for (of, _), child in self.children.items() if of == kind)

    def _applied(self, child: Json) -> Json:
        """As server-side apply leaves it: a field that we stop sending falls back to its default."""
        live = self.children.get((child["kind"], child["metadata"]["name"]))
        if live is None:
            self.uids += 1
            child["metadata"]["uid"] = f"uid-{self.uids}"
            child["status"] = {}
        else:
            child["metadata"]["uid"] = live["metadata"]["uid"]
            child["status"] = live["status"]
        if child["kind"] == "Deployment":
            self._own_replicas(child, live)
        return child

    def _own_replicas(self, child: Json, live: Json | None) -> None:
        sent = "replicas" in child["spec"]
        if not sent:
            ours_before = live is not None and live["metadata"]["managedFields"]
            child["spec"]["replicas"] = 1 if ours_before or live is None else live["spec"]["replicas"]
        entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        child["metadata"]["managedFields"] = [entry] if sent else []

    def autoscale(self, replicas: int) -> None:
        """As the autoscaler does: through the scale subresource, which takes the field from its owner."""
        deployment = self.only("Deployment")
        deployment["spec"]["replicas"] = replicas
        deployment["metadata"]["managedFields"] = []

    def finish_job(self, pod_status: Json, *conditions: str, component: str = "optimize") -> None:
        """End the Job's pod with that status; the Job gets these conditions."""
        job = self.job(component)
        job["status"] = {"conditions": [{"type": type_, "status": "True"} for type_ in conditions]}
        owner = {"kind": "Job", "uid": job["metadata"]["uid"], "controller": True}
        pod = {
            "metadata": {
                "name": f"{component}-pod-{self.uids}",
                "namespace": self.observed.namespace,
                "ownerReferences": [owner],
            },
            "spec": job["spec"]["template"]["spec"],
            "status": pod_status,
        }
        self.observed = replace(self.observed, job_pods=(*self.observed.job_pods, pod))

    def start_pods(self, *, ready: bool, keep_old: bool = False) -> None:
        """As many pods of the Deployment's template as it wants, with the earlier ones gone or not."""
        deployment = self.only("Deployment")
        template = deployment["spec"]["template"]
        condition = {"type": "Ready", "status": str(ready)}
        before = self.observed.serving_pods if keep_old else ()
        pods = tuple(
            {
                "metadata": {
                    "name": f"pod-{self.observed.generation}-{index}",
                    "namespace": self.observed.namespace,
                    "annotations": template["metadata"]["annotations"],
                },
                "spec": template["spec"],
                "status": {"phase": "Running", "conditions": [condition]},
            }
            for index in range(deployment["spec"]["replicas"])
        )
        self.observed = replace(self.observed, serving_pods=(*before, *pods))
