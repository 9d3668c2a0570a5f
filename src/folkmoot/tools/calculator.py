"""Arithmetic that a language model should not do in its head: numbers, brackets, operators, a few functions."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import Json
from folkmoot.tools.registry import ToolContext

_LARGEST = 1e300
_DEEPEST = 60
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
    "sum": lambda *values: math.fsum(values),
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


class NotArithmetic(Invalid):
    """The expression is not arithmetic that can be computed"""


class Calculate(BaseModel):
    """Compute an arithmetic expression exactly as written, for example "(1200 - 37.5) * 1.19".

    Numbers, brackets, + - * / // % **, and abs, ceil, exp, floor, log, max, min, round, sqrt, sum, pi, e.
    """

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    expression: Annotated[str, Field(min_length=1, max_length=1000)]


async def calculate(context: ToolContext, arguments: Calculate) -> Json:
    return {"expression": arguments.expression, "value": evaluate(arguments.expression)}


def evaluate(expression: str) -> float:
    """The value, a whole number as int. Raises NotArithmetic: for anything else, overflow and what is not defined."""
    try:
        value = _value(ast.parse(expression, mode="eval").body, 0)
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise NotArithmetic(f"The expression cannot be computed: {type(error).__name__}") from error
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise NotArithmetic("The result is too large")
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def _value(node: ast.expr, depth: int) -> float:
    if depth > _DEEPEST:
        raise NotArithmetic("The expression is nested too deeply")
    match node:
        case ast.Constant(value=bool()):
            raise NotArithmetic
        case ast.Constant(value=int() | float() as value):
            return float(value) if abs(value) >= 2**53 else value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _value(operand, depth + 1)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, depth + 1), _value(right, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(arg, depth + 1) for arg in args))
        case _:
            raise NotArithmetic(f"{type(node).__name__} is not arithmetic")
