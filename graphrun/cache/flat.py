"""Nested values as one flat list in prefix order, so that nothing recurses over what a node made.

``[1, (2, {"a": x})]`` is ``Group(list, 2), 1, Group(tuple, 2), 2, Group(dict, 2), "a", x``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphrun.errors import Uncacheable

MOST_PARTS = 1_000_000  # also how a list that holds itself comes to an end


class Group(NamedTuple):
    """The head of a list, tuple or dict: as many parts follow, which may be groups again."""

    form: type
    size: int


def flatten(value: object, *, sort_keys: bool = False) -> list[object]:
    """Return the heads of all groups and the leaves between them. Raises Uncacheable beyond a million parts.

    Only plain lists, tuples and dicts with text keys are groups: anything else might run code of its own when walked.
    """
    flat: list[object] = []
    pending = [value]
    while pending:
        value = pending.pop()
        parts = _parts(value, sort_keys)
        flat.append(value if parts is None else Group(type(value), len(parts)))
        pending.extend(reversed(parts or ()))
        if len(flat) + len(pending) > MOST_PARTS:
            raise Uncacheable(f"a value has more than {MOST_PARTS} parts, or holds itself")
    return flat


def rebuild(flat: Sequence[object]) -> object:
    """Return the value that `flatten` took apart. Raises ValueError where the counts don't fit."""
    built: list[object] = []
    for part in reversed(flat):
        built.append(_build(part, built) if isinstance(part, Group) else part)
    if len(built) != 1:
        raise ValueError("the parts don't make one value")
    return built[0]


def _parts(value: object, sort_keys: bool) -> list[object] | None:
    if type(value) in (list, tuple):
        return list(value)  # type: ignore[call-overload, no-any-return]
    if type(value) is dict and all(type(key) is str for key in value):
        return [part for item in (sorted(value.items(), key=_key) if sort_keys else value.items()) for part in item]
    return None


def _key(item: tuple[str, object]) -> str:
    return item[0]


def _build(group: Group, built: list[object]) -> object:
    if group.size > len(built):
        raise ValueError("a group is longer than what follows it")
    parts = [built.pop() for _ in range(group.size)]
    return dict(zip(parts[::2], parts[1::2], strict=True)) if group.form is dict else group.form(parts)
