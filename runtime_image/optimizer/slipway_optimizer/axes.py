"""Which sizes of the dynamic axes to export with, to verify at, and to measure and prove at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from slipway_optimizer import reasons
from slipway_optimizer.arrays import shape_at
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.spec import Input

# Traced with 3 where the model takes it: exporters treat 0 and 1 as constants, and 2 is a common constant in models.
EXAMPLE_BATCHES = (3, 2, 4, 8)
OTHER_BATCHES = (1, 2, 5)
LARGER_BATCHES = (4, 8, 16)
EXAMPLE_LENGTHS = (16, 32, 64, 96, 128, 224, 256, 512, 1024, 16000)
# Values in one input: what suits a second of sound would be an image of gigabytes.
MOST_VALUES = 1 << 24

Sizes = dict[str, int]
Refusal = Callable[[Sizes], Exception | None]


@dataclass(frozen=True)
class AxisPlan:
    """`example` is traced; `checks` are verified: it, one axis of another size, all of others; `small` is batch 1."""

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
    accepted = {name: _accepted(name, example, batches, refusal) for name in names}
    checks = [example, *({**example, name: size} for name in names for size in accepted[name])]
    checks += [sizes for sizes in _together(accepted) if sizes not in checks and refusal(sizes) is None]
    small = {name: 1 if name in batches else size for name, size in example.items()}
    return AxisPlan(example, checks, small if refusal(small) is None else example)


def _accepted(name: str, example: Sizes, batches: set[str], refusal: Refusal) -> list[int]:
    """Other sizes of one axis that the model takes, the smallest first."""
    others = sorted(set(_other_sizes(name, example, batches)) - {example[name], 0})
    found = [size for size in others if refusal({**example, name: size}) is None]
    if not found and name in batches:
        found = [size for size in LARGER_BATCHES if size != example[name] and refusal({**example, name: size}) is None]
    if not found:
        error = refusal({**example, name: others[-1]})
        message = (
            f"The model accepts no size of the axis {name} but {example[name]} ({_said(error)}): declare "
            f"{example[name]} instead of {name}, or change its forward."
        )
        raise UserError(reasons.DYNAMIC_AXIS_FIXED, message)
    return found


def _together(accepted: dict[str, list[int]]) -> Iterator[Sizes]:
    """All axes at their smallest, all at an odd size, and neighbours small and large by turns."""
    if len(accepted) < 2:  # noqa: PLR2004  one axis has been tried by itself
        return
    yield {name: sizes[0] for name, sizes in accepted.items()}
    yield {name: next((size for size in sizes[1:] if size % 2), sizes[-1]) for name, sizes in accepted.items()}
    yield {name: sizes[-1] if number % 2 else sizes[0] for number, (name, sizes) in enumerate(accepted.items())}


def _example(inputs: Sequence[Input], names: Sequence[str], batches: set[str], refusal: Refusal) -> Sizes:
    lengths = EXAMPLE_LENGTHS if set(names) - batches else EXAMPLE_LENGTHS[:1]
    refused: tuple[Sizes, Exception] | None = None
    for batch, length in product(EXAMPLE_BATCHES if batches else EXAMPLE_BATCHES[:1], lengths):
        sizes = {name: batch if name in batches else length for name in names}
        if refused and not _is_modest(inputs, sizes):
            continue
        error = refusal(sizes)
        if error is None:
            return sizes
        if isinstance(error, UserError):
            raise error
        refused = refused or (sizes, error)
    _explain_fixed_batch(inputs, names, batches, refusal)
    raise _refused(inputs, *(refused or ({}, None)))


def _refused(inputs: Sequence[Input], sizes: Sizes, error: Exception | None) -> UserError:
    declared = ", ".join(f"{tensor.name} {tensor.dtype}{_list(tensor.shape)}" for tensor in inputs)
    tried = ", ".join(str(list(shape_at(tensor, sizes))) for tensor in inputs)
    message = (
        f"The model refuses the declared inputs {declared} (tried {tried}): {_said(error)}. Correct spec.model.inputs."
    )
    return UserError(reasons.INPUT_MISMATCH, message)


def _explain_fixed_batch(inputs: Sequence[Input], names: Sequence[str], batches: set[str], refusal: Refusal) -> None:
    """If batch 1 works where a larger one does not, it is the batch that is at fault."""
    if not batches:
        return
    for length in EXAMPLE_LENGTHS:
        sizes = {name: 1 if name in batches else length for name in names}
        if _is_modest(inputs, sizes) and refusal(sizes) is None:
            name = sorted(batches)[0]
            error = refusal({**sizes, **dict.fromkeys(batches, EXAMPLE_BATCHES[0])})
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
