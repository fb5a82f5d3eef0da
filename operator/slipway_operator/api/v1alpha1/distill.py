"""`spec.optimize.distill`: a smaller model that is trained to answer as the original does."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import AnyObject, AnyValue, ApiModel, Rule
from slipway_operator.api.v1alpha1.prune import BatchSize, Seed
from slipway_operator.api.v1alpha1.source import Source

DEFAULT_TEMPERATURE = 4.0


class Student(ApiModel):
    """How the student is built. It takes the model's inputs and gives outputs of the same shapes."""

    rules = (
        Rule(
            "self.factory.matches('^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$')",
            "factory must be MODULE:CALLABLE, as in torchvision.models:resnet18",
            ".factory",
        ),
    )
    factory: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            description="MODULE:CALLABLE that builds the student's torch.nn.Module, imported from code, model.code or "
            "a package in the optimizer image.",
        ),
    ]
    factory_args: Annotated[
        list[AnyValue] | None, Field(max_length=32, description="Positional arguments of factory.")
    ] = None
    factory_kwargs: Annotated[AnyObject | None, Field(description="Keyword arguments of factory.")] = None
    code: Annotated[
        Source | None,
        Field(description="A wheel, a zip archive or a single .py file that factory is imported from."),
    ] = None
    source: Annotated[
        Source | None,
        Field(
            description="Weights to start from: a .safetensors file or a state dict. Absent: what factory builds, its "
            "random numbers decided by seed."
        ),
    ] = None


class Distill(ApiModel):
    """A student beside the original: trained on its answers, then exported, quantized and measured like it.

    After Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015).
    """

    rules = (
        Rule(
            f"self.loss == 'KLDivergence' || self.temperature == {DEFAULT_TEMPERATURE}",
            "temperature softens the classes of loss KLDivergence, and MSE has none: remove temperature",
            ".temperature",
        ),
    )
    student: Annotated[Student, Field(description="How the student is built.")]
    data: Annotated[
        Source,
        Field(
            description="Rows to train on, in the formats of evaluate.data; a tenth is held out for patience. Labels "
            "count only with hardLabelWeight. Rows of evaluate.data are refused."
        ),
    ]
    epochs: Annotated[int, Field(ge=1, le=10000, description="How often all rows are gone through, at most.")] = 20
    loss: Annotated[
        Literal["KLDivergence", "MSE"],
        Field(
            description="How far the student is from the original. KLDivergence: of the classes' probabilities, "
            "softened by temperature, for outputs that are logits. MSE: mean squared difference, for embeddings and "
            "other numbers."
        ),
    ] = "KLDivergence"
    temperature: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="Logits are divided by it before the softmax, and the divergence is multiplied by its square. "
            "Higher: the original's small probabilities count more.",
        ),
    ] = DEFAULT_TEMPERATURE
    hard_label_weight: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Weight of the loss against the labels in data, which then has to have some; the loss against "
            "the original's answers has the rest. 0: labels are not used.",
        ),
    ] = 0.0
    optimizer: Annotated[Literal["AdamW", "SGD"], Field(description="AdamW, or SGD with momentum 0.9.")] = "AdamW"
    learning_rate: Annotated[
        float, Field(gt=0, le=10, description="Step size of the optimizer at the start; it falls to 0 as a cosine.")
    ] = 0.001
    batch_size: BatchSize = 64
    patience: Annotated[
        int,
        Field(
            ge=0,
            le=10000,
            description="Epochs without a better loss on the held-out rows after which training ends; the best epoch's "
            "weights are kept. 0: never, and all rows are trained on.",
        ),
    ] = 5
    seed: Seed = 0
