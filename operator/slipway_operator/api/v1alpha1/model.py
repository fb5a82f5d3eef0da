"""`spec.model`: the trained model, how to build it, and what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from slipway_operator.api.v1alpha1.base import AnyObject, AnyValue, ApiModel, Rule
from slipway_operator.api.v1alpha1.source import Source

DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
TensorName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z_][A-Za-z0-9_.]*$")]
Dimension = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 64})]


class Input(ApiModel):
    """An input of the model."""

    rules = (
        Rule(
            "self.shape.all(d, type(d) == int ? int(d) > 0 : string(d).matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
            "an entry of shape is a size of at least 1, or a name of letters, digits and _, as in [batch, 3, 224, 224]",
            ".shape",
        ),
    )
    name: Annotated[
        TensorName, Field(description="Name of the input in requests and in the ONNX graph, such as image.")
    ]
    dtype: Annotated[DType, Field(description="Element type, by its PyTorch name.")] = "float32"
    shape: Annotated[
        list[Dimension],
        Field(
            max_length=8,
            description="One entry a dimension: a size, or a name for a dimension that varies, as in "
            "[batch, 3, 224, 224]. The same name means the same size everywhere. [] is a scalar.",
        ),
    ]


class Output(ApiModel):
    """An output of the model; its type and shape are read from the exported graph."""

    name: Annotated[
        TensorName, Field(description="Name of the output in responses and in the ONNX graph, such as logits.")
    ]


ModelFormat = Literal["StateDict", "SafeTensors", "ExportedProgram", "ONNX"]


class Model(ApiModel):
    """The trained model: where it is, how to build it, what goes in and out."""

    rules = (
        Rule(
            "!(self.format in ['StateDict', 'SafeTensors']) || has(self.factory)",
            "format StateDict or SafeTensors holds weights only: set factory to MODULE:CALLABLE that builds the model",
            ".factory",
        ),
        Rule(
            "!(self.format in ['ExportedProgram', 'ONNX']) || !has(self.factory) && !has(self.code) && "
            "!has(dyn(self).factoryArgs) && !has(self.factoryKwargs)",
            "format ExportedProgram or ONNX holds the whole model: remove factory, factoryArgs, factoryKwargs and code",
            ".format",
        ),
        Rule(
            "!has(self.factory) || self.factory.matches('^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$')",
            "factory must be MODULE:CALLABLE, as in torchvision.models:resnet50",
            ".factory",
        ),
        Rule(
            "self.inputs.all(i, self.inputs.exists_one(j, j.name == i.name) && !self.outputs.exists(o, o.name == "
            "i.name)) && self.outputs.all(o, self.outputs.exists_one(p, p.name == o.name))",
            "two of the inputs and outputs have the same name: give each its own, in ONNX every name is unique",
            ".outputs",
        ),
    )
    source: Annotated[Source, Field(description="The checkpoint: a file of the kind that format names.")]
    format: Annotated[
        ModelFormat,
        Field(
            description="What the checkpoint is. StateDict: torch.save(model.state_dict(), …), loaded with "
            "weights_only=True. SafeTensors: the same weights as .safetensors. ExportedProgram: torch.export.save(…). "
            "ONNX: an ONNX file. The first two hold weights only and need factory."
        ),
    ]
    factory: Annotated[
        str | None,
        Field(
            max_length=253,
            description="MODULE:CALLABLE, imported from code or from a package in the optimizer image and called with "
            "factoryArgs and factoryKwargs; it returns the torch.nn.Module that the weights are loaded into. "
            "For example torchvision.models:resnet50.",
        ),
    ] = None
    factory_args: Annotated[
        list[AnyValue] | None,
        Field(max_length=32, description="Positional arguments of factory, as in [resnet50, 1000]."),
    ] = None
    factory_kwargs: Annotated[
        AnyObject | None, Field(description="Keyword arguments of factory, as in {num_classes: 10}.")
    ] = None
    code: Annotated[
        Source | None,
        Field(
            description="A wheel, a zip archive or a single .py file that factory is imported from. It runs in the "
            "optimization Job, which has no credentials of the cluster."
        ),
    ] = None
    inputs: Annotated[
        list[Input], Field(min_length=1, max_length=16, description="The model's inputs, in the order of forward().")
    ]
    outputs: Annotated[
        list[Output],
        Field(
            min_length=1,
            max_length=16,
            description="The model's outputs, in the order in which forward() returns them.",
        ),
    ]
