"""Reads single values of a document that may hold anything: ids, numbers of slots, lists, names of types."""

from __future__ import annotations

import re
from collections.abc import Mapping

ANY = "*"
"""The type of a slot that takes anything."""

LONGEST_ID = 500
"""How long an id may be: those of nested subgraphs are strung together."""


def identity(value: object) -> str | None:
    """Return an id as text: ``5``, ``5.0`` and ``"5"`` are one; None for what is no id."""
    match value:
        case bool():
            return None
        case str():
            return value if len(value) <= LONGEST_ID else None
        case int():
            return _digits(value)
        case float() if value.is_integer():
            return _digits(int(value))
    return None


def whole(value: object, default: int = -1) -> int:
    """Return a number of a slot or a mode; ``default`` for what is none."""
    text = identity(value)
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,9}", text) else default


def as_list(value: object) -> list[object]:
    """Return a list as it is, the values of an array-like object in order, and nothing for anything else."""
    if isinstance(value, Mapping) and isinstance(value.get("length"), int):
        return [value[str(index)] for index in range(min(value["length"], len(value))) if str(index) in value]
    return value if isinstance(value, list) else []


def as_mapping(value: object) -> Mapping[str, object]:
    """Return an object as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def text_or_none(value: object) -> str | None:
    """Return text that isn't empty."""
    return value if isinstance(value, str) and value else None


def type_name(value: object) -> str:
    """Return a slot's type. Old packs wrote a combo's options for it, or -1 and 0 for any."""
    if isinstance(value, list):
        return "COMBO"
    return value if isinstance(value, str) and value else ANY


def _digits(number: int) -> str | None:
    return str(number) if number.bit_length() <= 3 * LONGEST_ID else None
