"""Paints the landscapes of offline pictures: a sky with its sun, misty ridges, and in every third picture a lake.

Cheap, since a batch draws thousands: a thing is painted no lower than the next one in front of it is seen to cover it,
gradients are made one pixel wide and spread out, and only edges are drawn finer than they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    from PIL import Image, ImageChops, ImageDraw, ImageOps
else:
    Image = lazy_import("PIL.Image")
    ImageChops = lazy_import("PIL.ImageChops")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageOps = lazy_import("PIL.ImageOps")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a landscape, from the top of the sky down to the nearest ridge."""

    zenith: Colour
    horizon: Colour
    sun: Colour
    far: Colour
    near: Colour


_PALETTES = (
    Palette((38, 70, 122), (250, 190, 140), (255, 236, 190), (176, 140, 160), (34, 38, 66)),  # dusk
    Palette((96, 165, 214), (240, 244, 228), (255, 252, 228), (158, 190, 196), (32, 82, 78)),  # morning
    Palette((12, 18, 46), (84, 92, 150), (236, 238, 250), (70, 80, 130), (10, 14, 34)),  # moonlight
    Palette((222, 92, 78), (255, 214, 138), (255, 246, 204), (214, 130, 104), (74, 28, 52)),  # desert
    Palette((122, 198, 188), (255, 240, 214), (255, 255, 240), (150, 196, 170), (30, 92, 70)),  # spring
    Palette((88, 56, 120), (246, 150, 160), (255, 224, 200), (156, 104, 158), (38, 22, 62)),  # violet
    Palette((146, 168, 190), (236, 236, 236), (255, 255, 255), (176, 190, 202), (58, 74, 92)),  # fog
    Palette((20, 84, 110), (250, 214, 120), (255, 250, 220), (110, 160, 150), (12, 50, 62)),  # lagoon
)

# A sky has no edges: its pixels may be squares of a few, while a picture has no more of them than this along an edge.
_FINEST_SKY = 640

