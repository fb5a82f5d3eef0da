"""Available: the artifact behind a Service. It keeps the last good version alive while a new one is made."""

from dataclasses import replace
from typing import Any

from slipway_operator.api.v1alpha1 import ArtifactStatus
from slipway_operator.conditions import AVAILABLE, Reason, build_condition
from slipway_operator.objects.accelerator import expected_accelerator
from slipway_operator.objects.deployment import SERVER, Serving, build_deployment
from slipway_operator.objects.names import selector_text, serving_selector
from slipway_operator.objects.service import build_pdb, build_service, service_url
from slipway_operator.stages.replicas import replicas_to_send
from slipway_operator.stages.rollout import describe_rollout, read_rollout
from slipway_operator.state import Object, Observed, Plan, StageResult

EXPECTED_ACCELERATOR = "SLIPWAY_EXPECTED_ACCELERATOR"


def serve(observed: Observed, plan: Plan) -> StageResult:
    """Deployment, Service and PodDisruptionBudget, from the first artifact on."""
    artifact = plan.artifact
    if artifact is None:
        message = "There is no artifact to serve yet."
        return StageResult(build_condition(AVAILABLE, "False", Reason.WAITING_FOR_ARTIFACT, message))
    image = runtime_image(observed, artifact)
    serving = Serving(artifact=artifact, image=image, replicas=replicas_to_send(observed))
    rollout = read_rollout(observed, build_deployment(observed.parent, observed.settings, serving))
    serving = replace(serving, in_place=rollout.has_to_replace_in_place)
    deployment = build_deployment(observed.parent, observed.settings, serving)
    provider = execution_provider(observed, artifact)
    return StageResult(
        condition=describe_rollout(observed, rollout, provider),
        children=(deployment, build_service(observed.parent), build_pdb(observed.parent)),
        status=_status(observed) | {"runtime_image": image, "execution_provider": provider},
    )


def runtime_image(observed: Observed, artifact: ArtifactStatus) -> str:
    """The image that this artifact is served with already, so that an upgrade of the operator moves no pod."""
    status = observed.parent.status
    served = status.artifact
    same_artifact = served is not None and served.digest == artifact.digest
    if status.runtime_image and same_artifact and not _has_changed_hardware(observed):
        return status.runtime_image
    settings = observed.settings
    on_accelerator = observed.parent.spec.serve.accelerator.count > 0
    return settings.serving_image_gpu if on_accelerator else settings.serving_image_cpu


def _has_changed_hardware(observed: Observed) -> bool:
    """From CPU to accelerator or back, which needs another build of the runtime."""
    if observed.deployment is None:
        return False
    wanted = expected_accelerator(observed.parent.spec.serve.accelerator)
    return bool(_deployed_accelerator(observed.deployment)) != bool(wanted)


def _deployed_accelerator(deployment: Object) -> str:
    containers: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    environment = [entry for item in containers if item["name"] == SERVER for entry in item.get("env") or ()]
    return next((str(entry.get("value", "")) for entry in environment if entry["name"] == EXPECTED_ACCELERATOR), "")


def execution_provider(observed: Observed, artifact: ArtifactStatus) -> str | None:
    """As a replica with this artifact reports it; while none can be asked, as the last one did."""
    report = observed.serving_report
    if report and report.artifact_digest == artifact.digest:
        return report.execution_provider
    served = observed.parent.status.artifact
    same_artifact = served is not None and served.digest == artifact.digest
    return observed.parent.status.execution_provider if same_artifact else None


def _status(observed: Observed) -> dict[str, Any]:
    deployed = (observed.deployment or {}).get("status") or {}
    return {
        "url": service_url(observed.parent),
        "replicas": int(deployed.get("replicas", 0)),
        "ready_replicas": int(deployed.get("readyReplicas", 0)),
        "selector": selector_text(serving_selector(observed.name)),
    }
