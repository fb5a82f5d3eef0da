"""The resource as a whole."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import AnyObject, ApiModel, Rule
from slipway_operator.api.v1alpha1.model import Model
from slipway_operator.api.v1alpha1.optimize import Optimize
from slipway_operator.api.v1alpha1.scale import Scale
from slipway_operator.api.v1alpha1.serve import Serve
from slipway_operator.api.v1alpha1.source import Store
from slipway_operator.api.v1alpha1.status import HISTORY_MAX_LENGTH, ModelDeploymentStatus
from slipway_operator.api.v1alpha1.update_policy import UpdatePolicy

GROUP = "serving.slipway.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"

NAME_MAX_LENGTH = 40


# Every source, with the optional objects on the way to it.
SOURCE_PATHS = {
    "model.source": (),
    "model.code": ("model.code",),
    "optimize.evaluate.data": ("optimize.evaluate.data",),
    "optimize.quantize.calibration.data": ("optimize.quantize.calibration", "optimize.quantize.calibration.data"),
    "optimize.prune.fineTune.data": ("optimize.prune", "optimize.prune.fineTune"),
    "optimize.distill.data": ("optimize.distill",),
    "optimize.distill.student.code": ("optimize.distill", "optimize.distill.student.code"),
    "optimize.distill.student.source": ("optimize.distill", "optimize.distill.student.source"),
}


def _is_any_unpinned() -> str:
    """A condition that holds where one of the sources has no sha256."""
    return " || ".join(
        " && ".join([*(f"has(self.{part})" for part in optional), f"!has(self.{path}.sha256)"])
        for path, optional in SOURCE_PATHS.items()
    )


class ModelDeploymentSpec(ApiModel):
    """What should be served, and how."""

    rules = (
        Rule(
            "has(self.store) == has(oldSelf.store)",
            "store is immutable, the artifacts are there: create a new ModelDeployment to use another store",
            ".store",
        ),
        Rule(
            "!has(self.serve.batching) || self.model.inputs.all(i, size(i.shape) > 0 && type(i.shape[0]) == string "
            "&& i.shape[0] == self.model.inputs[0].shape[0])",
            "batching needs the same named first dimension on every input, as in shape: [batch, 3, 224, 224]; name "
            "it, or remove serve.batching",
            ".serve.batching",
        ),
        Rule(
            "!has(self.scale.maxReplicas) || !has(self.scale.inFlight) || self.scale.inFlight <= self.serve.queueSize",
            "a replica refuses what does not fit its queue, so it would never reach scale.inFlight: set inFlight to "
            "serve.queueSize or less, or raise serve.queueSize",
            ".scale.inFlight",
        ),
        Rule(
            f"self.updatePolicy.mode == 'Pinned' || {_is_any_unpinned()}",
            "mode OnDigestChange follows sources without sha256, and all are pinned: remove a sha256, or updatePolicy",
            ".updatePolicy.mode",
        ),
        Rule(
            "!has(self.optimize.evaluate.output) || self.model.outputs.exists(o, o.name == "
            "self.optimize.evaluate.output)",
            "evaluate.output is none of model.outputs: name one of them",
            ".optimize.evaluate.output",
        ),
        Rule(
            "!has(self.model.code) || has(self.model.factory) || has(self.model.allowPickle) || "
            "has(self.optimize.evaluate.__function__)",
            "nothing is imported from code: set factory or evaluate.function, or remove code",
            ".model.code",
        ),
        Rule(
            "!has(self.optimize.prune) || !has(self.model.format) || !(self.model.format in ['TorchScript', "
            "'ExportedProgram', 'ONNX'])",
            "prune needs the model's modules, which a traced graph no longer has: use format StateDict or SafeTensors "
            "with factory, or remove prune",
            ".optimize.prune",
        ),
    )
    model: Annotated[Model, Field(description="The trained model: where it is, how to build it, what goes in and out.")]
    optimize: Annotated[
        Optimize, Field(description="What the optimization Job may do, and the budget. A change runs a new Job.")
    ] = Optimize()
    serve: Annotated[Serve, Field(description="How the model is served.")] = Serve()
    scale: Annotated[
        Scale, Field(description="How many replicas: a fixed number (replicas), or autoscaling (maxReplicas).")
    ] = Scale()
    store: Annotated[
        Store | None,
        Field(
            description="Where artifacts are kept. Absent: a PersistentVolumeClaim of this ModelDeployment's own, "
            "which is deleted with it. It cannot be added, removed or changed later."
        ),
    ] = None
    update_policy: Annotated[
        UpdatePolicy, Field(description="What happens when there are new bytes at the same uri: nothing, by default.")
    ] = UpdatePolicy()
    revision_history_limit: Annotated[
        int,
        Field(
            ge=0,
            le=HISTORY_MAX_LENGTH,
            description="Earlier artifacts that stay in the store beside the one that is served: going back to one of "
            "them needs no Job. Older ones are removed when a Job has published a new one.",
        ),
    ] = 5


class ModelDeployment(ApiModel):
    """A trained model, from its checkpoint to a served and autoscaled endpoint."""

    rules = (
        Rule(
            f"size(self.metadata.name) <= {NAME_MAX_LENGTH}",
            f"metadata.name must be at most {NAME_MAX_LENGTH} characters: the names of its children are longer",
            ".metadata.name",
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name becomes the name of a Service: start with a letter and use lower-case letters, digits and -",
            ".metadata.name",
        ),
    )
    api_version: str = API_VERSION
    kind: str = KIND
    metadata: AnyObject
    spec: Annotated[ModelDeploymentSpec, Field(description="What should be served, and how.")]
    status: Annotated[ModelDeploymentStatus, Field(description="What the operator saw; kubectl describe shows it.")] = (
        Field(default_factory=ModelDeploymentStatus)
    )
