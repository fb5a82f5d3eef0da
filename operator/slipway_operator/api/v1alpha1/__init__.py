"""`ModelDeployment` v1alpha1: the one source of the CRD, of its defaults and of its CEL rules.

`crds/` is generated from these models (`make generate`); `rules` on a class become `x-kubernetes-validations`.
"""

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.distill import Distill, Student
from slipway_operator.api.v1alpha1.evaluate import Evaluate
from slipway_operator.api.v1alpha1.image import Image
from slipway_operator.api.v1alpha1.model import DType, Input, Model, ModelFormat, Output, TensorName
from slipway_operator.api.v1alpha1.modeldeployment import (
    API_VERSION,
    GROUP,
    KIND,
    NAME_MAX_LENGTH,
    PLURAL,
    VERSION,
    ModelDeployment,
    ModelDeploymentSpec,
)
from slipway_operator.api.v1alpha1.optimize import Optimize
from slipway_operator.api.v1alpha1.prune import FineTune, Prune
from slipway_operator.api.v1alpha1.quantize import Calibration, Quantize
from slipway_operator.api.v1alpha1.resources import Resources
from slipway_operator.api.v1alpha1.scale import Scale
from slipway_operator.api.v1alpha1.serve import Accelerator, Batching, Serve
from slipway_operator.api.v1alpha1.source import SecretReference, Source, Store
from slipway_operator.api.v1alpha1.status import (
    ArtifactStatus,
    Condition,
    MeasuredStatus,
    ModelDeploymentStatus,
    OptimizationStatus,
    ServingStatus,
    SourceStatus,
)
from slipway_operator.api.v1alpha1.update_policy import UpdatePolicy
from slipway_operator.api.v1alpha1.weights import Weights

__all__ = [
    "API_VERSION",
    "GROUP",
    "KIND",
    "NAME_MAX_LENGTH",
    "PLURAL",
    "VERSION",
    "Accelerator",
    "ApiModel",
    "ArtifactStatus",
    "Batching",
    "Calibration",
    "Condition",
    "DType",
    "Distill",
    "Evaluate",
    "FineTune",
    "Image",
    "Input",
    "MeasuredStatus",
    "Model",
    "ModelDeployment",
    "ModelDeploymentSpec",
    "ModelDeploymentStatus",
    "ModelFormat",
    "OptimizationStatus",
    "Optimize",
    "Output",
    "Prune",
    "Quantize",
    "Resources",
    "Rule",
    "Scale",
    "SecretReference",
    "Serve",
    "ServingStatus",
    "Source",
    "SourceStatus",
    "Store",
    "Student",
    "TensorName",
    "UpdatePolicy",
    "Weights",
]
