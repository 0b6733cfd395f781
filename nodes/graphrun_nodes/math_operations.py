"""What an arithmetic expression may do, each operation bounded before it is begun."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

LARGEST_POWER = 4_000_000  # of base and exponent of **; image-mask-nodes.md, 8
LARGEST_POW = 4_000  # the exponent of pow(), likewise
MOST_BITS = 100_000  # of an integer on the way; one of 1024 is more than a result can have
MOST_DIGITS = 400  # that a number is rounded to; no float has more
MOST_ITEMS = 100_000  # of a text or a list

Operation = Callable[[Any, Any], object]


def _numbers(symbol: str, operation: Operation) -> Operation:
    def checked(a: Any, b: Any) -> object:
        if not isinstance(a, int | float | complex) or not isinstance(b, int | float | complex):
            raise TypeError(f"{symbol} takes numbers, not {type(a).__name__} and {type(b).__name__}")
        return operation(a, b)

    return checked


def _add(a: Any, b: Any) -> object:
    _check_items(_items(a) + _items(b))
    return a + b


def _multiply(a: Any, b: Any) -> object:
    _check_bits(_bits(a) + _bits(b))
    if isinstance(a, str | list) or isinstance(b, str | list):
        _check_items(max(_items(a), _items(b)) * max(_times(a), _times(b)))
    return a * b


def _power(a: Any, b: Any) -> object:
    if abs(a) > LARGEST_POWER or abs(b) > LARGEST_POWER:
        raise ValueError(f"{a!r} ** {b!r}: base and exponent may be {LARGEST_POWER} at most")
    return _bounded_power(a, b)


def _pow(a: Any, b: Any) -> object:
    if abs(b) > LARGEST_POW:
        raise ValueError(f"pow({a!r}, {b!r}): the exponent may be {LARGEST_POW} at most")
    return _bounded_power(a, b)


def _bounded_power(a: Any, b: Any) -> object:
    if isinstance(a, int) and isinstance(b, int) and b > 0:
        _check_bits(_bits(max(abs(a) - 1, 0)) * b)  # so that powers of 1 are small
    return a**b


def _shift_left(a: Any, b: Any) -> object:
    _check_bits(_bits(a) + max(b, 0))
    return a << b


def _sum(*values: Any) -> object:
    """Add the items of one list, or the arguments."""
    total: object = 0
    for value in values[0] if len(values) == 1 and isinstance(values[0], list) else values:
        total = _add(total, value)
    return total


def _bits(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _items(value: object) -> int:
    return len(value) if isinstance(value, str | list) else 0


def _times(value: object) -> int:
    return value if isinstance(value, int) else 0


def _check_bits(count: int) -> None:
    if count > MOST_BITS:
        raise ValueError(f"the expression makes a number of about {count} bits, and {MOST_BITS} are allowed")


def _check_items(count: int) -> None:
    if count > MOST_ITEMS:
        raise ValueError(f"the expression makes a text or list of {count} items, and {MOST_ITEMS} are allowed")


def _contains(a: Any, b: Any) -> bool:
    return a in b


def _rounded(value: Any, digits: int | None = None) -> object:
    if digits is not None and abs(digits) > MOST_DIGITS:
        raise ValueError(f"round() to {digits} digits: {MOST_DIGITS} are allowed")
    return round(value, digits)


UNARY: dict[str, Callable[[Any], object]] = {"+": operator.pos, "-": operator.neg, "~": operator.invert}

BINARY: dict[str, Operation] = {
    "+": _add,
    "-": _numbers("-", operator.sub),
    "*": _multiply,
    "/": _numbers("/", operator.truediv),
    "//": _numbers("//", operator.floordiv),
    "%": _numbers("%", operator.mod),  # not of texts, which it would fill in
    "**": _numbers("**", _power),
    "<<": _numbers("<<", _shift_left),
    ">>": _numbers(">>", operator.rshift),
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
}

COMPARISONS: dict[str, Operation] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "in": _contains,
    "not in": lambda a, b: a not in b,
}

FUNCTIONS: dict[str, Callable[..., object]] = {
    "sum": _sum,
    "min": min,
    "max": max,
    "abs": abs,
    "round": _rounded,
    "pow": _numbers("pow()", _pow),
    "sqrt": math.sqrt,
    "ceil": math.ceil,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "int": int,
    "float": float,
}
