"""The sentence for an exporter's exception: an operator, a fixed axis, or a line of the model, and what to do."""

import re
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.export_place import error_chain, find_place
from slipway_optimizer.spec import ModelSpec

DATA_DEPENDENT: Final = re.compile(r"GuardOnDataDependentSymNode|data-dependent")
FIXED_AXIS: Final = re.compile(
    r"specialized|not all values of .* satisfy|Constraints violated|marked .* as dynamic"
    r"|tracing inferred a static shape",
    re.DOTALL,
)
STATIC_SIZE: Final = re.compile(r"static shape of (\d+) for dimension inputs\['args_(\d+)'\]\.shape\[(\d+)\]")
NO_COUNTERPART: Final = re.compile(
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'|Exporting the operator '([\w:.]+)' to ONNX"
)


class DecidesByValueError(UserError):
    """The model's forward looks at the values of its inputs: a trace would hold one of its ways only."""

    def __init__(self, where: str) -> None:
        message = (
            f"The model decides by the values of its inputs{where}, which an ONNX graph cannot: use torch.where or "
            "torch.cond, or keep Python's if, float() and loops to sizes."
        )
        super().__init__(reasons.EXPORT_FAILED, message)


def export_failure(error: BaseException, model: ModelSpec) -> UserError:
    """The sentence for what an exporter raised."""
    chain = error_chain(error)
    text = "\n".join(str(item) for item in chain)
    where = find_place(chain)
    operator = NO_COUNTERPART.search(text)
    if operator:
        name = operator.group(1) or operator.group(2)
        message = f"{name} has no ONNX counterpart{where}: replace it in the model's forward."
        return UserError(reasons.EXPORT_FAILED, message)
    if DATA_DEPENDENT.search(text):
        return DecidesByValueError(where)
    cause = f"{type(chain[-1]).__name__}: {first_line(chain[-1])}".rstrip(".")
    if FIXED_AXIS.search(text):
        return _fixed_axis(text, f"{where} ({_fixed_sizes(text, model) or cause})", model)
    return UserError(reasons.EXPORT_FAILED, f"The model cannot be traced{where}: {cause}.")


def _fixed_axis(text: str, detail: str, model: ModelSpec) -> UserError:
    axes = sorted({axis for tensor in model.inputs for axis in tensor.dynamic_axes.values()})
    fixed = {model.inputs[int(number)].dynamic_axes.get(int(index)) for _, number, index in STATIC_SIZE.findall(text)}
    named = ", ".join([axis for axis in axes if axis in (fixed or text)] or axes)
    message = (
        f"The axis {named} is declared as dynamic, but the model fixes it{detail}: declare its size, or change the "
        "model's forward (a loop over an axis has to be in a torch.jit.script function)."
    )
    return UserError(reasons.DYNAMIC_AXIS_FIXED, message)


def _fixed_sizes(text: str, model: ModelSpec) -> str:
    """As in `x has 16 in dimension 1`."""
    return ", ".join(
        f"{model.inputs[int(number)].name} has {size} in dimension {index}, whatever comes"
        for size, number, index in STATIC_SIZE.findall(text)
    )
