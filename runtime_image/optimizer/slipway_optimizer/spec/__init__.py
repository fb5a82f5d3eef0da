"""The optimizer's own view of a ModelDeployment: what to fetch, how to build the model, what is allowed to it."""

from slipway_optimizer.spec.base import SpecModel
from slipway_optimizer.spec.checkpoint import WEIGHTS_ONLY, Checkpoint, Format, Weights
from slipway_optimizer.spec.deployment import Deployment, read_deployment
from slipway_optimizer.spec.distill import Distill, Loss, OptimizerName, Student
from slipway_optimizer.spec.evaluate import Average, Evaluate, MetricName
from slipway_optimizer.spec.image import Image
from slipway_optimizer.spec.model import Axis, Input, ModelSpec, Named, Output, Size
from slipway_optimizer.spec.optimize import Optimize
from slipway_optimizer.spec.prune import FineTune, Prune
from slipway_optimizer.spec.quantize import Mode, Quantize
from slipway_optimizer.spec.source import Sha256, Source

__all__ = [
    "WEIGHTS_ONLY",
    "Average",
    "Axis",
    "Checkpoint",
    "Deployment",
    "Distill",
    "Evaluate",
    "FineTune",
    "Format",
    "Image",
    "Input",
    "Loss",
    "MetricName",
    "Mode",
    "ModelSpec",
    "Named",
    "Optimize",
    "OptimizerName",
    "Output",
    "Prune",
    "Quantize",
    "Sha256",
    "Size",
    "Source",
    "SpecModel",
    "Student",
    "Weights",
    "read_deployment",
]
