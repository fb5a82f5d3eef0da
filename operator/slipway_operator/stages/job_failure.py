"""A Job that failed, in words: the reason, whose move it is, and what to do."""

from collections.abc import Mapping
from typing import Any

from slipway_contract.result import ExitCode, Failed
from slipway_operator.conditions import Reason
from slipway_operator.objects.job import CONTAINER as OPTIMIZE
from slipway_operator.stages.job_result import container_of, ended, pods_of, result_of
from slipway_operator.stages.log_tail import last_progress, readable_tail, redact
from slipway_operator.stages.pods import OOM_REASON, find_condition, memory_limit, name_of
from slipway_operator.state import Failure, Object, Observed, Plan

SOURCE_CHANGED = "SourceChanged"  # the optimizer's reason for bytes of another id than status.sources has
DEADLINE_EXCEEDED = "DeadlineExceeded"  # as Kubernetes calls it
BYTES_PER_GIBIBYTE = 1 << 30

EXIT_CLASSES = {ExitCode.USER: "user", ExitCode.INTERNAL: "internal", ExitCode.INFRASTRUCTURE: "infrastructure"}

Described = tuple[str, str]  # reason, message


def describe_failure(observed: Observed, plan: Plan, job: Object) -> Described:
    """The reason and the message of a Job that will not try again."""
    failure = failure_of(observed, job)
    pods = pods_of(observed, job)
    tail = _tail_of(observed, pods[-1]) if pods else ""
    advice = _advice(observed, job, failure)
    parts = [failure.message, f"({failure.exit_class} error)", _still_serving(plan), advice]
    return failure.reason, " ".join(part for part in parts if part) + tail


def failure_of(observed: Observed, job: Object) -> Failure:
    """What a Job failed of: its last pod's word, unless the Job was stopped."""
    condition = find_condition(job, "Failed") or {}
    if condition.get("reason") == DEADLINE_EXCEEDED:
        return Failure(Reason.DEADLINE_EXCEEDED, "user", _too_slow(job))
    pods = pods_of(observed, job)
    if pods:
        return _end_of(observed, pods[-1])
    return Failure(Reason.JOB_FAILED, "infrastructure", str(condition.get("message", "")))


def _too_slow(job: Object) -> str:
    return f"Job {name_of(job)} was stopped: it had run for {job['spec'].get('activeDeadlineSeconds')} seconds."


def describe_retry(observed: Observed, job: Object, pod: Object) -> Described:
    """A pod that ended while its Job has attempts left, or has not counted it yet."""
    failure = _end_of(observed, pod)
    failures = int((job.get("status") or {}).get("failed", 0))
    attempts = int(job["spec"].get("backoffLimit", 0)) + 1
    shown = Reason.OUT_OF_MEMORY if failure.reason == Reason.OUT_OF_MEMORY else Reason.JOB_RETRYING
    what = f"{failure.reason}: {failure.message} ({failure.exit_class} error)"
    attempt = f"Attempt {max(failures, 1)} of {attempts} failed with {what}"
    return shown, f"{attempt} Job {name_of(job)} tries again.{_tail_of(observed, pod)}"


def describe_unreadable(observed: Observed, job: Object) -> Described:
    message = (
        f"Job {name_of(job)} completed without a result that this operator can read: optimizer and operator are of "
        f"different versions. Set the optimizer image to this operator's version, then: {_delete(observed, job)}"
    )
    return Reason.RESULT_UNREADABLE, message


def _end_of(observed: Observed, pod: Object) -> Failure:
    terminated = ended(pod) or {}
    result = result_of(pod)
    if terminated.get("reason") == OOM_REASON:
        return Failure(Reason.OUT_OF_MEMORY, "user", _out_of_memory(observed, pod))
    if isinstance(result, Failed):
        return Failure(result.reason, result.exit_class, redact(result.message))
    if not terminated:
        return Failure(Reason.JOB_FAILED, "infrastructure", _killed(pod))
    message = f"Pod {name_of(pod)} ended with exit code {terminated.get('exitCode')}."
    return Failure(Reason.JOB_FAILED, _exit_class(terminated), message)


def _out_of_memory(observed: Observed, pod: Object) -> str:
    """How much it had and, as far as it could still say, what it used and would need."""
    message = f"The optimizer used more memory than {memory_limit(pod, container_of(pod))}"
    progress = last_progress(observed.job_log_tails.get(name_of(pod), ""))
    if progress is None:
        return f"{message}."
    facts = [f"at stage {progress.stage}"]
    if progress.peak_memory_bytes:
        facts.append(f"{_gibibytes(progress.peak_memory_bytes)} were in use when it last told")
    if progress.needed_memory_bytes:
        facts.append(f"it needs about {_gibibytes(progress.needed_memory_bytes)}")
    return f"{message}, {'; '.join(facts)}."


def _gibibytes(size: int) -> str:
    return f"{size / BYTES_PER_GIBIBYTE:.1f} GiB"


def _killed(pod: Object) -> str:
    """For a pod that went without a word of its container: evicted, preempted, or lost with its node."""
    status = pod.get("status") or {}
    why = ": ".join(str(status[key]) for key in ("reason", "message") if status.get(key))
    return f"Pod {name_of(pod)} was stopped: {why or 'its node took it away'}."


def _exit_class(terminated: Mapping[str, Any]) -> str:
    return EXIT_CLASSES.get(terminated.get("exitCode", 1), "infrastructure")


def _advice(observed: Observed, job: Object, failure: Failure) -> str:
    delete = _delete(observed, job)
    if failure.reason == Reason.OUT_OF_MEMORY:
        return "Raise spec.optimize.resources.limits.memory: the Job then starts again."
    if failure.reason == Reason.DEADLINE_EXCEEDED and container_of(job["spec"]["template"]) == OPTIMIZE:
        return "Raise spec.optimize.activeDeadlineSeconds: the Job then starts again."
    if failure.reason == SOURCE_CHANGED:
        return _how_to_take_new_bytes(observed)
    if failure.exit_class == "user":
        return f"Correct the spec and apply it; where the spec was right, try again with: {delete}"
    if failure.exit_class == "internal":
        return f"This is a defect of Slipway: please report it with the Job's log. To try again: {delete}"
    return f"To try again: {delete}"


def _how_to_take_new_bytes(observed: Observed) -> str:
    if observed.parent.spec.update_policy.mode == "OnDigestChange":
        return "The next look finds them, and another Job starts by itself."
    return (
        "Put the bytes back that status.sources names, or set spec.updatePolicy.mode to OnDigestChange to take the new."
    )


def _delete(observed: Observed, job: Object) -> str:
    return f"kubectl -n {observed.namespace} delete job {name_of(job)}"


def _still_serving(plan: Plan) -> str:
    return "The earlier version keeps serving." if plan.artifact else ""


def _tail_of(observed: Observed, pod: Object) -> str:
    """The last lines of the log; where it could not be read, what the kubelet kept of it."""
    log = observed.job_log_tails.get(name_of(pod), "")
    result = result_of(pod)
    if not log and result is None:
        log = str((ended(pod) or {}).get("message") or "")
    said = result.message if isinstance(result, Failed) else None
    tail = readable_tail(log, without=said)
    return f"\nLast log lines:\n{tail}" if tail else ""
