"""Verify the file that will be served: valid, as declared, and right at every size, twice in a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx.checker import ValidationError

from slipway_optimizer import reasons
from slipway_optimizer.arrays import Array, Feeds
from slipway_optimizer.axes import AxisPlan, Sizes
from slipway_optimizer.compare import COARSER, Difference, compare, mismatch
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.samples import Sampler
from slipway_optimizer.spec import ModelSpec

Run = Callable[[Feeds], list[Array]]
CALLS = 2


@dataclass(frozen=True)
class Answer:
    """A request and the original model's answer.

    `varied` are the axes whose size is not that of the traced example; `call` counts the calls in a row at these sizes.
    """

    sizes: Sizes
    varied: tuple[str, ...]
    call: int
    feeds: Feeds
    expected: list[Array]


@dataclass(frozen=True)
class Parity:
    """Worst absolute difference, and worst root-mean-square error over that of the answer."""

    max_abs_diff: float
    relative: float


def check_stateless(
    run: Run, sampler: Sampler, plan: AxisPlan, outputs: Sequence[str], changes: Callable[[Feeds], list[str]]
) -> None:
    """Ask A, then B, then A again: a model that answers A differently cannot be exported right.

    Args:
        run: the original model.
        sampler: draws the requests.
        plan: at which sizes.
        outputs: their names.
        changes: asks the model once more and names what that changed in it.

    Raises:
        UserError: the model keeps state between calls, or draws random numbers.
    """
    first, second = sampler.draw(plan.example, seed=0), sampler.draw(plan.example, seed=1)
    before = run(first)
    run(second)
    after = run(first)
    same = mismatch(before, after, outputs) is None
    for name, want, have in zip(outputs, before, after, strict=True):
        if same and compare(want, have).same:
            continue
        kept = ", ".join(changes(second))
        cause = f"keeps state between calls in {kept}" if kept else "keeps state between calls or draws random numbers"
        message = (
            f"The same request gets another answer in {name} the second time: the model {cause}. Pass the state in and "
            "out as an input and an output."
        )
        raise UserError(reasons.HIDDEN_STATE, message)


def answer_all(run: Run, sampler: Sampler, plan: AxisPlan) -> list[Answer]:
    """The original model's answers at every size, two different requests in a row at each."""
    answers = []
    for number, sizes in enumerate(plan.checks):
        varied = tuple(name for name, size in sizes.items() if size != plan.example[name])
        for call in range(CALLS):
            feeds = sampler.draw(sizes, seed=number * CALLS + call)
            answers.append(Answer(sizes, varied, call, feeds, run(feeds)))
    return answers


def check_file(path: Path, model: ModelSpec) -> str:
    """The file is valid ONNX and has the declared names and axes.

    Returns:
        The coarsest floating-point dtype that it computes with, `float64` where no weight and no cast is coarser.

    Raises:
        UserError: names the input or output that is not as declared.
    """
    try:
        onnx.checker.check_model(str(path))
    except (ValidationError, ValueError, RuntimeError) as error:
        raise UserError(reasons.EXPORT_FAILED, f"The exported file is not valid ONNX: {first_line(error)}.") from error
    graph = onnx.load(str(path), load_external_data=False).graph
    initializers = {initializer.name for initializer in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in initializers}
    _same_names("input", [tensor.name for tensor in model.inputs], list(inputs))
    _same_names("output", [tensor.name for tensor in model.outputs], [value.name for value in graph.output])
    for tensor in model.inputs:
        dtype = dtype_name(inputs[tensor.name].type.tensor_type.elem_type)
        if dtype != tensor.dtype:
            message = f"The input {tensor.name} is {dtype} in the graph, {tensor.dtype} in the spec: correct its dtype."
            raise UserError(reasons.INPUT_MISMATCH, message)
        dimensions = inputs[tensor.name].type.tensor_type.shape.dim
        if len(dimensions) != len(tensor.shape):
            found = f"{len(dimensions)} dimensions in the graph, {len(tensor.shape)} in the spec"
            message = f"The input {tensor.name} has {found}: correct its shape."
            raise UserError(reasons.INPUT_MISMATCH, message)
        for index, axis in tensor.dynamic_axes.items():
            if dimensions[index].HasField("dim_value"):
                raise axis_fixed((axis,), f"dimension {index} of {tensor.name} is always {dimensions[index].dim_value}")
    return _precision(graph)


