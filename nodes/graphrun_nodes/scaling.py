"""Nodes that scale whole pictures: to a size, by a factor, to a number of pixels, to a side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget
from graphrun_nodes.inputs import FreeSide
from graphrun_nodes.resize import Crop, Method, resize_image
from graphrun_nodes.sides import MEGAPIXEL, by_factor, by_longer_side, by_pixels, by_width_and_height

pack = NodePack("builtin")

Factor = Annotated[float, Field(ge=0.01, le=8.0), Widget(default=1.0, step=0.01)]
Megapixels = Annotated[float, Field(ge=0.01, le=16.0), Widget(default=1.0, step=0.01)]
SoftMethod = Literal["area", "lanczos", "bilinear", "nearest-exact", "bicubic"]

# What the Flux Kontext model was trained on, width by height, in order of width.
FLUX_KONTEXT_SIZES = (
    (672, 1568),
    (688, 1504),
    (720, 1456),
    (752, 1392),
    (800, 1328),
    (832, 1248),
    (880, 1184),
    (944, 1104),
    (1024, 1024),
    (1104, 944),
    (1184, 880),
    (1248, 832),
    (1328, 800),
    (1392, 752),
    (1456, 720),
    (1504, 688),
    (1568, 672),
)


@pack.node("ImageScale", display_name="Upscale Image", category="image/upscaling")
def image_scale(image: Image, upscale_method: Method, width: FreeSide, height: FreeSide, crop: Crop) -> Image:
    """Scale a picture. A side of 0 follows from the other one and the aspect; both 0 leave it as it is."""
    h, w = image.shape[1:3]
    size = by_width_and_height(w, h, width, height)
    return resize_image(image, *size, upscale_method, crop) if size else image


@pack.node("ImageScaleBy", display_name="Upscale Image By", category="image/upscaling")
def image_scale_by(image: Image, upscale_method: Method, scale_by: Factor) -> Image:
    """Scale both sides of a picture by a factor."""
    h, w = image.shape[1:3]
    return resize_image(image, *by_factor(w, h, scale_by), upscale_method)


@pack.node("ImageScaleToTotalPixels", display_name="Scale Image to Total Pixels", category="image/upscaling")
def image_scale_to_total_pixels(
    image: Image,
    upscale_method: Method,
    megapixels: Megapixels,
    # Files from before 2026 lack it.
    resolution_steps: Annotated[int, Field(ge=1, le=256), Widget(default=1)] = 1,
) -> Image:
    """Scale a picture to a number of pixels, 1 megapixel being 1024², each side a multiple of the step."""
    h, w = image.shape[1:3]
    width, height = by_pixels(w, h, megapixels * MEGAPIXEL, resolution_steps)
    return resize_image(image, width, height, upscale_method)


@pack.node("ImageScaleToMaxDimension", display_name="Scale Image to Max Dimension", category="image/upscaling")
def image_scale_to_max_dimension(image: Image, upscale_method: SoftMethod, largest_size: FreeSide) -> Image:
    """Scale a picture, up or down, so that its longer side has this size."""
    h, w = image.shape[1:3]
    return resize_image(image, *by_longer_side(w, h, largest_size), upscale_method)


@pack.node("ResizeImagesByShorterEdge", category="dataset/image")
def resize_images_by_shorter_edge(
    images: Image, shorter_edge: Annotated[int, Field(ge=1, le=8192), Widget(default=512)]
) -> Image:
    """Scale pictures with Lanczos so that the shorter side has this size; the other is cut to a whole number."""
    h, w = images.shape[1:3]
    size = (shorter_edge, int(h * (shorter_edge / w))) if w < h else (int(w * (shorter_edge / h)), shorter_edge)
    return resize_image(images, *size, "lanczos")


@pack.node("ResizeImagesByLongerEdge", category="dataset/image")
def resize_images_by_longer_edge(
    images: Image, longer_edge: Annotated[int, Field(ge=1, le=8192), Widget(default=1024)]
) -> Image:
    """Scale pictures with Lanczos so that the longer side has this size; the other is cut to a whole number."""
    h, w = images.shape[1:3]
    size = (longer_edge, int(h * (longer_edge / w))) if w > h else (int(w * (longer_edge / h)), longer_edge)
    return resize_image(images, *size, "lanczos")


@pack.node("FluxKontextImageScale", category="advanced/conditioning/flux")
def flux_kontext_image_scale(image: Image) -> Image:
    """Scale a picture to the size of nearest aspect that the Flux Kontext model knows, cut at the centre."""
    aspect = image.shape[2] / image.shape[1]
    width, height = min(FLUX_KONTEXT_SIZES, key=lambda size: (abs(aspect - size[0] / size[1]), size))
    return resize_image(image, width, height, "lanczos", "center")
