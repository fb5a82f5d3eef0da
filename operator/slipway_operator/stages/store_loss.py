"""An artifact that the status knows and the store does not hold any more: the recipe's Job makes it anew.

To run it is always safe: where the store holds the artifact after all, the Job finds it there and reports it again.
"""

from slipway_operator.api.v1alpha1 import ArtifactStatus
from slipway_operator.conditions import Reason
from slipway_operator.objects.names import ARTIFACT_DIGEST
from slipway_operator.ownership import is_deleting
from slipway_operator.stages.job_result import annotation_of, is_complete, job_of, success_of
from slipway_operator.stages.pods import find_problem, is_ready, name_of
from slipway_operator.state import Object, Observed


def is_lost(observed: Observed, artifact: ArtifactStatus) -> bool:
    """Whether a pod cannot fetch it, and no Job says that it is there.

    While a Job says so, it is the user who deletes that Job: a store that loses everything would otherwise keep
    Jobs running for ever.
    """
    job = job_of(observed, artifact.recipe_digest)
    if job is not None and success_of(observed, job):
        return False
    return any(_cannot_fetch(pod, artifact.digest) for pod in observed.serving_pods)


def how_to_make_anew(observed: Observed, recipe_digest: str) -> str:
    """What the user can do while the Job that made the artifact is still there; else it runs by itself."""
    job = job_of(observed, recipe_digest)
    if job is None or not is_complete(job):
        return ""
    delete = f"kubectl -n {observed.namespace} delete job {name_of(job)}"
    return f" If the store has lost it, have it made anew: {delete}"


def _cannot_fetch(pod: Object, artifact_digest: str) -> bool:
    if is_deleting(pod) or is_ready(pod) or annotation_of(pod, ARTIFACT_DIGEST) != artifact_digest:
        return False
    problem = find_problem(pod)
    return problem is not None and problem.reason == Reason.FETCH_FAILED
