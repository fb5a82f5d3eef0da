"""Optimized: the recipe's artifact, and the Job that makes it where it is not known yet."""

from slipway_operator.api.v1alpha1 import ArtifactStatus, Condition, OptimizationStatus
from slipway_operator.conditions import OPTIMIZED, Reason, build_condition
from slipway_operator.objects.claim import build_claim
from slipway_operator.objects.job import FINAL_EXIT_CODES
from slipway_operator.objects.names import job_name
from slipway_operator.stages.job_children import has_lost_its_result, makes_way, wanted_children
from slipway_operator.stages.job_failure import describe_failure, describe_retry, describe_unreadable
from slipway_operator.stages.job_result import ended, has_failed, job_of, pods_of
from slipway_operator.stages.log_tail import last_progress
from slipway_operator.stages.pods import find_problem, name_of
from slipway_operator.state import Object, Observed, Plan, StageResult

BYTES_PER_MEGABYTE = 1_000_000

JobState = tuple[Condition, OptimizationStatus | None]


def optimize(observed: Observed, plan: Plan) -> StageResult:
    """A Job runs while the recipe's artifact is unknown; afterwards it stays for its logs, until it is deleted."""
    job = job_of(observed, plan.recipe_digest)
    wanted = wanted_children(observed, plan, job)
    replacing = makes_way(observed, plan, job, wanted)
    children = (*_claim(observed), *([] if replacing else wanted))
    if plan.is_current and plan.artifact:
        return StageResult(_ready(observed, plan.artifact), children)
    condition, running = _replaced(observed, plan, job) if replacing else _unfinished(observed, plan, job)
    return StageResult(condition, children, {"optimization": running} if running else {})


def _claim(observed: Observed) -> list[Object]:
    if observed.parent.spec.store:
        return []
    return [build_claim(observed.parent, observed.settings, observed.claim)]


def _ready(observed: Observed, artifact: ArtifactStatus) -> Condition:
    facts = [f"{artifact.variant}, {_size(artifact.size_bytes)}"]
    is_plain = artifact.measured == artifact.baseline
    if artifact.speedup and not is_plain:
        facts.append(f"{artifact.speedup} times as fast as the plain export")
    if artifact.drop and not is_plain:
        facts.append(f"{observed.parent.spec.optimize.evaluate.metric} drop {artifact.drop}")
    message = f"{', '.join(facts)}. {artifact.reason}"
    return build_condition(OPTIMIZED, "True", Reason.ARTIFACT_READY, message)


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / BYTES_PER_MEGABYTE
    return f"{megabytes:.1f} MB" if megabytes >= 1 else f"{size_bytes / 1000:.1f} kB"


def _not_yet(reason: str, message: str) -> Condition:
    return build_condition(OPTIMIZED, "False", reason, message)


def _replaced(observed: Observed, plan: Plan, job: Object | None) -> JobState:
    name = job_name(observed.name, plan.recipe_digest)
    if job is not None and has_lost_its_result(observed, job):
        why = "its pod was deleted before its result was read"
    else:
        why = "what it was made from has changed, or it is being deleted"
    return _not_yet(Reason.JOB_PENDING, f"Job {name} makes way for a new one: {why}."), None


def _unfinished(observed: Observed, plan: Plan, job: Object | None) -> JobState:
    if job is None:
        name = job_name(observed.name, plan.recipe_digest)
        why = "; a pod could not fetch the artifact, and this Job makes it anew" if plan.artifact_is_lost else ""
        return _not_yet(Reason.JOB_PENDING, f"Job {name} is being created{why}."), None
    if has_failed(job):
        return _not_yet(*describe_failure(observed, plan, job)), None
    pods = pods_of(observed, job)
    if not pods:
        return _not_yet(Reason.JOB_PENDING, _without_pod(observed, job)), None
    return _active(observed, plan, job, pods[-1])


def _without_pod(observed: Observed, job: Object) -> str:
    if job["spec"].get("suspend"):
        return f"Job {name_of(job)} is suspended."
    describe = f"kubectl -n {observed.namespace} describe job {name_of(job)}"
    return f"Job {name_of(job)} has no pod yet; if this stays, a quota or a policy refuses it: {describe}"


def _active(observed: Observed, plan: Plan, job: Object, pod: Object) -> JobState:
    phase = (pod.get("status") or {}).get("phase")
    terminated = ended(pod)
    if terminated and terminated["exitCode"] == 0:
        return _not_yet(*describe_unreadable(observed, job)), None
    if terminated and terminated["exitCode"] in FINAL_EXIT_CODES:
        return _not_yet(*describe_failure(observed, plan, job)), None
    if terminated or phase == "Failed":
        return _not_yet(*describe_retry(observed, job, pod)), None
    if phase == "Running":
        return _running(observed, job, pod)
    if problem := find_problem(pod):
        return _not_yet(Reason.JOB_PENDING, problem.message), None
    return _not_yet(Reason.JOB_PENDING, f"Pod {name_of(pod)} is starting: {_waits_for(pod)}."), None


def _running(observed: Observed, job: Object, pod: Object) -> JobState:
    progress = last_progress(observed.job_log_tails.get(name_of(pod), ""))
    status = OptimizationStatus(
        job_name=name_of(job),
        stage=progress.stage if progress else None,
        progress_percent=progress.percent if progress else None,
        started_at=(job.get("status") or {}).get("startTime"),
    )
    where = f"Job {name_of(job)} runs"
    if progress is None:
        return _not_yet(Reason.OPTIMIZING, f"{where}."), status
    done = f"{where}: {progress.stage}, {progress.percent} %"
    return _not_yet(Reason.OPTIMIZING, f"{done}: {progress.message}" if progress.message else f"{done}."), status


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
