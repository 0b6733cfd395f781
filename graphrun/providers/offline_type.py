"""Sets text in the built-in font: measures, breaks into lines, cuts, and keeps what was measured and drawn before.

FreeType takes longer over the letters of a plate than all the rest of a small picture takes, under the interpreter's
lock, and the words of a batch are mostly the same. The font has no kerning: a text is as wide as its characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont
else:
    Image = lazy_import("PIL.Image")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageFont = lazy_import("PIL.ImageFont")

Colour = tuple[int, int, int]

_KEPT_SIZES = 32
_KEPT_WIDTHS = 1000  # of characters, in each size
_KEPT_WORDS = 256  # in each size; a word takes some 4 KB in a picture of a megapixel
_LONGEST_KEPT = 24  # characters: whole lines of scripts without spaces seldom come again


class Fonts:
    """The built-in font in all sizes. Safe to share between threads; one lives as long as a service."""

    def __init__(self) -> None:
        self.of_size: Callable[[int], Font] = lru_cache(_KEPT_SIZES)(Font)


class Font:
    """The built-in font in one size, given in pixels."""

    def __init__(self, points: int) -> None:
        self.line_height = round(points * 1.3)
        self._font = ImageFont.load_default(points)
        self._lock = Lock()  # FreeType's face isn't made for two threads at once
        self._advance = lru_cache(_KEPT_WIDTHS)(self._measured)
        self._kept_shape = lru_cache(_KEPT_WORDS)(self._shape)

    def width(self, text: str) -> float:
        """Return how wide a text is, in pixels."""
        return sum(map(self._advance, text))

    def paint(self, picture: Image.Image, at: tuple[int, int], text: str, colour: Colour) -> None:
        """Paint a line of text onto an RGB or RGBA picture; ``at`` is its upper left corner."""
        left, top = float(at[0]), at[1]
        for word in text.split(" "):
            shape = (self._kept_shape if len(word) <= _LONGEST_KEPT else self._shape)(word)
            picture.paste(colour, (round(left) + shape.left, top + shape.top), shape.mask)
            left += self.width(word) + self.width(" ")

    def _measured(self, character: str) -> float:
        with self._lock:
            return self._font.getlength(character)

    def _shape(self, word: str) -> _Shape:
        margin = self.line_height  # no letter reaches farther out of its place
        space = Image.new("L", (math.ceil(self.width(word)) + 2 * margin, 3 * margin), 0)
        with self._lock:
            ImageDraw.Draw(space).text((margin, margin), word, font=self._font, fill=255)
        box = space.getbbox() or (0, 0, 1, 1)
        return _Shape(box[0] - margin, box[1] - margin, space.crop(box))


@dataclass(frozen=True, slots=True)
class _Shape:
    """A word as a mask, and where that lies from where the word begins."""

    left: int
    top: int
    mask: Image.Image


@dataclass(frozen=True)
class Line:
    """One line of text."""

    text: str
    font: Font
    colour: Colour
    height: int


def set_lines(text: str, font: Font, colour: Colour, width: int, most: int) -> list[Line]:
    """Set text in lines no wider than ``width``; after ``most`` lines the rest is an ellipsis."""
    wrapped = list(islice(_wrapped(text, font, width), most + 1))
    if len(wrapped) > most:
        wrapped[most - 1 :] = [_cut(wrapped[most - 1], font, width)]
    return [Line(line, font, colour, font.line_height) for line in wrapped]


def fits(text: str, font: Font, width: int, most: int) -> bool:
    """Tell whether a text needs no more than ``most`` lines."""
    return len(list(islice(_wrapped(text, font, width), max(0, most) + 1))) <= most


def _wrapped(text: str, font: Font, width: int) -> Iterator[str]:
    line, length, gap = "", 0.0, font.width(" ")
    for word in text.split():
        longer = length + gap + font.width(word)
        if line and longer <= width:
            line, length = f"{line} {word}", longer
            continue
        if line:
            yield line
        *full, line = _broken(word, font, width)
        length = font.width(line)
        yield from full
    if line:
        yield line


def _broken(word: str, font: Font, width: int) -> Iterator[str]:
    """A word in pieces that fit, as scripts without spaces need."""
    start, length = 0, 0.0
    for index, character in enumerate(word):
        length += font.width(character)
        if length > width and index > start:
            yield word[start:index]
            start, length = index, font.width(character)
    yield word[start:]


def _cut(line: str, font: Font, width: int) -> str:
    while line and font.width(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip()}…"
