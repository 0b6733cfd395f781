"""How a value is written in YAML so that every reader takes it for what it is (workflow-formats.md, 5.1).

Our own reader follows YAML 1.2, others follow 1.1, where ``no``, ``12:3`` and ``2024-01-01`` are no texts: what any of
them could read differently is quoted. Characters that can't be seen are written as escapes.
"""

from __future__ import annotations

import json
import re

LONGEST_COMMENT = 100

_PLAIN_TEXT = re.compile(r"[^\W\d_](?:[\w ,.'\"()/%+*=&@!?;<>|~^-]|:(?=\S))*(?<! )")
_PLAIN_KEY = re.compile(r"[^\W\d_][\w.-]*")
_PLAIN_LINK = re.compile(r"\$[\w.-]+", re.ASCII)
_OTHERWISE_READ = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})

# What YAML's readers refuse or take for a line end, and what turns the direction of text or has no shape.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UNSEEN_IN_A_BLOCK = re.compile(rf"(?!\n){_UNSEEN.pattern}")


def scalar_text(text: str) -> str:
    """Return a text on one line, in quotes where it needs them."""
    if _PLAIN_TEXT.fullmatch(text) and text.casefold() not in _OTHERWISE_READ:
        return text
    return flow(text)


def key_text(text: str) -> str:
    """Return a key, in quotes where it needs them: ``"12:3"`` is a number to base 60 elsewhere."""
    return text if _PLAIN_KEY.fullmatch(text) and text.casefold() not in _OTHERWISE_READ else flow(text)


def link_text(text: str) -> str:
    """Return a ``$id.slot``."""
    return text if _PLAIN_LINK.fullmatch(text) else flow(text)


def flow(value: object) -> str:
    """Return any JSON value on one line. Raises ValueError, TypeError or RecursionError for what is none.

    JSON is YAML but for characters that YAML wants escaped; outside of texts there are only visible ones.
    """
    return _UNSEEN.sub(_escape, json.dumps(value, ensure_ascii=False, allow_nan=False))


def block_lines(text: str) -> list[str] | None:
    """Return a text of several lines as a literal block: its header, then its lines; None where that would alter it.

    A blank at the start or end of a line, or a line end too many, is lost on the way through many editors.
    """
    lines = text.removesuffix("\n").split("\n")
    faithful = all(line.strip() == line and not _UNSEEN_IN_A_BLOCK.search(line) for line in lines)
    if len(lines) < 2 or not faithful or not lines[0] or not lines[-1]:
        return None
    return ["|" if text.endswith("\n") else "|-", *lines]


def comment(text: str) -> str:
    """Return a comment on one line, shortened. Its text may come from a file, so it must not end the comment."""
    visible = _UNSEEN.sub(_escape, " ".join(text.split()))
    return f"# {visible if len(visible) <= LONGEST_COMMENT else visible[: LONGEST_COMMENT - 1] + '…'}"


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
