"""Nodes that hold, read and compute numbers and truth values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from string import ascii_lowercase
from typing import Annotated, Any

from pydantic import Field

from graphrun import Autogrow, Input, Named, NodePack, Socket, Widget
from graphrun_nodes.math_expression import evaluate

pack = NodePack("builtin")

LARGEST = 2**63 - 1
Operand = Input(name="value", type="FLOAT,INT,BOOLEAN", required=False)


@pack.node("PrimitiveInt", display_name="Int", category="utilities/primitive", cheap=True)
def primitive_int(value: Annotated[int, Field(ge=-LARGEST, le=LARGEST), Widget(seed=True)]) -> int:
    """Hold a whole number."""
    return value


@pack.node("PrimitiveFloat", display_name="Float", category="utilities/primitive", cheap=True)
def primitive_float(value: Annotated[float, Field(ge=-LARGEST, le=LARGEST), Widget(step=0.1)]) -> float:
    """Hold a number."""
    return value


@pack.node("PrimitiveBoolean", display_name="Boolean", category="utilities/primitive", cheap=True)
def primitive_boolean(value: bool) -> bool:
    """Hold true or false."""
    return value


@pack.node("SeedNode", display_name="Seed", category="utilities", cheap=True)
def seed_node(
    seed: Annotated[int, Field(ge=0, le=LARGEST), Widget(default=0, seed=True)],
) -> Annotated[int, Named("seed")]:
    """Hold a seed for several nodes."""
    return seed


@pack.node("ComfyMathExpression", display_name="Math Expression", category="utilities", cheap=True)
def comfy_math_expression(
    expression: Annotated[str, Widget(default="a", multiline=True)],
    values: Annotated[Mapping[str, Any], Autogrow(Operand, tuple(ascii_lowercase))],
) -> tuple[float, int, Annotated[bool, Named("BOOL")]]:
    """Compute with numbers called a to z, or values as a list, such as `max(a, b) // 8 * 8 if c else 512`.

    Written as in Python: + - * / // % ** and bits, comparisons, and, or, not, in, x if y else z, values[0]; sum, min,
    max, abs, round, pow, sqrt, ceil, floor, log, log2, log10, sin, cos, tan, int, float.
    """
    match evaluate(expression, {**values, "values": [*values.values()]}):
        case int() | float() as result:
            return _finite(result), int(result), bool(result)
        case other:
            raise ValueError(f"the expression gives {other!r:.80}, which is no number")


@pack.node("ComfyNumberConvert", display_name="Convert Number", category="utilities", cheap=True)
def comfy_number_convert(value: Annotated[Any, Socket("INT,FLOAT,STRING,BOOLEAN")]) -> tuple[float, int]:
    """Give a number, a truth value or a number written as text both as FLOAT and as INT, cut towards zero."""
    match value:
        case int() | float():  # True and False are ints
            return _finite(value), int(value)
        case str():
            return _read_number(value.strip())
    raise TypeError(f"a {type(value).__name__} can't be converted: give a number, a truth value or text")


def _read_number(text: str) -> tuple[float, int]:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r:.80} is no number") from None
    try:
        return _finite(number), int(text)  # keeps every digit of a large one
    except ValueError:
        return _finite(number), int(number)


def _finite(number: float) -> float:
    """Return a number as a float. Raises ValueError where that isn't finite."""
    try:
        converted = float(number)
    except OverflowError:
        raise ValueError("the number is too large for a FLOAT") from None
    if not math.isfinite(converted):
        raise ValueError(f"the result is {converted}, which is no finite number")
    return converted
