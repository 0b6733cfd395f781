"""The words, numbers and signs of an arithmetic expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<gap>(?:\s|\#[^\n]*)*)(?:
    (?P<float>(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*\.(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+)
    |(?P<int>0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*)
    |(?P<name>[^\W\d]\w*)
    |(?P<text>'[^'\\\n]*'|"[^"\\\n]*")
    |(?P<sign>\*\*|//|<<|>>|<=|>=|==|!=|[-+*/%~<>|^&()\[\],:])
    |(?P<end>$)
    )""",
    re.VERBOSE | re.ASCII,
)
_BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}
_WORDS = {"if", "else", "and", "or", "not", "in"}
_VALUES = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Token:
    """A ``number``, ``text``, ``name``, ``word`` of the grammar, ``sign`` or the ``end``."""

    kind: str
    text: str
    start: int
    value: object = None

    def is_word(self, word: str) -> bool:
        """Whether this is the word of the grammar."""
        return self.kind == "word" and self.text == word

    def is_sign(self, *signs: str) -> bool:
        """Whether this is one of the signs."""
        return self.kind == "sign" and self.text in signs


def tokens_of(expression: str) -> list[Token]:
    """Return the tokens, the last of which is the end; comments are none.

    Raises ValueError at what can't be read, and for a second line that isn't inside brackets: in Python that would be
    another expression.
    """
    return list(_tokens(expression.strip()))


def _tokens(expression: str) -> Iterator[Token]:
    position = depth = 0
    while position <= len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            rest = expression[position:].lstrip()
            start = len(expression) - len(rest)
            raise ValueError(f"the expression has {rest[:1]!r} at character {start + 1}, which can't be read")
        kind = str(found.lastgroup)
        if "\n" in found["gap"] and depth == 0 < position and kind != "end":
            raise ValueError("the expression has several lines: put brackets around one that goes on in the next")
        yield _token(kind, found[kind], found.start(kind))
        depth += _BRACKETS.get(found[kind], 0)
        if kind == "end":
            return
        position = found.end()


def _token(kind: str, text: str, start: int) -> Token:
    match kind:
        case "int":
            return Token("number", text, start, _int(text))
        case "float":
            return Token("number", text, start, float(text))
        case "text":
            return Token("text", text, start, text[1:-1])
        case "name" if text in _VALUES:
            return Token("number", text, start, _VALUES[text])
        case "name" if text in _WORDS:
            return Token("word", text, start)
    return Token(kind, text, start)


def _int(text: str) -> int:
    """Return the number; zeros in front make it no octal. Raises ValueError as Python does."""
    return int(text) if text[:2].isdigit() or len(text) == 1 else int(text, 0)
