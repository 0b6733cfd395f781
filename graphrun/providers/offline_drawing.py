"""Draws the offline service's pictures: a landscape nobody painted, and a plate that says what was asked.

Deterministic: the same `Scene` gives the same pixels, another seed another landscape. With Pillow alone, so that a
run without tensors stays one. Raise `DRAWING_VERSION` when the pixels change: results are cached by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import
from graphrun.providers.offline_plate import Plate, lay_out

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFilter, ImageOps
else:
    Image = lazy_import("PIL.Image")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageFilter = lazy_import("PIL.ImageFilter")
    ImageOps = lazy_import("PIL.ImageOps")

DRAWING_VERSION = 1

# Landscapes are soft: above this edge they are drawn small and enlarged, which keeps a 4K picture under a second.
_LONGEST_DRAWN = 1280

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """What to draw. ``seed`` decides the landscape; the texts are written on the plate."""

    size: tuple[int, int]
    prompt: str
    small_print: str
    seed: str
    transparent: bool = False


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


def draw(scene: Scene) -> Image.Image:
    """Return a new picture: RGB, or RGBA with nothing around a round vignette where it is to be transparent."""
    plate = lay_out(scene.size, scene.prompt, scene.small_print)
    above = plate.box[1] if plate else scene.size[1]
    picture = _vignette(scene, above) if scene.transparent else _landscape(scene.size, Random(scene.seed))
    return _with_plate(picture, plate)


def draw_inside(scene: Scene, picture: Image.Image, selection: Image.Image) -> Image.Image:
    """Return ``picture`` with a drawing where ``selection`` (L, 0 or 255) is 255. All other pixels stay as they are."""
    box = selection.getbbox()
    if box is None:
        return picture.copy()
    size = (box[2] - box[0], box[3] - box[1])
    inner = _vignette(replace(scene, size=size)) if scene.transparent else _landscape(size, Random(scene.seed))
    inner = _with_plate(inner, lay_out(size, scene.prompt, scene.small_print, anchor=0.5))
    result = picture.convert("RGBA") if scene.transparent else picture.copy()
    result.paste(inner.convert(result.mode), box[:2], selection.crop(box))
    return result


def draw_around(scene: Scene, references: Sequence[Image.Image]) -> Image.Image:
    """Return a picture in which the references hang as framed prints before the landscape."""
    blank = Image.new("RGBA", scene.size, (0, 0, 0, 0))
    picture = blank if scene.transparent else _landscape(scene.size, Random(scene.seed))
    plate = lay_out(scene.size, scene.prompt, scene.small_print)
    for reference, cell in zip(references, _cells(scene.size, plate, references), strict=True):
        _hang(picture, reference, cell)
    return _with_plate(picture, plate)


def _with_plate(picture: Image.Image, plate: Plate | None) -> Image.Image:
    if plate is not None:
        plate.paint(picture)
    return picture


# ── the landscape ──────────────────────────────────────────────────────────────────────────────────────────────


def _landscape(size: tuple[int, int], random: Random) -> Image.Image:
    """Return sky, sun and misty ridges, and below them in every third picture a lake."""
    scale = min(1.0, _LONGEST_DRAWN / max(size))
    width, height = (max(2, round(edge * scale)) for edge in size)
    palette = random.choice(_PALETTES)
    lake = random.random() < 0.35
    shore = round(height * random.uniform(0.6, 0.68)) if lake else height
    land = _gradient((width, max(1, shore)), palette.zenith, palette.horizon)
    _draw_sun(land, palette, random)
    _draw_ridges(land, palette, random)
    picture = _above_water(land, (width, height), palette) if lake else land
    return picture if scale == 1.0 else picture.resize(size, Image.Resampling.BICUBIC)


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    return ImageOps.colorize(Image.linear_gradient("L").resize(size), top, bottom)


def _draw_sun(land: Image.Image, palette: Palette, random: Random) -> None:
    width, height = land.size
    radius = round(min(land.size) * random.uniform(0.07, 0.12)) + 1
    x, y = round(width * random.uniform(0.2, 0.8)), round(height * random.uniform(0.18, 0.42))
    reach = radius * 5
    # Pillow's gradient is 0 in the middle, 181 at the sides and 255 in the corners.
    glow = (
        Image.radial_gradient("L")
        .resize((2 * reach, 2 * reach))
        .point([max(0, 181 - v) ** 2 // 220 for v in range(256)])
    )
    land.paste(palette.sun, (x - reach, y - reach), glow)
    disc = _ellipse((2 * radius, 2 * radius))
    land.paste(palette.sun, (x - radius, y - radius), disc)


def _ellipse(size: tuple[int, int]) -> Image.Image:
    """An anti-aliased filled ellipse as a mask."""
    finer = 4 if max(size) <= 1024 else 2
    large = Image.new("L", (size[0] * finer, size[1] * finer), 0)
    ImageDraw.Draw(large).ellipse((0, 0, large.width - 1, large.height - 1), fill=255)
    return large.reduce(finer)


def _draw_ridges(land: Image.Image, palette: Palette, random: Random) -> None:
    """Paint ridges from far to near: each darker, lower and steeper, with mist at its foot."""
    width, height = land.size
    count = random.randint(4, 6)
    rough = random.uniform(0.5, 1.0)
    for index in range(count):
        nearness = index / (count - 1)
        colour = _between(palette.far, palette.near, nearness)
        mist = _between(colour, palette.horizon, 0.45 * (1 - nearness) + 0.12)
        crest = height * (0.46 + 0.4 * nearness)
        swing = height * (0.07 + 0.05 * nearness) * rough
        mask = _ridge(land.size, crest, swing, random)
        top = max(0, math.floor(crest - 2 * swing))
        body = _gradient((width, height - top), colour, mist)
        land.paste(body, (0, top), mask.crop((0, top, width, height)))


def _ridge(size: tuple[int, int], crest: float, swing: float, random: Random) -> Image.Image:
    """A mask filled below a line that is a sum of waves, each shorter and lower than the one before."""
    width, height = size
    waves = [(2**k * random.uniform(0.7, 1.4), random.uniform(0, math.tau), 0.55**k) for k in range(5)]
    line = [
        (2 * x, 2 * (crest - swing * sum(a * math.sin(math.tau * f * x / width + phase) for f, phase, a in waves)))
        for x in range(0, width + 6, 6)
    ]
    mask = Image.new("L", (2 * width, 2 * height), 0)
    ImageDraw.Draw(mask).polygon([(0, 2 * height), *line, (2 * width, 2 * height)], fill=255)
    return mask.reduce(2)


def _above_water(land: Image.Image, size: tuple[int, int], palette: Palette) -> Image.Image:
    """Mirror the land in a lake below it, dimmed and blurred a little as water does."""
    width, height = size
    depth = height - land.height
    mirrored = ImageOps.flip(land).resize((width, land.height)).crop((0, 0, width, depth))
    water = Image.blend(mirrored, Image.new("RGB", mirrored.size, palette.near), 0.28)
    picture = Image.new("RGB", size)
    picture.paste(land, (0, 0))
    picture.paste(water.filter(ImageFilter.BoxBlur((max(1, width // 200), 0))), (0, land.height))
    return picture


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _vignette(scene: Scene, above: int | None = None) -> Image.Image:
    """Return a round landscape with nothing around it, in the middle of what is ``above`` the plate if it fits."""
    width, height = scene.size
    side = max(2, round(min(scene.size) * 0.94))
    top = max((min(scene.size) - side) // 2, ((above or height) - side) // 2)
    medallion = _landscape((side, side), Random(scene.seed)).convert("RGBA")
    medallion.putalpha(_ellipse((side, side)))
    picture = Image.new("RGBA", scene.size, (0, 0, 0, 0))
    picture.paste(medallion, ((width - side) // 2, top))
    return picture


# ── references ─────────────────────────────────────────────────────────────────────────────────────────────────


def _cells(size: tuple[int, int], plate: Plate | None, references: Sequence[Image.Image]) -> list[Box]:
    """One cell per reference, in the grid that shows an average one largest, above the plate."""
    width, height = size[0], plate.box[1] if plate else size[1]
    count = len(references)
    aspect = sum(reference.width / reference.height for reference in references) / count
    columns = max(range(1, count + 1), key=lambda n: min(width / n, height / math.ceil(count / n) * aspect))
    rows = math.ceil(count / columns)
    return [
        (
            width * (index % columns) // columns,
            height * (index // columns) // rows,
            width * (index % columns + 1) // columns,
            height * (index // columns + 1) // rows,
        )
        for index in range(count)
    ]


def _hang(picture: Image.Image, reference: Image.Image, cell: Box) -> None:
    """Hang a reference in its cell: a print with a white border and a soft shadow."""
    left, top, right, bottom = cell
    room = (max(1, round((right - left) * 0.84)), max(1, round((bottom - top) * 0.84)))
    frame = max(1, min(room) // 40)
    inner = (max(1, room[0] - 2 * frame), max(1, room[1] - 2 * frame))
    copy = ImageOps.contain(reference.convert("RGBA"), inner, Image.Resampling.LANCZOS)
    x, y = (left + right - copy.width) // 2, (top + bottom - copy.height) // 2
    outer = (x - frame, y - frame, x + copy.width + frame, y + copy.height + frame)
    _cast_shadow(picture, outer, 3 * frame)
    picture.paste((252, 251, 247), outer)
    picture.paste(copy, (x, y), copy.getchannel("A"))


def _cast_shadow(picture: Image.Image, box: Box, reach: int) -> None:
    left, top, right, bottom = box
    shadow = Image.new("L", (right - left + 2 * reach, bottom - top + 2 * reach), 0)
    shadow.paste(120, (reach, reach + reach // 3, reach + right - left, reach + bottom - top + reach // 3))
    shadow = shadow.filter(ImageFilter.BoxBlur(reach // 2))
    if picture.mode == "RGB":
        picture.paste((10, 10, 20), (left - reach, top - reach), shadow)
