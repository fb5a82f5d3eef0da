"""The API server's document of a ModelDeployment as the typed one."""

from typing import Any

from pydantic import ValidationError

from slipway_operator.api.v1alpha1 import ModelDeployment

SERVED = ("status", "artifact")


class InvalidSpecError(Exception):
    """The spec, or the artifact in the status, was stored under another version of the CRD: it cannot be understood."""


def parse_model_deployment(document: dict[str, Any]) -> ModelDeployment:
    """Parse `document`; status fields that another version wrote and this one cannot read are left out.

    But for the artifact: without it nothing would be served, and what serves it would be deleted.
    """
    try:
        return ModelDeployment.model_validate(document)
    except ValidationError as error:
        if any(problem["loc"][0] != "status" or problem["loc"][:2] == SERVED for problem in error.errors()):
            raise InvalidSpecError(_sentence(error)) from error
        unreadable = {problem["loc"][1] for problem in error.errors() if len(problem["loc"]) > 1}
        status = {name: value for name, value in document["status"].items() if name not in unreadable}
        return ModelDeployment.model_validate({**document, "status": status})


def _sentence(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems)
