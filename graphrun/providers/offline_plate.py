"""Lays out and paints the plate of an offline picture: the word "offline", the prompt, and what else was asked.

Pillow's built-in font has ASCII only, so Latin letters lose their accents; other scripts are shown as boxes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import
from graphrun.providers.offline_landscape import disc
from graphrun.providers.offline_type import Font, Fonts, Line, fits, set_lines

if TYPE_CHECKING:
    from PIL import Image
else:
    Image = lazy_import("PIL.Image")

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
        _paint_paper(picture, self.box, self.padding)
        left, top = self.box[0] + self.padding, self.box[1] + self.padding
        for line in self.lines:
            line.font.paint(picture, (left, top), line.text, line.colour)
            top += line.height


def lay_out(size: tuple[int, int], prompt: str, small_print: str, fonts: Fonts, *, anchor: float = 1.0) -> Plate | None:
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
    within = (width - 2 * padding, room - 2 * padding)
    lines = tuple(_lines(edge, within, words, in_ascii(small_print), fonts))
    height = sum(line.height for line in lines) + 2 * padding
    left = margin if anchor == 1.0 else (size[0] - width) // 2
    top = round((size[1] - height - 2 * margin) * anchor) + margin
    return Plate((left, top, left + width, top + height), padding, lines)


def in_ascii(text: str) -> str:
    """Return the text with Latin letters and typographic marks in ASCII; what has no such form stays as it is."""
    if text.isascii():
        return text
    return "".join(map(_folded, text.translate(_IN_ASCII)))


def _folded(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain.isascii() else character


def _lines(edge: int, within: tuple[int, int], prompt: str, small_print: str, fonts: Fonts) -> Iterator[Line]:
    width, height = within
    tiny = max(8, edge // 48)
    head = set_lines("offline", fonts.of_size(tiny + 2), _STAMP, width, 1)
    head = [replace(line, height=line.height + tiny // 3) for line in head]
    foot = set_lines(small_print, fonts.of_size(tiny), _GREY, width, 2)
    left_over = height - sum(line.height for line in [*head, *foot]) - tiny // 2
    font = _fitting(prompt, edge, width, left_over, fonts)
    body = set_lines(prompt, font, _INK, width, max(1, left_over // font.line_height))
    yield from head
    yield from body[:-1]
    yield from (replace(line, height=line.height + tiny // 2) for line in body[-1:])
    yield from foot


def _fitting(prompt: str, edge: int, width: int, height: int, fonts: Fonts) -> Font:
    """The largest type in which the prompt fits, from a 25th of the picture's edge down to a 42nd."""
    largest, smallest = max(11, edge // 25), max(9, edge // 42)
    larger = map(fonts.of_size, range(largest, smallest, -max(1, (largest - smallest) // 4)))
    fitting = (font for font in larger if fits(prompt, font, width, height // font.line_height))
    return next(fitting, fonts.of_size(smallest))


def _paint_paper(picture: Image.Image, box: Box, radius: int) -> None:
    """Paint a rectangle with round corners, which alone need a mask."""
    left, top, right, bottom = box
    corner = Image.new("RGBA", (2 * radius, 2 * radius), _PAPER)
    corner.putalpha(disc(2 * radius))
    for at in [(x, y) for x in (left, right - 2 * radius) for y in (top, bottom - 2 * radius)]:
        _lay(picture, corner, at)
    picture.paste(_PAPER, (left + radius, top, right - radius, bottom))
    picture.paste(_PAPER, (left, top + radius, right, bottom - radius))


def _lay(picture: Image.Image, piece: Image.Image, at: tuple[int, int]) -> None:
    if picture.mode == "RGBA":
        picture.alpha_composite(piece, at)  # to paste would darken what is blended with nothing
    else:
        picture.paste(piece, at, piece)
