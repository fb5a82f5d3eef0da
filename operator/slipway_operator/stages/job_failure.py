"""A Job that failed, in words: the reason, whose move it is, and what to do."""

from collections.abc import Mapping
from typing import Any

from slipway_contract.result import ExitCode, Failed
from slipway_operator.conditions import Reason
from slipway_operator.objects.job import CONTAINER
from slipway_operator.stages.job_result import ended, pods_of, result_of
from slipway_operator.stages.log_tail import readable_tail, redact
from slipway_operator.stages.pods import OOM_REASON, find_condition, memory_limit, name_of
from slipway_operator.state import Object, Observed, Plan

EXIT_CLASSES = {ExitCode.USER: "user", ExitCode.INTERNAL: "internal", ExitCode.INFRASTRUCTURE: "infrastructure"}

Described = tuple[str, str]  # reason, message


def describe_failure(observed: Observed, plan: Plan, job: Object) -> Described:
    """The reason and the message of a Job that will not try again."""
    pods = pods_of(observed, job)
    if pods:
        reason, exit_class, message = _end_of(pods[-1])
        tail = _tail_of(observed, pods[-1])
    else:
        condition = find_condition(job, "Failed") or {}
        reason, exit_class, message, tail = Reason.JOB_FAILED, "infrastructure", condition.get("message", ""), ""
    parts = [message, f"({exit_class} error)", _still_serving(plan), _advice(observed, job, reason, exit_class)]
    return reason, " ".join(part for part in parts if part) + tail


def describe_retry(observed: Observed, job: Object, pod: Object) -> Described:
    """A pod that ended while its Job has attempts left, or has not counted it yet."""
    reason, exit_class, message = _end_of(pod)
    failures = int((job.get("status") or {}).get("failed", 0))
    attempts = int(job["spec"].get("backoffLimit", 0)) + 1
    shown = Reason.OUT_OF_MEMORY if reason == Reason.OUT_OF_MEMORY else Reason.JOB_RETRYING
    attempt = f"Attempt {max(failures, 1)} of {attempts} failed with {reason}: {message} ({exit_class} error)"
    return shown, f"{attempt} Job {name_of(job)} tries again.{_tail_of(observed, pod)}"


def describe_unreadable(observed: Observed, job: Object) -> Described:
    message = (
        f"Job {name_of(job)} completed without a result that this operator can read: optimizer and operator are of "
        f"different versions. Set the optimizer image to this operator's version, then: {_delete(observed, job)}"
    )
    return Reason.RESULT_UNREADABLE, message


def _end_of(pod: Object) -> tuple[str, str, str]:
    """Reason, exit class and message of a pod's end."""
    terminated = ended(pod) or {}
    result = result_of(pod)
    if terminated.get("reason") == OOM_REASON:
        return Reason.OUT_OF_MEMORY, "user", f"The optimizer used more memory than {memory_limit(pod, CONTAINER)}."
    if isinstance(result, Failed):
        return result.reason, result.exit_class, redact(result.message)
    if not terminated:
        return Reason.JOB_FAILED, "infrastructure", _killed(pod)
    return (
        Reason.JOB_FAILED,
        _exit_class(terminated),
        f"Pod {name_of(pod)} ended with exit code {terminated.get('exitCode')}.",
    )


def _killed(pod: Object) -> str:
    """For a pod that went without a word of its container: evicted, preempted, or lost with its node."""
    status = pod.get("status") or {}
    why = ": ".join(str(status[key]) for key in ("reason", "message") if status.get(key))
    return f"Pod {name_of(pod)} was stopped: {why or 'its node took it away'}."


def _exit_class(terminated: Mapping[str, Any]) -> str:
    return EXIT_CLASSES.get(terminated.get("exitCode", 1), "infrastructure")


def _advice(observed: Observed, job: Object, reason: str, exit_class: str) -> str:
    delete = _delete(observed, job)
    if reason == Reason.OUT_OF_MEMORY:
        return "Raise spec.optimize.resources.limits.memory: the Job then starts again."
    if exit_class == "user":
        return f"Correct the spec and apply it; where the spec was right, try again with: {delete}"
    if exit_class == "internal":
        return f"This is a defect of Slipway: please report it with the Job's log. To try again: {delete}"
    return f"To try again: {delete}"


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
