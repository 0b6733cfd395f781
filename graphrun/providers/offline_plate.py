"""Lays out and paints the plate of an offline picture: the word "offline", the prompt, and what else was asked.

Pillow's built-in font has ASCII only, so Latin letters lose their accents; other scripts are shown as boxes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont
else:
    Image = lazy_import("PIL.Image")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageFont = lazy_import("PIL.ImageFont")

_PAPER, _INK, _GREY, _STAMP = (252, 251, 247), (32, 34, 44), (104, 106, 118), (190, 60, 44)
_SMALLEST_PICTURE = 72  # below this edge nothing would be legible
_LONGEST_PROMPT = 2000  # characters that are looked at; more never fit

# What Unicode doesn't take apart by itself.
_IN_ASCII = str.maketrans(
    {
        **{"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ı": "i"},
        **{"ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "ħ": "h", "Ħ": "H"},
        **dict.fromkeys("‘’‚‛‹›′", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        "×": "x",
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Plate:
    """A laid-out plate: lines of text with their fonts and colours, and the box on the picture."""

    box: Box
    padding: int
    lines: tuple[Line, ...]

    def paint(self, picture: Image.Image) -> None:
        """Paint the plate onto an RGB or RGBA picture."""
        left, top, right, bottom = self.box
        paper = Image.new("RGBA", (right - left, bottom - top), _PAPER)
        pen = ImageDraw.Draw(paper)
        y = self.padding
        for line in self.lines:
            pen.text((self.padding, y), line.text, font=line.font, fill=line.colour)
            y += line.height
        paper.putalpha(_rounded(paper.size, self.padding))
        if picture.mode == "RGBA":
            picture.alpha_composite(paper, (left, top))
        else:
            picture.paste(paper, (left, top), paper)


@dataclass(frozen=True)
class Line:
    """One line of text."""

    text: str
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    colour: tuple[int, int, int]
    height: int


def lay_out(size: tuple[int, int], prompt: str, small_print: str, *, anchor: float = 1.0) -> Plate | None:
    """Return the plate for a picture of this size, or None where it would be illegible.

    ``anchor`` 1 puts it at the bottom, 0.5 in the middle. A long prompt is set smaller, then cut with an ellipsis.
    """
    edge = min(size)
    if edge < _SMALLEST_PICTURE:
        return None
    margin, padding = max(3, edge // 28), max(5, edge // 36)
    width = min(size[0] - 2 * margin, round(edge * 1.6))
    room = round(size[1] * 0.42)
    words = in_ascii(" ".join(prompt[:_LONGEST_PROMPT].split()))
    lines = tuple(_lines(edge, width - 2 * padding, room - 2 * padding, words, in_ascii(small_print)))
    height = sum(line.height for line in lines) + 2 * padding
    left = margin if anchor == 1.0 else (size[0] - width) // 2
    top = round((size[1] - height - 2 * margin) * anchor) + margin
    return Plate((left, top, left + width, top + height), padding, lines)


def in_ascii(text: str) -> str:
    """Return the text with Latin letters and typographic marks in ASCII; what has no such form stays as it is."""
    return "".join(map(_folded, text.translate(_IN_ASCII)))


def _folded(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain.isascii() else character


def _lines(edge: int, width: int, height: int, prompt: str, small_print: str) -> Iterator[Line]:
    tiny = max(8, edge // 48)
    head = [replace(line, height=line.height + tiny // 3) for line in _set("offline", tiny + 2, _STAMP, width, 1)]
    foot = _set(small_print, tiny, _GREY, width, 2)
    left_over = height - sum(line.height for line in [*head, *foot]) - tiny // 2
    body = _fitting(prompt, edge, width, left_over)
    yield from head
    yield from body[:-1]
    yield from (replace(line, height=line.height + tiny // 2) for line in body[-1:])
    yield from foot


def _fitting(prompt: str, edge: int, width: int, height: int) -> list[Line]:
    """The prompt in the largest type that fits, from a 25th of the picture's edge down to a 42nd."""
    largest, smallest = max(11, edge // 25), max(9, edge // 42)
    for points in range(largest, smallest, -max(1, (largest - smallest) // 4)):
        lines = _set(prompt, points, _INK, width, 1000)
        if sum(line.height for line in lines) <= height:
            return lines
    return _set(prompt, smallest, _INK, width, max(1, height // _line_height(smallest)))


def _set(text: str, points: int, colour: tuple[int, int, int], width: int, most: int) -> list[Line]:
    """Set text in lines no wider than ``width``; after ``most`` lines the rest is an ellipsis."""
    font = ImageFont.load_default(points)
    wrapped: list[str] = []
    for line in _wrapped(text, font, width):
        if len(wrapped) == most:
            wrapped[-1] = _cut(wrapped[-1], font, width)
            break
        wrapped.append(line)
    return [Line(line, font, colour, _line_height(points)) for line in wrapped]


def _line_height(points: int) -> int:
    return round(points * 1.3)


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        joined = f"{line} {word}".strip()
        if font.getlength(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        *full, line = _broken(word, font, width)
        yield from full
    if line:
        yield line


def _broken(word: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """A word in pieces that fit, as scripts without spaces need."""
    pieces = [""]
    for character in word:
        if pieces[-1] and font.getlength(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _cut(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """An anti-aliased rectangle with round corners as a mask."""
    large = Image.new("L", (size[0] * 2, size[1] * 2), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), 2 * radius, fill=255)
    return large.reduce(2)
