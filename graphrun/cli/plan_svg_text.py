"""How wide a text is drawn, so that none runs out of its box, whatever font the reader has.

No font is measured: the widths are those of the widest of the common ones (DejaVu Sans, Verdana), in parts of the size.
"""

from __future__ import annotations

import unicodedata

_WIDTHS = {
    character: width
    for characters, width in (
        ("iljI.,:;'|! ", 0.34),
        ('tfrJ()[]{}/\\"`-*', 0.43),
        ("ckszvxyLF_?$^", 0.59),
        ("ABEKPRSTVXYZ", 0.7),
        ("CDGHNOQU&", 0.79),
        ("wM+=<>~#", 0.86),
        ("mW@%", 1.0),
    )
    for character in characters
}
_OTHER = 0.64
_BOLD = 1.13


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text may come out, in pixels."""
    return sum(map(_width, text)) * size * (_BOLD if bold else 1)


def fitted(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return the text, cut off with … where it is wider than ``width`` pixels."""
    room = width / (size * (_BOLD if bold else 1))
    used = 0.0
    end = 0  # how much fits with an ellipsis after it
    for index, character in enumerate(text):
        used += _width(character)
        if used > room:
            return f"{text[:end].rstrip()}…"
        if used + _width("…") <= room:
            end = index + 1
    return text


def wrapped(text: str, first: float, width: float, size: float, most: int) -> list[str]:
    """Return the text on at most ``most`` lines, the first ``first`` and the others ``width`` pixels wide.

    The first is empty where the first word only fits on the second.
    """
    word = text_width(text.partition(" ")[0], size)
    lines = [""] if first < word <= width and most > 1 else []  # a word is not cut where the next line has room for it
    rest = text
    while rest and len(lines) < most - 1:
        line = _line(rest, width if lines else first, size)
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    return [*lines, fitted(rest, width if lines else first, size)] if rest or not lines else lines


def _line(text: str, width: float, size: float) -> str:
    """Return as many words from the start as fit; of a word that is wider than the line, as much as fits."""
    room = width / size
    last_blank = 0
    for index, character in enumerate(text):
        room -= _width(character)
        if room < 0:
            return text[: last_blank or max(index, 1)]
        if character == " ":
            last_blank = index + 1
    return text


def _width(character: str) -> float:
    if character.isascii():
        return _WIDTHS.get(character, _OTHER)
    if ord(character) > 0x1F000 or character in "—…→":
        return 1.4 if ord(character) > 0x1F000 else 1.0
    return 1.08 if unicodedata.east_asian_width(character) in "WF" else 0.75