def _precision(graph: onnx.GraphProto) -> str:
    types = {tensor.data_type for tensor in graph.initializer}
    types |= {item.i for node in graph.node if node.op_type == "Cast" for item in node.attribute if item.name == "to"}
    coarse = (dtype for dtype in reversed(COARSER) if any(dtype_name(element_type) == dtype for element_type in types))
    return next(coarse, COARSER[0])


def dtype_name(element_type: int) -> str:
    """ONNX's element type as NumPy and PyTorch name it."""
    if element_type not in onnx.TensorProto.DataType.values():
        return f"type {element_type}"
    name = str(onnx.TensorProto.DataType.Name(element_type)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def check_parity(
    run: Run, answers: Sequence[Answer], outputs: Sequence[str], original: str, precision: str = "float64"
) -> Parity:
    """Every answer of the exported model against the original's.

    Args:
        run: the exported model.
        answers: the original's.
        outputs: their names.
        original: what the original runs in, for sentences.
        precision: the coarsest floating-point dtype that the exported model computes with.

    Raises:
        UserError: the export is wrong; says where, by how much, and which of the known ways it is.
    """
    differences: list[Difference] = []
    for answer in answers:
        try:
            got = run(answer.feeds)
        except Exception as error:
            raise _wrong_at(answer, f"ONNX Runtime refuses {_sizes(answer.sizes)}: {first_line(error)}") from error
        difference = mismatch(answer.expected, got, outputs)
        if difference:
            raise _wrong_at(answer, f"at {_sizes(answer.sizes)} {difference}")
        for name, want, have in zip(outputs, answer.expected, got, strict=True):
            result = compare(want, have, precision)
            differences.append(result)
            if not result.same:
                raise _wrong_at(answer, f"at {_sizes(answer.sizes)} {name} differs from {original} {result.words}")
    return _parity(differences)


def measure_parity(run: Run, answers: Sequence[Answer]) -> Parity:
    """How far a model's answers are from the original's, over all outputs and sizes."""
    return _parity(
        [
            compare(want, have)
            for answer in answers
            for want, have in zip(answer.expected, run(answer.feeds), strict=True)
        ]
    )


def _parity(differences: Sequence[Difference]) -> Parity:
    return Parity(max(item.worst for item in differences), max(item.relative for item in differences))


def axis_fixed(axes: Sequence[str], detail: str) -> UserError:
    """The failure of an export that took a dynamic axis for a constant."""
    subject = f"The axis {axes[0]} is" if len(axes) == 1 else f"The axes {', '.join(axes)} are"
    taken = "it for a constant" if len(axes) == 1 else "a product of them for a constant"
    message = (
        f"{subject} declared as dynamic, but the export takes {taken}: {detail}. "
        "Declare its size, or change the model's forward."
    )
    return UserError(reasons.DYNAMIC_AXIS_FIXED, message)


def _wrong_at(answer: Answer, detail: str) -> UserError:
    if answer.call > 0:
        message = (
            f"The first call is right, the next is not ({detail}): the model keeps state between calls. Pass the state "
            "in and out as an input and an output."
        )
        return UserError(reasons.HIDDEN_STATE, message)
    if answer.varied:
        return axis_fixed(answer.varied, detail)
    message = f"The exported model is wrong: {detail}. Write what differs with other operators in the model's forward."
    return UserError(reasons.PARITY_FAILED, message)


def _sizes(sizes: Sizes) -> str:
    return ", ".join(f"{name}={size}" for name, size in sizes.items()) or "the declared shapes"


def _same_names(kind: str, declared: Sequence[str], found: Sequence[str]) -> None:
    if sorted(declared) != sorted(found):
        reason = reasons.INPUT_MISMATCH if kind == "input" else reasons.OUTPUT_MISMATCH
        message = (
            f"The spec declares the {kind}s {', '.join(declared)}; the graph has {', '.join(found)}. "
            "Use the graph's names."
        )
        raise UserError(reason, message)
