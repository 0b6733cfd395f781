"""Nodes that tell or hold a size."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from graphrun import Image, Named, NodePack, Pictures, Socket, Widget
from graphrun_nodes.inputs import Offset, Side
from graphrun_nodes.sides import MEGAPIXEL

pack = NodePack("builtin")

Width = Annotated[int, Named("width")]
Height = Annotated[int, Named("height")]

AspectRatio = Literal[
    "1:1 (Square)",
    "2:3 (Portrait Photo)",
    "3:2 (Photo)",
    "3:4 (Portrait Standard)",
    "4:3 (Standard)",
    "9:16 (Portrait Widescreen)",
    "16:9 (Widescreen)",
    "21:9 (Ultrawide)",
]


@pack.node("GetImageSize", display_name="Get Image Size", category="image", cheap=True)
def get_image_size(image: Pictures | Image) -> tuple[Width, Height, Annotated[int, Named("batch_size")]]:
    """Tell how large pictures are and how many. Files aren't decoded for that."""
    width, height = image.size if isinstance(image, Pictures) else (image.shape[2], image.shape[1])
    return width, height, len(image)


@pack.node("ResolutionSelector", category="utilities", cheap=True)
def resolution_selector(
    aspect_ratio: AspectRatio,
    megapixels: Annotated[float, Field(ge=0.1, le=16.0), Widget(default=1.0, step=0.01)],
    # Early files lack it.
    multiple: Annotated[int, Field(ge=8, le=128), Widget(default=8, step=4)] = 8,
) -> tuple[Width, Height]:
    """Compute a size of an aspect and about so many pixels, 1 megapixel being 1024², sides being multiples."""
    across, down = (int(side) for side in aspect_ratio.partition(" ")[0].split(":"))
    scale = math.sqrt(megapixels * MEGAPIXEL / (across * down))
    return round(across * scale / multiple) * multiple, round(down * scale / multiple) * multiple


@pack.node("PrimitiveBoundingBox", display_name="Bounding Box", category="utilities/primitive", cheap=True)
def primitive_bounding_box(
    x: Offset, y: Offset, width: Side, height: Side
) -> Annotated[dict[str, Any], Socket("BOUNDING_BOX")]:
    """Hold a rectangle in pixels."""
    return {"x": x, "y": y, "width": width, "height": height}
