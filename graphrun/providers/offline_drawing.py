"""Draws the offline service's pictures: a landscape nobody painted, and a plate that says what was asked.

Deterministic: the same `Scene` gives the same pixels, another seed another landscape. With Pillow alone, so that a
run without tensors stays one. Raise `DRAWING_VERSION` when the pixels change: results are cached by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import
from graphrun.providers.offline_landscape import disc, landscape
from graphrun.providers.offline_plate import Plate, lay_out
from graphrun.providers.offline_type import Fonts

if TYPE_CHECKING:
    from PIL import Image, ImageFilter
else:
    Image = lazy_import("PIL.Image")
    ImageFilter = lazy_import("PIL.ImageFilter")

DRAWING_VERSION = 2

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """What to draw. ``seed`` decides the landscape; the texts are written on the plate."""

    size: tuple[int, int]
    prompt: str
    small_print: str
    seed: str
    transparent: bool = False


def draw(scene: Scene, fonts: Fonts) -> Image.Image:
    """Return a new picture: RGB, or RGBA with nothing around a round vignette where it is to be transparent."""
    plate = lay_out(scene.size, scene.prompt, scene.small_print, fonts)
    above = plate.box[1] if plate else scene.size[1]
    picture = _vignette(scene, above) if scene.transparent else landscape(scene.size, scene.seed)
    return _with_plate(picture, plate)


def draw_inside(scene: Scene, picture: Image.Image, selection: Image.Image, fonts: Fonts) -> Image.Image:
    """Return ``picture`` with a drawing where ``selection`` (L, 0 or 255) is 255. All other pixels stay as they are."""
    box = selection.getbbox()
    if box is None:
        return picture.copy()
    size = (box[2] - box[0], box[3] - box[1])
    inner = _vignette(replace(scene, size=size)) if scene.transparent else landscape(size, scene.seed)
    inner = _with_plate(inner, lay_out(size, scene.prompt, scene.small_print, fonts, anchor=0.5))
    result = picture.convert("RGBA") if scene.transparent else picture.copy()
    result.paste(inner.convert(result.mode), box[:2], selection.crop(box))
    return result


def draw_around(scene: Scene, references: Sequence[Image.Image], fonts: Fonts) -> Image.Image:
    """Return a picture in which the references hang as framed prints before the landscape."""
    blank = Image.new("RGBA", scene.size, (0, 0, 0, 0))
    picture = blank if scene.transparent else landscape(scene.size, scene.seed)
    plate = lay_out(scene.size, scene.prompt, scene.small_print, fonts)
    for reference, cell in zip(references, _cells(scene.size, plate, references), strict=True):
        _hang(picture, reference, cell)
    return _with_plate(picture, plate)


def _with_plate(picture: Image.Image, plate: Plate | None) -> Image.Image:
    if plate is not None:
        plate.paint(picture)
    return picture


def _vignette(scene: Scene, above: int | None = None) -> Image.Image:
    """Return a round landscape with nothing around it, in the middle of what is ``above`` the plate if it fits."""
    width, height = scene.size
    side = max(2, round(min(scene.size) * 0.94))
    top = max((min(scene.size) - side) // 2, ((above or height) - side) // 2)
    medallion = landscape((side, side), scene.seed).convert("RGBA")
    medallion.putalpha(disc(side))
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
    scale = min(inner[0] / reference.width, inner[1] / reference.height)
    size = (max(1, round(reference.width * scale)), max(1, round(reference.height * scale)))
    copy = reference.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    x, y = (left + right - copy.width) // 2, (top + bottom - copy.height) // 2
    outer = (x - frame, y - frame, x + copy.width + frame, y + copy.height + frame)
    if picture.mode == "RGB":
        _cast_shadow(picture, outer, 3 * frame)
    picture.paste((252, 251, 247), outer)
    picture.paste(copy, (x, y), copy if copy.mode == "RGBA" else None)


def _cast_shadow(picture: Image.Image, box: Box, reach: int) -> None:
    left, top, right, bottom = box
    shadow = Image.new("L", (right - left + 2 * reach, bottom - top + 2 * reach), 0)
    shadow.paste(120, (reach, reach + reach // 3, reach + right - left, reach + bottom - top + reach // 3))
    picture.paste((10, 10, 20), (left - reach, top - reach), shadow.filter(ImageFilter.BoxBlur(reach // 2)))
