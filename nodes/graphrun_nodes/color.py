"""Colours as the editor writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from graphrun import Named, NodePack, Socket
from graphrun_nodes.inputs import Color

pack = NodePack("builtin")

Transparency = Annotated[float, Named("transparency")]

_HEX = re.compile(r"#([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")


@dataclass(frozen=True, slots=True)
class Rgba:
    """A colour in 8 bits a channel; an alpha of 255 is opaque."""

    red: int
    green: int
    blue: int
    alpha: int = 255


def parse_color(text: str) -> Rgba:
    """Read ``#rrggbb`` or ``#rrggbbaa``. Raises ValueError for anything else."""
    found = _HEX.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no colour: write it as #rrggbb or #rrggbbaa")
    red, green, blue = bytes.fromhex(found[1])
    return Rgba(red, green, blue, int(found[2] or "ff", 16))


@pack.node("ColorToRGBInt", display_name="Color Picker", category="utilities", cheap=True)
def color_to_rgb_int(
    color: Color,
) -> tuple[Annotated[int, Named("rgb_int")], Annotated[str, Socket("COLOR"), Named("hex")], Transparency]:
    """Give a colour as one number, as #rrggbb, and how opaque it is: 1 is wholly."""
    rgba = parse_color(color)
    return rgba.red * 65536 + rgba.green * 256 + rgba.blue, color[:7], rgba.alpha / 255
