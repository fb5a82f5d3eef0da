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
        axes = sorted({axis for tensor in model.inputs for axis in tensor.dynamic_axes.values()})
        named = ", ".join([axis for axis in axes if axis in text] or axes)
        message = (
            f"The axis {named} is declared as dynamic, but the model fixes it{where} ({cause}): declare its size, or "
            "change the model's forward (a loop over an axis has to be in a torch.jit.script function)."
        )
        return UserError(reasons.DYNAMIC_AXIS_FIXED, message)
    return UserError(reasons.EXPORT_FAILED, f"The model cannot be traced{where}: {cause}.")
