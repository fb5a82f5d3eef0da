"""`spec.optimize.prune`: weights or channels that are removed, and how the rest is trained again."""

from typing import Annotated, Literal

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, Rule
from slipway_operator.api.v1alpha1.source import Source

BatchSize = Annotated[int, Field(ge=1, le=65536, description="Rows of each training step.")]
Seed = Annotated[
    int,
    Field(ge=0, le=2147483647, description="Decides the order of the rows: the same seed trains the same weights."),
]


class FineTune(ApiModel):
    """Training after pruning. Weights that were set to zero stay zero."""

    data: Annotated[
        Source,
        Field(
            description="Rows to train on, in the formats of evaluate.data. With distill, they are learned as by the "
            "student; else labels are (whole numbers are classes), or the original's outputs. Rows of evaluate.data "
            "are refused."
        ),
    ]
    epochs: Annotated[int, Field(ge=1, le=10000, description="How often all rows are gone through.")] = 5
    learning_rate: Annotated[
        float, Field(gt=0, le=10, description="Step size of AdamW at the start; it falls to 0 as a cosine.")
    ] = 0.0003
    batch_size: BatchSize = 64
    seed: Seed = 0


class Prune(ApiModel):
    """A pruned model beside the original. Set amount or threshold."""

    rules = (
        Rule(
            "has(self.amount) != has(self.threshold)",
            "set either amount, the share that is removed, or threshold, below which weights are: one of them",
            ".amount",
        ),
        Rule(
            "!has(self.threshold) || self.method == 'L1Unstructured'",
            "threshold compares single weights, and method Structured removes whole channels: set amount instead",
            ".threshold",
        ),
        Rule(
            "!has(self.threshold) || self.scope == 'Global'",
            "threshold is the same in every layer: remove scope",
            ".scope",
        ),
    )
    method: Annotated[
        Literal["L1Unstructured", "Structured"],
        Field(
            description="L1Unstructured: the smallest weights become zero; the file gets no smaller and dense kernels "
            "no faster, so it is worth it only for what reads the zeros. Structured: the least important channels of "
            "convolutions and linear layers are removed, which makes the model smaller and faster; inputs and outputs "
            "stay as they are. Both need format StateDict or SafeTensors, or a Transformers directory."
        ),
    ]
    amount: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="Share that is removed: of the weights, or of the channels (rounded so that multiples of 8 "
            "remain).",
        ),
    ] = None
    threshold: Annotated[
        float | None,
        Field(gt=0, description="Weights whose absolute value is not above this become zero. L1Unstructured only."),
    ] = None
    scope: Annotated[
        Literal["Global", "PerLayer"],
        Field(
            description="Global: all layers are ranked together, and some lose more than others. PerLayer: each loses "
            "the same share."
        ),
    ] = "Global"
    fine_tune: Annotated[
        FineTune | None, Field(description="Training after pruning, to get back accuracy. Absent: none.")
    ] = None
