"""What an input's value in a file means: a literal, a link, or nothing that can be used.

Every list is a link of two items unless it is wrapped (``{"__value__": [...]}``), as ComfyUI has it
(workflow-formats.md, 1.1). What fits neither becomes a Misread that says how to write it: a literal is never guessed.
YAML adds links by output name and ``$id.slot`` (section 5).
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Container, Mapping

from graphrun.kernel.workflow import Link, Misread

MAX_DEPTH = 64
"""How deep lists and objects may be nested in one input's value."""

SlotReader = Callable[[object, bool], int | str | None]
"""Reads the second item of a link, knowing whether the first is the id of a node; None if it is no slot."""

_NUMBER = re.compile(r"-?[0-9]{1,9}")


class TooDeepError(Exception):
    """A value is nested deeper than MAX_DEPTH."""


def read_json_value(value: object, ids: Container[str]) -> object:
    """Read a value of the API format. ``ids`` are all nodes of the file. Raises TooDeepError."""
    if (number := first_non_finite(value)) is not None:
        return Misread(value, "invalid_input_type", f"{number} is not a number a node can take; write a finite one")
    if isinstance(value, list | tuple):  # a program may write a link as a tuple
        return _linked(list(value), _slot_number, ids)
    if isinstance(value, Mapping) and "__value__" in value:
        return value["__value__"]
    return value


def read_yaml_value(value: object, ids: Container[str]) -> object:
    """Read a value of the YAML form, where slots may be named and ``$id.slot`` is a link. Raises TooDeepError."""
    if isinstance(value, str):
        return _dollar_text(value, ids) if value.startswith("$") else value
    if isinstance(value, list) and first_non_finite(value) is None:
        return _linked(value, _slot_name_or_number, ids)
    return read_json_value(value, ids)


def first_non_finite(value: object) -> float | None:
    """Return the first NaN or infinity in a value, or None. Raises TooDeepError.

    Level by level: no recursion, and each item is seen once.
    """
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        for item in level:
            if isinstance(item, float) and not math.isfinite(item):
                return item
        level = [
            child
            for item in level
            if isinstance(item, list | dict)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return None
    raise TooDeepError


def _linked(items: list[object], read_slot: SlotReader, ids: Container[str]) -> Link | Misread:
    if len(items) == 2:
        node_id = _node_id(items[0])
        slot = None if node_id is None else read_slot(items[1], node_id in ids)
        if node_id is not None and slot is not None:
            return Link(node_id, slot)
    return Misread(
        items,
        "bad_linked_input",
        f"{reprlib.repr(items)} is no link: a list must be [node id, output number]; "
        'write a list that is meant as a value as {"__value__": [...]}',
    )


def _node_id(item: object) -> str | None:
    """Ids are text; a bare number is forgiven, though ComfyUI itself would not find it."""
    if isinstance(item, str):
        return item
    return str(item) if isinstance(item, int) and not isinstance(item, bool) else None


def _slot_number(item: object, known: bool) -> int | None:
    """``0.0`` and ``"0"`` count only after the id of a node: two numbers or two texts may be meant as a value."""
    match item:
        case bool():
            return None
        case int():
            return item
        case float() if known and item.is_integer():
            return int(item)
        case str() if known and _NUMBER.fullmatch(item):
            return int(item)
    return None


def _slot_name_or_number(item: object, known: bool) -> int | str | None:
    if isinstance(item, str) and item:
        return _slot_in_text(item)
    return _slot_number(item, known)


def _slot_in_text(text: str) -> int | str:
    return int(text) if _NUMBER.fullmatch(text) else text


def _dollar_text(text: str, ids: Container[str]) -> object:
    """``$id.slot``, cut at the last dot, or ``$id`` for its first output; ``$$`` starts a text with one ``$``."""
    if text.startswith("$$"):
        return text[1:]
    node_id, _, slot = text[1:].rpartition(".")
    if node_id in ids and slot:
        return Link(node_id, _slot_in_text(slot))
    if text[1:] in ids:
        return Link(text[1:], 0)
    return Misread(
        text,
        "missing_link_source",
        f"{reprlib.repr(text)} names no node of this workflow ($id, $id.0 or $id.NAME); "
        "write a text that starts with $ as $$…",
    )
