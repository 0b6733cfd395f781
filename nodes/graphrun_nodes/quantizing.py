"""The node that reduces pictures to few colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun.imaging import eight_bit, unit_floats
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

Dither = Literal["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]


@pack.node("ImageQuantize", display_name="Image Quantize", category="image/filters")
def image_quantize(
    image: Image, colors: Annotated[int, Field(ge=1, le=256), Widget(default=256)], dither: Dither
) -> Image:
    """Reduce each picture to so many colours of its own. Alpha is kept."""
    frames = [_quantized(as_pillow(pixels).convert("RGB"), colors, dither) for pixels in eight_bit(image[..., :3])]
    quantized = torch.from_numpy(unit_floats(np.stack(frames)))
    return torch.cat((quantized, image[..., 3:]), dim=-1)


def _quantized(picture: PillowImage.Image, colors: int, dither: Dither) -> npt.NDArray[np.uint8]:
    palette = picture.quantize(colors)
    if dither.startswith("bayer"):
        picture = _ordered(picture, int(dither.removeprefix("bayer-")), len(palette.getpalette() or ()) // 3)
    diffused = dither == "floyd-steinberg"
    method = PillowImage.Dither.FLOYDSTEINBERG if diffused else PillowImage.Dither.NONE
    return np.asarray(picture.quantize(palette=palette, dither=method).convert("RGB"))


def _ordered(picture: PillowImage.Image, order: int, colors: int) -> PillowImage.Image:
    """Add a Bayer matrix, tiled from the top left, as strong as the palette is coarse."""
    pixels = np.asarray(picture, dtype=np.float32)
    height, width = pixels.shape[:2]
    matrix = (_bayer(order) * (512 / colors) + 0.5).astype(np.float32)
    tiled = np.tile(matrix, (-(-height // order), -(-width // order)))[:height, :width, None]
    return PillowImage.fromarray((pixels + tiled).clip(0, 255).astype(np.uint8))


def _bayer(order: int) -> npt.NDArray[np.float64]:
    """Return the matrix (order, order), a power of 2, of thresholds around 0."""
    matrix = np.zeros((1, 1))
    while len(matrix) < order:
        cells = (2 * len(matrix)) ** 2
        scaled = matrix * cells
        matrix = np.block([[scaled - 1.5, scaled + 0.5], [scaled + 1.5, scaled - 0.5]]) / cells
    return matrix
