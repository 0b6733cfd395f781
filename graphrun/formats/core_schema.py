"""What a plain YAML scalar means: the core schema of YAML 1.2, not the YAML 1.1 of most Python parsers.

``no``, ``on``, ``12:3``, ``16:9`` and ``2024-01-01`` are text, ``010`` is ten and ``1e3`` a number
(workflow-formats.md, 5.1).
"""

from __future__ import annotations

import re

_CONSTANTS: dict[str, object] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


def plain_scalar(text: str) -> object:
    """Return the null, boolean, number or text that unquoted ``text`` stands for.

    Raises ValueError for a whole number of more digits than Python reads (4300).
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text) or _NAN.fullmatch(text):
        return float(text.replace(".", ""))
    return text
