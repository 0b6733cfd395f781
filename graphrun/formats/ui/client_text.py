"""What the editor does to texts when it makes a prompt (workflow-formats.md, 3.7; image-mask-nodes.md, 1.8)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PIECE = re.compile(r"\\[{}|]|[{}|]|[^\\{}|]+|\\", re.DOTALL)
_TOKEN = re.compile(r"%([^%]+)%")
_DATE_PART = re.compile(r"yyyy|yy|dd?|MM?|hh?|mm?|ss?")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')

Lookup = Callable[[str, str], object]
"""Returns the value of a node's widget, by the names of both; None where there is none."""


def dynamic_prompt(text: str) -> str:
    """Return a prompt without comments, and of each ``{a|b|c}`` one alternative; ``\\{``, ``\\|`` and ``\\}`` stay.

    The editor draws anew each time. Here the text itself is the seed, so that a file loads the same twice and its
    results can be found again.
    """
    draw = random.Random(text)
    open_groups: list[list[str]] = [[""]]
    for piece in _PIECE.findall(_COMMENT.sub("", text)):
        inside = len(open_groups) > 1
        if piece == "{":
            open_groups.append([""])
        elif piece == "|" and inside:
            open_groups[-1].append("")
        elif piece == "}" and inside:
            chosen = draw.choice(open_groups.pop())
            open_groups[-1][-1] += chosen
        else:
            open_groups[-1][-1] += piece[1:] if len(piece) == 2 and piece[0] == "\\" else piece
    return "{".join("|".join(options) for options in open_groups)


def saved_name(text: str, now: datetime, lookup: Lookup) -> str:
    """Return a file name with ``%date:yyyy-MM-dd%`` and ``%Node.widget%`` filled in; anything else stays."""

    def filled(token: re.Match[str]) -> str:
        content = token[1]
        if content.startswith("date:"):
            return _DATE_PART.sub(lambda part: _date_part(part[0], now), content.removeprefix("date:"))
        return widget_text(token[0], content, lookup)

    return _TOKEN.sub(filled, text)


def with_widget_texts(text: str, lookup: Lookup) -> str:
    """Return a text with ``%Node.widget%`` filled in."""
    return _TOKEN.sub(lambda token: widget_text(token[0], token[1], lookup), text)


def widget_text(token: str, content: str, lookup: Lookup) -> str:
    """Return what stands for ``Node.widget``, fit for a file name; the token itself where there is no such widget."""
    node, dot, widget = content.partition(".")
    value = lookup(node, widget) if dot and "." not in widget else None
    if not isinstance(value, str | int | float):
        return token
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _UNSAFE.sub("_", text)


def _date_part(part: str, now: datetime) -> str:
    numbers = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}
    if part[0] == "y":
        return f"{now.year:04d}"[-len(part) :]
    return f"{numbers[part[0]]:0{len(part)}d}"
