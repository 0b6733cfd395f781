"""The node that writes a text on pictures, in the one font that comes with Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Socket, Widget, lazy_import
from graphrun.imaging import unit_floats
from graphrun_nodes.color import parse_color
from graphrun_nodes.inputs import Color

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image as PillowImage
    from PIL import ImageDraw, ImageFont
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageFont = lazy_import("PIL.ImageFont")

pack = NodePack("builtin")

_SHRINK = 0.9
_PITCH = 1.2  # from one line to the next, in sizes of the font


@dataclass(frozen=True, slots=True)
class _Lines:
    """A text broken into lines, and the size of the font in pixels that it was broken for."""

    lines: tuple[str, ...]
    size: int

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * _PITCH


@pack.node("TextOverlay", display_name="Draw Text Overlay", category="image")
def text_overlay(
    *,
    images: Image,
    text: Annotated[str, Widget(default="", multiline=True)],
    font: Annotated[str, Socket("COMBO")] = "",  # whatever a file asks for: fonts of other machines aren't here
    font_size: Annotated[float, Field(ge=0.5, le=50.0), Widget(default=5.0, step=0.5)],
    color: Annotated[Color, Widget(default="#ffffff")],
    position: Literal["top", "bottom"],
    align: Literal["left", "center", "right"],
    outline: Annotated[bool, Widget(default=True)],
) -> Image:
    """Write a text at the top or bottom of all pictures, wrapped, and smaller where it doesn't fit.

    The size is a percentage of the height. Whatever ``font`` names, the one that comes with Pillow is used.
    """
    written = text.replace("\\n", "\n").replace("\\t", "\t").expandtabs(4)
    if not written.strip():
        return images
    height, width = images.shape[1:3]
    margin = round(0.01 * min(width, height))
    lines = _fitted(written, font_size, width - 2 * margin, height - 2 * margin, height)
    rgba = parse_color(color)
    layer = PillowImage.new("RGBA", (width, height), (rgba.red, rgba.green, rgba.blue, 0))
    top = margin if position == "top" else height - margin - lines.height
    _draw(layer, lines, margin, top, align, (rgba.red, rgba.green, rgba.blue, rgba.alpha), outline=outline)
    return _laid_over(images, torch.from_numpy(unit_floats(np.asarray(layer))))


def _fitted(text: str, percent: float, width: int, height: int, picture_height: int) -> _Lines:
    """Shrink the font until the wrapped text fits into the height, but not below what can be read."""
    size, least = round(percent / 100 * picture_height), max(10, round(0.02 * picture_height))
    lines = _wrapped(text, max(size, 1), width)
    while lines.height > height and lines.size > least:
        lines = _wrapped(text, max(least, int(lines.size * _SHRINK)), width)
    return lines


def _wrapped(text: str, size: int, width: int) -> _Lines:
    font = ImageFont.load_default(size)
    return _Lines(tuple(line for paragraph in text.split("\n") for line in _broken(paragraph, font, width)), size)


def _broken(paragraph: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> Iterator[str]:
    """Yield lines that are no wider than this: broken between words, and inside a word that has a line to itself."""
    line = ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        line = ""
        for letter in word:
            if line and font.getlength(line + letter) > width:
                yield line
                line = ""
            line += letter
    yield line


def _draw(
    layer: PillowImage.Image,
    lines: _Lines,
    margin: int,
    top: float,
    align: str,
    color: tuple[int, int, int, int],
    *,
    outline: bool,
) -> None:
    font, draw = ImageFont.load_default(lines.size), ImageDraw.Draw(layer)
    stroke = max(1, round(0.04 * lines.size)) if outline else 0
    for index, line in enumerate(lines.lines):
        free = layer.width - 2 * margin - font.getlength(line)
        left = margin + free * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        place = (left, top + index * lines.size * _PITCH)
        draw.text(place, line, fill=color, font=font, stroke_width=stroke, stroke_fill=(0, 0, 0, color[3]))


def _laid_over(images: torch.Tensor, layer: torch.Tensor) -> torch.Tensor:
    """Return the pictures under a layer (H, W, 4). What is written on is opaque; grey pictures get its brightness."""
    alpha, channels = layer[..., 3:], images.shape[-1]
    colours = layer[..., :3] if channels >= 3 else layer[..., :3].mean(dim=-1, keepdim=True)
    colours = torch.nn.functional.pad(colours, (0, channels - colours.shape[-1]), value=1.0)
    return images * (1 - alpha) + colours * alpha
