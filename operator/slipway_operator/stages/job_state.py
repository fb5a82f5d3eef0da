"""A Job that has not succeeded, in words: it is made, waits, runs, tries again or has failed."""

from datetime import datetime, timedelta

from slipway_operator.api.v1alpha1 import Condition, OptimizationStatus
from slipway_operator.conditions import OPTIMIZED, Reason, build_condition
from slipway_operator.objects.job_pod import FINAL_EXIT_CODES
from slipway_operator.stages.accelerator_wait import waits_for_a_serving_pod
from slipway_operator.stages.job_failure import describe_failure, describe_retry, describe_unreadable
from slipway_operator.stages.job_result import ended, has_failed, pods_of
from slipway_operator.stages.log_tail import Progress, last_progress
from slipway_operator.stages.pods import find_problem, name_of
from slipway_operator.state import Object, Observed, Plan

JobState = tuple[Condition, OptimizationStatus | None]


def not_yet(reason: str, message: str) -> Condition:
    return build_condition(OPTIMIZED, "False", reason, message)


def describe_job(observed: Observed, plan: Plan, job: Object, *, running: Reason) -> JobState:
    """The condition, and what the status says of a Job that runs; `running` is the reason while it does."""
    if has_failed(job):
        return not_yet(*describe_failure(observed, plan, job)), None
    pods = pods_of(observed, job)
    if not pods:
        return not_yet(Reason.JOB_PENDING, _without_pod(observed, job)), None
    return _active(observed, plan, job, pods[-1], running)


def _without_pod(observed: Observed, job: Object) -> str:
    if job["spec"].get("suspend"):
        return f"Job {name_of(job)} is suspended."
    describe = f"kubectl -n {observed.namespace} describe job {name_of(job)}"
    return f"Job {name_of(job)} has no pod yet; if this stays, a quota or a policy refuses it: {describe}"


def _active(observed: Observed, plan: Plan, job: Object, pod: Object, running: Reason) -> JobState:
    phase = (pod.get("status") or {}).get("phase")
    terminated = ended(pod)
    if terminated and terminated["exitCode"] == 0:
        return not_yet(*describe_unreadable(observed, job)), None
    if terminated and terminated["exitCode"] in FINAL_EXIT_CODES:
        return not_yet(*describe_failure(observed, plan, job)), None
    if terminated or phase == "Failed":
        return not_yet(*describe_retry(observed, job, pod)), None
    if phase == "Running":
        return _running(observed, job, pod, running)
    return _waiting(observed, pod), None


def _waiting(observed: Observed, pod: Object) -> Condition:
    problem = find_problem(pod)
    if problem is None:
        return not_yet(Reason.JOB_PENDING, f"Pod {name_of(pod)} is starting: {_waits_for(pod)}.")
    if problem.reason == Reason.UNSCHEDULABLE and (way_out := waits_for_a_serving_pod(observed, pod)):
        return not_yet(Reason.WAITING_FOR_ACCELERATOR, f"{problem.message} {way_out}")
    return not_yet(Reason.JOB_PENDING, problem.message)


def _running(observed: Observed, job: Object, pod: Object, reason: Reason) -> JobState:
    progress = last_progress(observed.job_log_tails.get(name_of(pod), ""))
    status = OptimizationStatus(
        job_name=name_of(job),
        stage=progress.stage if progress else None,
        progress_percent=progress.percent if progress else None,
        eta_seconds=progress.eta_seconds if progress else None,
        started_at=(job.get("status") or {}).get("startTime"),
    )
    status = status.model_copy(update={"estimated_completion_at": _estimate(observed, status)})
    return not_yet(reason, _how_far(job, progress)), status


def _how_far(job: Object, progress: Progress | None) -> str:
    where = f"Job {name_of(job)} runs"
    if progress is None:
        return f"{where}."
    done = f"{where}: {progress.stage}, {progress.percent} %"
    return f"{done}: {progress.message}" if progress.message else f"{done}."


def _estimate(observed: Observed, status: OptimizationStatus) -> str | None:
    """Reckoned when the report was first seen: the same report read again later is no reason to move it."""
    if status.eta_seconds is None:
        return None
    before = observed.parent.status.optimization
    if before and before.model_copy(update={"estimated_completion_at": None}) == status:
        return before.estimated_completion_at
    end = datetime.fromisoformat(observed.now) + timedelta(seconds=status.eta_seconds)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def _waits_for(pod: Object) -> str:
    """A pod's status does not say which volume is missing: name all that could be."""
    volumes = pod["spec"].get("volumes") or ()
    names = [
        *(f"Secret {volume['secret']['secretName']}" for volume in volumes if "secret" in volume),
        *(
            f"PersistentVolumeClaim {volume['persistentVolumeClaim']['claimName']}"
            for volume in volumes
            if "persistentVolumeClaim" in volume
        ),
    ]
    return ", ".join(["it needs its image", *dict.fromkeys(names)])
