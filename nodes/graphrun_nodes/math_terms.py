"""What the parts of an arithmetic expression mean: each becomes a term, a function of the names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphrun_nodes.math_operations import BINARY, COMPARISONS, UNARY
from graphrun_nodes.math_tokens import Token

Names = Mapping[str, object]
Term = Callable[[Names], object]
Subscript = Sequence[Term | None]


def first_of(terms: Sequence[Term], names: Names, *, truth: bool) -> object:
    """Return the first value that counts as ``truth``, or the last. What comes behind it is not computed."""
    value: object = None
    for term in terms:
        value = term(names)
        if bool(value) is truth:
            break
    return value


def compared(first: Term, rest: Sequence[tuple[str, Term]], names: Names) -> object:
    """``a < b < c`` holds if both do; ``c`` is computed only where ``a < b``."""
    left, holds = first(names), True
    for operator, term in rest:
        right = term(names)
        holds = bool(COMPARISONS[operator](left, right))
        if not holds:
            break
        left = right
    return holds


def chained(first: Term, rest: Sequence[tuple[str, Term]], names: Names) -> object:
    """Apply operators of one rank from left to right."""
    value = first(names)
    for operator, term in rest:
        value = BINARY[operator](value, term(names))
    return value


def signed(signs: Iterator[str], value: object) -> object:
    """Apply signs, the nearest first."""
    for sign in signs:
        value = UNARY[sign](value)
    return value


def named(token: Token) -> Term:
    """Return the value of a name. The term raises ValueError where there is none."""

    def term(names: Names) -> object:
        if token.text not in names:
            raise ValueError(f"the expression names {token.text!r}; it knows {', '.join(names) or 'no names'}")
        return names[token.text]

    return term


def subscripted(value: object, subscripts: Sequence[Subscript], names: Names) -> object:
    """Take an item or a slice out of a value, and again out of that. Raises TypeError for what has no parts."""
    for parts in subscripts:
        if not isinstance(value, list | str):
            raise TypeError(f"only values and texts have parts, and {value!r:.80} is neither")
        chosen: list[Any] = [part(names) if part else None for part in parts]
        value = value[slice(*chosen)] if len(chosen) > 1 else value[chosen[0]]
    return value
