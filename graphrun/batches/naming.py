"""Templates: ``{row.COLUMN}``, ``{NODE.INPUT}``, ``{index}``, ``{seed}`` and ``{date}`` in names and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Lookup = Callable[[str], object]
"""Returns what a field stands for, or raises UsageError where there is none of that name."""

_ANY_FIELD = re.compile(r"\{([^{}]*)\}")
_VALUE_FIELD = re.compile(r"\{(row\.[^{}]+|index|seed|date)\}")
_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]+')
_LONGEST_PART = 100  # bytes; a name has room for 255, and a counter and several fields share them


def fields_of_name(template: str) -> Iterator[str]:
    """Yield the fields of a file name's template."""
    return (match[1] for match in _ANY_FIELD.finditer(template))


def fields_of_value(template: object) -> Iterator[str]:
    """Yield the fields of a value. Other braces are text: prompts may hold them."""
    found = _VALUE_FIELD.finditer(template) if isinstance(template, str) else iter(())
    return (match[1] for match in found)


def filled_value(template: object, lookup: Lookup) -> object:
    """Return a value with its fields filled in; one that is nothing but a field keeps the type of what it names."""
    if not isinstance(template, str):
        return template
    if whole := _VALUE_FIELD.fullmatch(template):
        return lookup(whole[1])
    return _VALUE_FIELD.sub(lambda match: str(lookup(match[1])), template)


def filled_name(template: str, lookup: Lookup) -> str:
    """Return a file name below the output folder. Values can't add folders, or leave it: only the template can."""
    filled = _ANY_FIELD.sub(lambda match: _fit_for_a_name(str(lookup(match[1]))), template)
    parts = [part.strip(" ") for part in filled.split("/")]
    return "/".join("_" if part in ("", ".", "..") else part for part in parts)


def _fit_for_a_name(text: str) -> str:
    plain = _UNFIT.sub("_", text).strip(" ._") or "_"
    return plain.encode("utf-8", "replace")[:_LONGEST_PART].decode("utf-8", "ignore").rstrip(" .") or "_"
