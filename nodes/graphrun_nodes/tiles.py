"""Nodes that cut pictures into tiles, put tiles together again, and lay pictures out in a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun.imaging import eight_bit, unit_floats
from graphrun_nodes.inputs import MAX_RESOLUTION
from graphrun_nodes.resize import as_pillow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")

pack = NodePack("builtin")

TileSide = Annotated[int, Field(ge=64, le=MAX_RESOLUTION), Widget(default=1024)]
FinalSide = Annotated[int, Field(ge=64, le=32768), Widget(default=1024)]
TileOverlap = Annotated[int, Field(ge=0, le=4096), Widget(default=128)]
CellSide = Annotated[int, Field(ge=32, le=2048), Widget(default=256)]

# A tile still counts where its weight would come to nothing: else its outermost pixels had no source.
_LEAST_WEIGHT = 1e-5


@pack.node("SplitImageToTileList", display_name="Split Image into List of Tiles", category="image/batch")
def split_image_to_tile_list(
    image: Image, tile_width: TileSide, tile_height: TileSide, overlap: TileOverlap
) -> list[Image]:
    """Cut pictures into tiles, row by row. The last ones are moved back, so that all are of full size."""
    return [
        image[:, rows, columns]
        for rows in _spans(image.shape[1], tile_height, overlap)
        for columns in _spans(image.shape[2], tile_width, overlap)
    ]


@pack.node("ImageMergeTileList", display_name="Merge List of Tiles to Image", category="image/batch", list_input=True)
def image_merge_tile_list(
    image_list: list[Image], final_width: list[FinalSide], final_height: list[FinalSide], overlap: list[TileOverlap]
) -> Image:
    """Put tiles together again, in the order they are cut; where they overlap, their middles weigh more."""
    batch, tile_height, tile_width, channels = image_list[0].shape
    total = torch.zeros(batch, final_height[0], final_width[0], channels)
    weights = torch.zeros(final_height[0], final_width[0], 1)
    places = (
        (rows, columns)
        for rows in _spans(final_height[0], tile_height, overlap[0])
        for columns in _spans(final_width[0], tile_width, overlap[0])
    )
    for tile, (rows, columns) in zip(image_list, places, strict=False):  # what has no partner is left out
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if tile.shape[1] < height or tile.shape[2] < width or tile.shape[3] != channels:
            raise ValueError(f"a tile of shape {tuple(tile.shape)} doesn't fit a place of {width} × {height} pixels")
        weight = _weight(height, width) if overlap[0] > 0 else torch.ones(height, width, 1)
        total[:, rows, columns] += tile[:, :height, :width] * weight
        weights[rows, columns] += weight
    return total.div_(torch.where(weights == 0, 1.0, weights))


def _spans(size: int, tile: int, overlap: int) -> Iterator[slice]:
    """Yield where tiles lie along one axis."""
    stride = max(1, round(max(tile / 4, tile - overlap)))  # tiles of 1 or 2 pixels come by links
    start = 0
    while True:
        end = min(start + tile, size)
        yield slice(max(0, end - tile), end)
        if end >= size:
            return
        start += stride


def _weight(height: int, width: int) -> torch.Tensor:
    """Return (height, width, 1): half a sine wave along each axis, multiplied."""
    rows, columns = (
        torch.sin(math.pi * torch.linspace(0, 1, size)).clamp(min=_LEAST_WEIGHT) for size in (height, width)
    )
    return torch.outer(rows, columns).unsqueeze(-1)


@pack.node("ImageGrid", display_name="Make Image Grid", category="image/batch", list_input=True)
def image_grid(
    images: list[Image],
    columns: list[Annotated[int, Field(ge=1, le=20), Widget(default=4)]],
    cell_width: list[CellSide],
    cell_height: list[CellSide],
    padding: list[Annotated[int, Field(ge=0, le=50), Widget(default=4)]],
) -> Image:
    """Lay pictures out row by row, each stretched to a cell, black between and after them."""
    pixels = [frame for image in images for frame in eight_bit(image)]
    across, width, height, gap = columns[0], cell_width[0], cell_height[0], padding[0]
    if across < 1:
        raise ValueError(f"a grid has at least one column, not {across}")
    down = -(-len(pixels) // across)
    grid = np.zeros((1, down * (height + gap) - gap, across * (width + gap) - gap, 3), dtype=np.uint8)
    for index, frame in enumerate(pixels):
        top, left = index // across * (height + gap), index % across * (width + gap)
        grid[0, top : top + height, left : left + width] = _cell(frame, width, height)
    return torch.from_numpy(unit_floats(grid))


def _cell(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    cell = as_pillow(pixels).resize((width, height), PillowImage.Resampling.LANCZOS)
    return np.asarray(cell.convert("RGB"))
