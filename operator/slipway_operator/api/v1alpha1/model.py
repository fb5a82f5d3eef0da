"""`spec.model`: the trained model, how to build it, and what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from slipway_operator.api.v1alpha1.base import AnyObject, AnyValue, ApiModel, Rule
from slipway_operator.api.v1alpha1.image import Image
from slipway_operator.api.v1alpha1.source import Source
from slipway_operator.api.v1alpha1.weights import Weights

DType = Literal["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
TensorName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z_][A-Za-z0-9_.]*$")]
Dimension = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 64})]


# Of an input with image; the order of the dimensions is what image.layout says.
_CHANNELS = "(self.image.layout == 'NCHW' ? self.shape[1] : self.shape[3])"


class Input(ApiModel):
    """An input of the model."""

    rules = (
        Rule(
            "self.shape.all(d, type(d) == int ? int(d) > 0 : string(d).matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
            "an entry of shape is a size of at least 1, or a name of letters, digits and _, as in [batch, 3, 224, 224]",
            ".shape",
        ),
        Rule(
            "!has(self.image) || size(self.shape) == 4 && self.shape.filter(d, type(d) == string).all(d, d == "
            "self.shape[0]) && size(self.shape.filter(d, type(d) == string)) <= 1",
            "image needs an input of 4 dimensions, numbers but for the first, as in [batch, 3, 224, 224]",
            ".image",
        ),
        Rule(
            f"!has(self.image) || size(self.shape) != 4 || {_CHANNELS} in [1, 3]",
            "image finds the channels in shape by its layout: 3 is RGB, 1 is gray",
            ".image.layout",
        ),
        Rule(
            f"!has(self.image) || size(self.shape) != 4 || (!has(self.image.mean) || size(self.image.mean) == "
            f"{_CHANNELS}) && (!has(self.image.std) || size(self.image.std) == {_CHANNELS})",
            "mean and std have one value for each channel",
            ".image",
        ),
        Rule(
            "!has(self.image) || self.dtype.startsWith('float') || !has(self.image.scale) && !has(self.image.mean) && "
            "!has(self.image.std)",
            "an input of integers gets pixels as they are: remove scale, mean and std",
            ".image",
        ),
        Rule(
            "!has(self.padValue) || self.dtype.startsWith('float') || self.padValue == double(int(self.padValue))",
            "this input holds integers: padValue has to be a whole number",
            ".padValue",
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
    image: Annotated[
        Image | None,
        Field(description="How the optimizer makes this input of pictures in a folder of images. Serving does not."),
    ] = None
    pad_value: Annotated[
        float | None,
        Field(
            description="What fills up shorter rows of data along named dimensions after the rows, so that they share "
            "a request. Absent: only rows of one size do."
        ),
    ] = None


class Output(ApiModel):
    """An output of the model; its type and shape are read from the exported graph."""

    name: Annotated[
        TensorName, Field(description="Name of the output in responses and in the ONNX graph, such as logits.")
    ]


ModelFormat = Literal[
    "StateDict", "SafeTensors", "TorchScript", "ExportedProgram", "ONNX", "Transformers", "PickledModule"
]


def _only_for(field: str, model_format: str) -> str:
    return f"!has(self.{field}) || !has(self.factory) && (!has(self.format) || self.format == '{model_format}')"


# Of an input i: whether it has a named dimension that is not the rows, which come first in some input.
_VARIES = (
    "i.shape.exists(d, type(d) == string && "
    "!self.inputs.exists(j, size(j.shape) > 0 && type(j.shape[0]) == string && j.shape[0] == d))"
)


class Model(ApiModel):
    """The trained model: where it is, how to build it, what goes in and out."""

    rules = (
        Rule(
            "!has(self.format) || !(self.format in ['StateDict', 'SafeTensors']) || has(self.factory)",
            "format StateDict or SafeTensors holds weights only: set factory to MODULE:CALLABLE that builds the model",
            ".factory",
        ),
        Rule(
            "!has(self.factory) || !has(self.format) || self.format in ['StateDict', 'SafeTensors']",
            "a format other than StateDict and SafeTensors holds the whole model: remove factory",
            ".factory",
        ),
        Rule(
            "has(self.factory) || !has(dyn(self).factoryArgs) && !has(self.factoryKwargs)",
            "factoryArgs and factoryKwargs are arguments of factory: set factory, or remove them",
            ".factory",
        ),
        Rule(
            "!has(self.weights) || has(self.factory)",
            "weights are looked for only where a factory builds the module: set factory, or remove weights",
            ".weights",
        ),
        Rule(
            _only_for("submodule", "TorchScript"),
            "submodule belongs to format TorchScript, which has no factory: remove it",
            ".submodule",
        ),
        Rule(
            _only_for("modelClass", "Transformers"),
            "modelClass belongs to format Transformers, which has no factory: remove it",
            ".modelClass",
        ),
        Rule(
            f"{_only_for('allowPickle', 'PickledModule')} || !self.allowPickle",
            "allowPickle belongs to format PickledModule, which has no factory: remove it",
            ".allowPickle",
        ),
        Rule(
            "!has(self.format) || self.format != 'PickledModule' || has(self.allowPickle) && self.allowPickle",
            "format PickledModule runs code of whoever wrote the file: set allowPickle to true if you trust it",
            ".allowPickle",
        ),
        Rule(
            "!has(self.format) || self.format != 'Transformers' || self.source.uri.matches('/$|^hf://|^oci://')",
            "format Transformers is a folder: let source.uri end with /, or name a repository of a hub or a registry",
            ".source",
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
        Rule(
            "size(self.inputs) == 1 || !self.inputs.exists(i, has(i.image))",
            "a folder of images fills a single input, and the model has several: remove image",
            ".inputs",
        ),
        Rule(
            f"self.inputs.all(i, !has(i.padValue) || {_VARIES})",
            "the rows of an input with padValue do not vary in size: remove padValue",
            ".inputs",
        ),
        Rule(
            f"!self.inputs.exists(i, has(i.padValue)) || self.inputs.all(i, has(i.padValue) || !{_VARIES})",
            "set padValue on all inputs with a named dimension after the first, or on none",
            ".inputs",
        ),
    )
    source: Annotated[Source, Field(description="The checkpoint: a file, or a folder where the uri ends with /.")]
    format: Annotated[
        ModelFormat | None,
        Field(
            description="What the source is; absent: told from its bytes. Weights only, with factory: StateDict, "
            "torch.save(model.state_dict(), …) or a checkpoint with one in it, loaded with weights_only=True; "
            "SafeTensors, a file or a folder of shards. The whole model: TorchScript; ExportedProgram, "
            "torch.export.save(…); ONNX, a file or a folder of it and its data; Transformers, a folder of config.json "
            "and safetensors, whose code is never run; PickledModule, torch.save(model, …), see allowPickle."
        ),
    ] = None
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
            description="A wheel, a zip archive or a single .py file that factory and evaluate.function are imported "
            "from. It runs in the "
            "optimization Job, which has no credentials of the cluster."
        ),
    ] = None
    weights: Annotated[
        Weights | None,
        Field(description="Where in a checkpoint the weights are, where more than one place would fit the module."),
    ] = None
    submodule: Annotated[
        str | None,
        Field(
            max_length=253,
            pattern=r"^[^.\s]+(\.[^.\s]+)*$",
            description="Path of a module inside a TorchScript, as in encoder.layers: it alone is exported, and inputs "
            "and outputs are its own. For scripts of which only a part can become a graph.",
        ),
    ] = None
    model_class: Annotated[
        str | None,
        Field(
            max_length=128,
            pattern="^[A-Za-z_][A-Za-z0-9_]*$",
            description="Class of the transformers package that a Transformers folder is loaded with, as in AutoModel "
            "or BertForSequenceClassification. Absent: the first of architectures in config.json.",
        ),
    ] = None
    allow_pickle: Annotated[
        bool | None,
        Field(
            description="Whether the checkpoint may be a whole pickled module, which runs code of its own when it is "
            "loaded. It has to be permitted by the administrator, too (chart value optimizer.allowPickle)."
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
