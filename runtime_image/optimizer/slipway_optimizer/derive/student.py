"""The student: built by its factory, from random weights by seed or from given ones, and held against the original."""

import sys
from pathlib import Path

from slipway_optimizer import reasons
from slipway_optimizer.derive.setting import Form, Setting
from slipway_optimizer.derive.torch_state import reproducible
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.factory import build_module
from slipway_optimizer.formats.torch_module import TorchModel
from slipway_optimizer.formats.weights_file import fill_module
from slipway_optimizer.model_code import unpack_code
from slipway_optimizer.spec import Student

PLACE = "optimize.distill.student"
CODE = f"{PLACE}.code"
SOURCE = f"{PLACE}.source"


def build_student(setting: Setting, wanted: Student, seed: int) -> TorchModel:
    """Build the student, and see that it answers in the shapes and numbers of the original.

    Raises:
        UserError: it cannot be built, or it does not.
    """
    spec = setting.shop.spec.model_copy(
        update={
            "factory": wanted.factory,
            "factory_args": wanted.factory_args,
            "factory_kwargs": wanted.factory_kwargs,
        }
    )
    with reproducible(seed):
        module = build_module(spec, _code(setting, wanted), place=f"spec.{PLACE}", code_field=_code_field(setting))
        weights = setting.shop.inputs.path(SOURCE)
        if weights is not None:
            fill_module(module, weights)
    student = TorchModel(module, spec)
    _compare(setting, student)
    return student


def _code_field(setting: Setting) -> str:
    has_own = CODE in setting.shop.inputs.fetched or setting.shop.inputs.code is None
    return f"spec.{CODE}" if has_own else "spec.model.code"


def _code(setting: Setting, wanted: Student) -> Path | None:
    fetched = setting.shop.inputs.fetched.get(CODE)
    if fetched is None:
        return setting.shop.inputs.code
    folder = unpack_code(fetched, setting.scratch)
    name = wanted.factory.partition(":")[0].partition(".")[0]
    if name in sys.modules and any(path.stem == name for path in folder.iterdir()):
        message = f"spec.{CODE} has a module {name}, and so has what was imported before it: rename one of them."
        raise UserError(reasons.CODE_INVALID, message)
    return folder


def _compare(setting: Setting, student: TorchModel) -> None:
    """Before hours of training, not after them."""
    try:
        forms = setting.forms(student)
    except MemoryError:
        raise
    except UserError as error:
        raise UserError(error.reason, f"The student {student.spec.factory}: {error.message}") from error
    except Exception as error:
        message = f"The student {student.spec.factory} fails on a request that the model answers: {first_line(error)}."
        raise UserError(reasons.FACTORY_FAILED, message) from error
    for mine, right in zip(forms, setting.expected, strict=True):
        for name, have, want in zip(setting.shop.outputs, mine, right, strict=True):
            if have != want:
                message = f"The student {student.spec.factory} answers {name} {_difference(have, want)}: "
                raise UserError(reasons.OUTPUT_MISMATCH, f"{message}correct factory or its arguments.")


def _difference(have: Form, want: Form) -> str:
    if have[0] != want[0]:
        return f"in shape {list(have[0])}, the model in {list(want[0])}"
    return f"as {have[1]}, the model as {want[1]}"
