"""What a literal may become, one table (DESIGN, 5).

INT ← int, integral float, decimal string · FLOAT ← int, float, numeric string, never NaN or infinity ·
STRING ← string, number · BOOLEAN ← bool, 0/1, "true"/"false" · COMBO ← an equal option. Anything else, and null, is
an error that names the value. Unions are not converted; types of packs we don't know keep what was written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from graphrun.kernel.node_types import Input
from graphrun.kernel.workflow import BoundFile, did_you_mean

_DECIMAL = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LINK_ONLY = {"IMAGE", "MASK", "LATENT", "MODEL", "CLIP", "VAE", "CONDITIONING"}
# JavaScript can't write integers above 2^53 exactly: 2^64-1 arrives as 18446744073709552000 (workflow-formats.md, 6).
_JAVASCRIPT_EXCESS = 2049


class Rejected(Exception):
    """A literal that doesn't fit its input. ``type`` is an error code."""

    def __init__(self, type: str, message: str) -> None:
        self.type = type
        super().__init__(message)


def convert(declared: Input, value: object, *, quoted_text: bool = False) -> object:
    """Return the literal as the function wants it. Raises Rejected.

    ``quoted_text``: the file tells text from numbers by quotes, so a number is no STRING there.
    """
    if isinstance(value, BoundFile):
        return _bound(declared, value)
    if declared.options is not None:
        return _option(declared, value)
    converted = _typed(declared, value, quoted_text)
    return _in_range(declared, converted) if isinstance(converted, int | float) else converted


def shown(value: object) -> str:
    """Return a value as an error message shows it: short."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a deeply nested {type(value).__name__}"
    except ValueError:  # Python writes no int of more than 4300 digits
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _typed(declared: Input, value: object, quoted_text: bool) -> object:
    if value is None:
        raise Rejected("invalid_input_type", f"null is no {declared.type}: give a value, or leave the input out")
    if declared.type == "STRING" and quoted_text and not isinstance(value, str):
        raise Rejected("invalid_input_type", f"{shown(value)} is no text here: quote it")
    if declared.type in _LINK_ONLY:
        raise Rejected("invalid_input_type", f"{shown(value)} is no {declared.type}: link it to a node that gives one")
    if "," in declared.type:
        return _member_of_union(declared, value)
    reader = _READERS.get(declared.type)
    return reader(value) if reader else value


def _bound(declared: Input, value: BoundFile) -> BoundFile:
    if not declared.widget.file:
        raise Rejected("invalid_input_type", f"takes no file, so {value.name!r} can't be bound to it")
    return value


def _option(declared: Input, value: object) -> object:
    options = declared.options or ()
    for option in options:
        if type(option) is type(value) and option == value:
            return option
    known = ", ".join(map(shown, options)) if len(options) <= 20 else f"list of {len(options)} options"
    hint = did_you_mean(value, map(str, options)) if isinstance(value, str) else ""
    raise Rejected("value_not_in_list", f"{shown(value)} is not one of {known}{hint}")


def _int(value: object) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if _DECIMAL.fullmatch(value.strip()):
            return int(value)
    raise Rejected("invalid_input_type", f"{shown(value)} is no INT: write a whole number")


def _float(value: object) -> float:
    written = isinstance(value, str) and _NUMERIC.fullmatch(value.strip())
    if written or (isinstance(value, int | float) and not isinstance(value, bool)):
        with suppress(OverflowError):
            number = float(cast(float | str, value))
            if math.isfinite(number):
                return number
    raise Rejected("invalid_input_type", f"{shown(value)} is no FLOAT: write a finite number")


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(ValueError):  # an int of more than 4300 digits
            return str(value)
    raise Rejected("invalid_input_type", f"{shown(value)} is no STRING: write text in quotes")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | str) and value in (0, 1, "true", "false"):
        return value in (1, "true")
    raise Rejected("invalid_input_type", f"{shown(value)} is no BOOLEAN: write true or false")


_READERS: dict[str, Callable[[object], object]] = {
    "INT": _int,
    "FLOAT": _float,
    "STRING": _string,
    "BOOLEAN": _boolean,
}


def _member_of_union(declared: Input, value: object) -> object:
    """Return a value that some member of a union takes as written; members of types we don't know take anything."""
    members = [member.strip() for member in declared.type.split(",")]
    if any(_takes(member, value) for member in members):
        return value
    raise Rejected("invalid_input_type", f"{shown(value)} is none of {', '.join(members)}")


def _takes(member: str, value: object) -> bool:
    match member:
        case "BOOLEAN":
            return isinstance(value, bool)
        case "INT":
            return isinstance(value, int) and not isinstance(value, bool)
        case "FLOAT":
            return _takes("INT", value) or (isinstance(value, float) and math.isfinite(value))
        case "STRING":
            return isinstance(value, str)
    return member not in _LINK_ONLY


def _in_range(declared: Input, value: float) -> float:
    least, most = declared.minimum, declared.maximum
    if least is not None and value < least:
        raise Rejected("value_smaller_than_min", f"{shown(value)} is smaller than the least allowed, {least}")
    if most is not None and value > most:
        if declared.type == "INT" and most >= 2**53 and value - most < _JAVASCRIPT_EXCESS:
            return int(most)
        raise Rejected("value_bigger_than_max", f"{shown(value)} is bigger than the most allowed, {most}")
    return value
