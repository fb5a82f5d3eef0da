"""Which sizes of the dynamic axes to export with, to verify at, and to measure and prove at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from slipway_optimizer import reasons
from slipway_optimizer.arrays import shape_at
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.spec import Input

# Traced with 3: exporters treat 0 and 1 as constants, and 2 is a common constant in models.
EXAMPLE_BATCH = 3
OTHER_BATCHES = (1, 2, 5)
EXAMPLE_LENGTHS = (16, 32, 64, 96, 128, 224, 256, 512, 1024, 16000)
# Values in one input: what suits a second of sound would be an image of gigabytes.
MOST_VALUES = 1 << 24

Sizes = dict[str, int]
Refusal = Callable[[Sizes], Exception | None]


@dataclass(frozen=True)
class AxisPlan:
    """`example` is traced; `checks` are verified, each differing from the example in one axis; `small` is batch 1."""

    example: Sizes
    checks: list[Sizes]
    small: Sizes


def plan_axes(inputs: Sequence[Input], refusal: Refusal) -> AxisPlan:
    """Find sizes that the model itself accepts.

    Args:
        inputs: the declared inputs.
        refusal: runs the model at some sizes and returns the exception, or None when it went through.

    Raises:
        UserError: the model accepts no size of an axis that is declared as dynamic, or only one.
    """
    batches = {str(tensor.shape[0]) for tensor in inputs if tensor.shape and isinstance(tensor.shape[0], str)}
    names = sorted({axis for tensor in inputs for axis in tensor.dynamic_axes.values()})
    example = _example(inputs, names, batches, refusal)
    checks = [example]
    for name in names:
        others = [{**example, name: size} for size in _other_sizes(name, example, batches)]
        accepted = [sizes for sizes in others if refusal(sizes) is None]
        if not accepted:
            message = (
                f"The model accepts no size of the axis {name} but {example[name]} ({_said(refusal(others[-1]))}): "
                f"declare {example[name]} instead of {name}, or change its forward."
            )
            raise UserError(reasons.DYNAMIC_AXIS_FIXED, message)
        checks += accepted
    small = {name: 1 if name in batches else size for name, size in example.items()}
    return AxisPlan(example, checks, small if refusal(small) is None else example)


def _example(inputs: Sequence[Input], names: Sequence[str], batches: set[str], refusal: Refusal) -> Sizes:
    lengths = EXAMPLE_LENGTHS if set(names) - batches else EXAMPLE_LENGTHS[:1]
    first_error: Exception | None = None
    for length in lengths:
        larger = {name: EXAMPLE_BATCH if name in batches else length for name in names}
        if first_error and not _is_modest(inputs, larger):
            break
        sizes = larger
        error = refusal(sizes)
        if error is None:
            return sizes
        if isinstance(error, UserError):
            raise error
        first_error = first_error or error
    _explain_fixed_batch(inputs, names, batches, refusal)
    declared = ", ".join(f"{tensor.name} {tensor.dtype}{_list(tensor.shape)}" for tensor in inputs)
    tried = ", ".join(str(list(shape_at(tensor, sizes))) for tensor in inputs)
    message = (
        f"The model refuses the declared inputs {declared} (tried {tried}): {_said(first_error)}. "
        "Correct spec.model.inputs."
    )
    raise UserError(reasons.INPUT_MISMATCH, message) from first_error


def _explain_fixed_batch(inputs: Sequence[Input], names: Sequence[str], batches: set[str], refusal: Refusal) -> None:
    """If batch 1 works where a larger one does not, it is the batch that is at fault."""
    if not batches:
        return
    for length in EXAMPLE_LENGTHS:
        sizes = {name: 1 if name in batches else length for name in names}
        if _is_modest(inputs, sizes) and refusal(sizes) is None:
            name = sorted(batches)[0]
            error = refusal({**sizes, **dict.fromkeys(batches, EXAMPLE_BATCH)})
            message = (
                f"The axis {name} is declared as dynamic, but the model itself takes only {name}=1 ({_said(error)}): "
                f"declare 1 instead of {name}, or change its forward."
            )
            raise UserError(reasons.DYNAMIC_AXIS_FIXED, message)


def _is_modest(inputs: Sequence[Input], sizes: Sizes) -> bool:
    return all(prod(shape_at(tensor, sizes)) <= MOST_VALUES for tensor in inputs)


def _other_sizes(name: str, example: Sizes, batches: set[str]) -> Iterator[int]:
    if name in batches:
        yield from OTHER_BATCHES
        return
    size = example[name]
    yield from (1, size // 2, size + 1, size * 2)


def _said(error: Exception | None) -> str:
    return first_line(error).rstrip(".") if error else "no error"


def _list(shape: Sequence[int | str]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"