# Ridges are painted in panels of so many columns. In a narrow one a line rises and falls less, so fewer rows need the
# costly mask; narrower still, and the calls cost more than they save.
_PANEL = 256


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands, in pixels."""

    x: int
    y: int
    radius: int


@dataclass(frozen=True, slots=True)
class Ridge:
    """One ridge, filled from its line down.

    The line goes through a point every ``step`` columns, the first in column ``start``; ``line`` has their rows.
    ``colours`` is a picture one pixel wide: the colours from the row ``top``, above the line, to the shore.
    """

    start: int
    step: int
    line: tuple[float, ...]
    top: int
    colours: Image.Image

    @property
    def highest(self) -> int:
        """The row in which the ridge begins."""
        return max(0, math.floor(min(self.line)))

    @property
    def covers_from(self) -> int:
        """The row from which on nothing behind the ridge is seen."""
        return max(0, math.ceil(max(self.line)))

    def between(self, left: int, right: int) -> Ridge:
        """Return the part of a whole ridge that is seen from column ``left``, which becomes 0, to ``right``."""
        first, last = left // self.step, math.ceil(right / self.step)
        return replace(self, start=first * self.step - left, line=self.line[first : last + 1])


def landscape(size: tuple[int, int], seed: str) -> Image.Image:
    """Return a new RGB picture. The seed decides all of it."""
    random = Random(seed)
    palette = random.choice(_PALETTES)
    lake = random.random() < 0.35
    shore = max(1, round(size[1] * random.uniform(0.6, 0.68))) if lake else size[1]
    sun = _sun((size[0], shore), random)
    ridges = tuple(_ridges((size[0], shore), palette, random))
    picture = Image.new("RGB", size)
    _paint_sky(picture, shore, ridges[0].covers_from, sun, palette)
    for left in range(0, size[0], _PANEL):
        panel = (left, min(left + _PANEL, size[0]))
        _paint_ridges(picture, panel, shore, [ridge.between(*panel) for ridge in ridges])
    if shore < size[1]:
        _paint_water(picture, shore, palette.near)
    return picture


def disc(diameter: int) -> Image.Image:
    """An anti-aliased disc as a mask."""
    finer = 4 if diameter <= 512 else 2
    large = Image.new("L", (diameter * finer, diameter * finer), 0)
    ImageDraw.Draw(large).ellipse((0, 0, large.width - 1, large.height - 1), fill=255)
    return large.reduce(finer)


# ── what stands where ──────────────────────────────────────────────────────────────────────────────────────────


def _sun(land: tuple[int, int], random: Random) -> Sun:
    width, height = land
    radius = round(min(land) * random.uniform(0.07, 0.12)) + 1
    return Sun(round(width * random.uniform(0.2, 0.8)), round(height * random.uniform(0.18, 0.42)), radius)


def _ridges(land: tuple[int, int], palette: Palette, random: Random) -> Iterator[Ridge]:
    """Yield ridges from far to near: each darker, lower and steeper, with mist at its foot."""
    count = random.randint(4, 6)
    rough = random.uniform(0.5, 1.0)
    for index in range(count):
        nearness = index / (count - 1)
        colour = _between(palette.far, palette.near, nearness)
        mist = _between(colour, palette.horizon, 0.45 * (1 - nearness) + 0.12)
        crest = land[1] * (0.46 + 0.4 * nearness)
        swing = land[1] * (0.07 + 0.05 * nearness) * rough
        step = max(6, land[0] // 160)  # finer would not be seen
        line = _line(land[0], step, crest, swing, random)
        top = math.floor(crest - 2.2 * swing)  # all waves together rise no higher
        yield Ridge(0, step, line, top, _gradient(land[1] - top, colour, mist))


def _line(width: int, step: int, crest: float, swing: float, random: Random) -> tuple[float, ...]:
    """A sum of waves, each shorter and lower than the one before."""
    turns = [math.tau * column / width for column in range(0, width + step, step)]
    line = [crest] * len(turns)
    for k in range(5):
        frequency, phase, height = 2**k * random.uniform(0.7, 1.4), random.uniform(0, math.tau), swing * 0.55**k
        wave = [height * math.sin(frequency * turn + phase) for turn in turns]
        line = [row - rise for row, rise in zip(line, wave, strict=True)]
    return tuple(line)


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


# ── paint ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _paint_sky(picture: Image.Image, shore: int, bottom: int, sun: Sun, palette: Palette) -> None:
    """Paint the sky down to the row ``bottom``, and the sun."""
    coarse = math.ceil(max(picture.size) / _FINEST_SKY)
    size = (math.ceil(picture.width / coarse), math.ceil(min(bottom, shore) / coarse))
    sky = _spread(_gradient(math.ceil(shore / coarse), palette.zenith, palette.horizon), size, 0)
    reach = max(1, 5 * sun.radius // coarse)
    light = Image.new("RGB", (2 * reach, 2 * reach), palette.sun)
    sky.paste(light, (sun.x // coarse - reach, sun.y // coarse - reach), _glow(2 * reach))
    picture.paste(sky.resize((size[0] * coarse, size[1] * coarse), Image.Resampling.NEAREST), (0, 0))
    picture.paste(palette.sun, (sun.x - sun.radius, sun.y - sun.radius), disc(2 * sun.radius))


def _glow(diameter: int) -> Image.Image:
    """A mask that falls off from the middle as a bell does: that is a bell across, multiplied with one down."""
    bell = bytes(round(171 * math.exp(-4.8 * (x / 32 - 1) ** 2)) for x in range(65))
    column = Image.frombytes("L", (1, len(bell)), bell).resize((1, diameter), Image.Resampling.BILINEAR)
    row = column.transpose(Image.Transpose.TRANSPOSE)
    size = (diameter, diameter)
    return ImageChops.multiply(
        column.resize(size, Image.Resampling.NEAREST), row.resize(size, Image.Resampling.NEAREST)
    )


def _paint_ridges(picture: Image.Image, panel: tuple[int, int], shore: int, ridges: Sequence[Ridge]) -> None:
    """Paint the ridges between two columns, each as far down as it is seen: with its outline, then in full width."""
    left, right = panel
    bottoms = [*(nearer.covers_from for nearer in ridges[1:]), shore]
    for ridge, bottom in zip(ridges, bottoms, strict=True):
        start, stop = ridge.highest, min(bottom, shore)
        full = min(ridge.covers_from, stop)
        if start < full:
            size = (right - left, full - start)
            picture.paste(_spread(ridge.colours, size, start - ridge.top), (left, start), _outline(ridge, size, start))
        if full < stop:
            size = (right - left, stop - full)
            picture.paste(_spread(ridge.colours, size, full - ridge.top), (left, full))


def _outline(ridge: Ridge, size: tuple[int, int], start: int) -> Image.Image:
    """A mask, anti-aliased, of what is below a ridge's line in the rows from ``start`` on."""
    width, height = 2 * size[0], 2 * size[1]
    mask = Image.new("L", (width, height), 0)
    line = [(2 * (ridge.start + index * ridge.step), 2 * (row - start)) for index, row in enumerate(ridge.line)]
    ImageDraw.Draw(mask).polygon([(0, height), *line, (width, height)], fill=255)
    return mask.reduce(2)


def _gradient(height: int, top: Colour, bottom: Colour) -> Image.Image:
    """A picture one pixel wide that goes evenly from one colour to the other."""
    ends = Image.new("RGB", (1, 2), top)
    ends.putpixel((0, 1), bottom)
    return ends.resize((1, height), Image.Resampling.BILINEAR, (0, 0.5, 1, 1.5))  # from middle to middle


def _spread(column: Image.Image, size: tuple[int, int], start: int) -> Image.Image:
    """As many rows of a column as ``size`` has, from ``start`` on, in its width."""
    return column.resize(size, Image.Resampling.NEAREST, (0, start, 1, start + size[1]))


def _paint_water(picture: Image.Image, shore: int, tint: Colour) -> None:
    """Mirror the land in a lake below it, dimmed, and blurred sideways a little as water does."""
    width, depth = picture.width, picture.height - shore
    land = ImageOps.flip(picture.crop((0, shore - depth, width, shore)))
    narrow = land.reduce((math.ceil(width / 200), 1))  # to enlarge it again is the blur
    dimmed = Image.blend(narrow, Image.new("RGB", narrow.size, tint), 0.28)
    picture.paste(dimmed.resize((width, depth), Image.Resampling.BILINEAR), (0, shore))
