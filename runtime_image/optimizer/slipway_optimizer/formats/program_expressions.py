"""Sizes and guards of exported programs: arithmetic on sizes, and no other Python."""

import ast
import re
from collections.abc import Iterable
from typing import Final

import sympy
from torch.utils._sympy import functions

LONGEST: Final = 20_000
ARITHMETIC: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Constant, ast.Name, ast.Load,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
# As sympy writes its own numbers and operations.
OF_SYMPY: Final = frozenset(
    {"Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "Abs", "floor", "ceiling"}
    | {"sqrt", "log", "exp", "And", "Or", "Not", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality"}
    | {"StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "Piecewise", "ExprCondPair"}
)
# PyTorch's own: https://github.com/pytorch/pytorch/blob/main/torch/utils/_sympy/functions.py
OF_TORCH: Final = frozenset(
    name for name, value in vars(functions).items() if isinstance(value, type) and issubclass(value, sympy.Function)
)
# What a guard asks of an input, L['x'].size()[0].
ASKED: Final = frozenset({"size", "stride", "storage_offset", "dim", "numel"})
KEY: Final = re.compile(r"[\w.\-+]*")


def is_plain_size(text: str) -> bool:
    """Whether an expression does arithmetic with sizes only, in the words that PyTorch saves them in."""
    return all(isinstance(node, ARITHMETIC) or _is_operation(node) for node in _nodes(text)) and _ends_well(text)


def is_plain_guard(text: str) -> bool:
    """Whether a guard compares sizes and numbers of inputs only."""
    return all(isinstance(node, ARITHMETIC) or _is_look(node) for node in _nodes(text)) and _ends_well(text)


def _nodes(text: str) -> Iterable[ast.AST]:
    """Everything in an expression; where it is none, a statement, which neither of them allows."""
    try:
        return list(ast.walk(ast.parse(text.strip(), mode="eval"))) if len(text) <= LONGEST else [ast.Pass()]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [ast.Pass()]


def _ends_well(text: str) -> bool:
    """No comment swallows what PyTorch writes behind it, and each string is a word."""
    words = (node.value for node in _nodes(text) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return not set("#\n\r\\") & set(text) and all(KEY.fullmatch(word) for word in words)


def _is_operation(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in OF_SYMPY | OF_TORCH
    return isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant)


def _is_look(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        asked = isinstance(node.func, ast.Attribute) and (node.func.attr in ASKED or _is_math(node.func))
        return (asked or _is_operation(node)) and not node.keywords
    if isinstance(node, ast.Attribute):
        return not node.attr.startswith("_")
    return isinstance(node, ast.Subscript | ast.Slice | ast.Tuple)


def _is_math(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id == "math"
