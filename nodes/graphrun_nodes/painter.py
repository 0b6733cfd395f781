"""The node that lays what was painted by hand over a picture."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import (
    BoundFile,
    Complaint,
    Folders,
    Image,
    Mask,
    NodePack,
    PathError,
    PictureError,
    RunContext,
    Shown,
    Socket,
    Widget,
    lazy_import,
)
from graphrun.imaging import open_picture, unit_floats
from graphrun_nodes.color import Rgba, parse_color
from graphrun_nodes.files import check_structure
from graphrun_nodes.inputs import Color
from graphrun_nodes.savers import previews

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")

pack = NodePack("builtin")

CanvasSide = Annotated[int, Field(ge=64, le=4096), Widget(default=512, step=64)]
PaintedFile = Annotated[str | BoundFile, Socket("STRING"), Widget(default="", file=True)]


def check_painted(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a painted file that isn't there or is no picture."""
    file = arguments.get("mask")
    if isinstance(file, str | BoundFile) and file:
        try:
            check_structure(folders.read(file))
        except (PathError, PictureError) as error:
            remedy = "choose a file with --file NODE.mask=PATH, or leave it empty"
            yield Complaint("mask", f"Invalid image file: {error}", "invalid_image_file", remedy)


def painted_digest(arguments: Mapping[str, object], folders: Folders) -> str | None:
    """Return the SHA-256 of the painted file as hex; nothing of none. A bound file is in the key already."""
    file = arguments.get("mask")
    if not isinstance(file, str):
        return None
    return hashlib.sha256(folders.read(file)).hexdigest() if file else ""


@pack.node("Painter", category="image", check=check_painted, fingerprint=painted_digest)
def painter(
    context: RunContext,
    *,
    image: Image | None = None,
    mask: PaintedFile,
    width: CanvasSide,
    height: CanvasSide,
    bg_color: Annotated[Color, Widget(default="#000000")],
) -> Shown[tuple[Image, Mask]]:
    """Lay a painted file over a picture, or over an empty canvas; the mask is where something was painted."""
    base = _canvas(width, height, bg_color) if image is None else image[:1, ..., :3]
    if not mask:
        painted, where = base, torch.zeros(base.shape[:3])
    else:
        rgba = _painted(context.folders.read(mask), base.shape[2], base.shape[1])
        where = rgba[..., 3]
        alpha = where.unsqueeze(-1)
        painted = rgba[..., :3] * alpha + base * (1 - alpha)
    return Shown((painted, where), ui={"images": previews(painted, "ComfyUI", context)})


def _canvas(width: int, height: int, color: str) -> torch.Tensor:
    """Anything but six digits is black."""
    rgba = parse_color(color) if re.fullmatch(r"#[0-9a-fA-F]{6}", color) else Rgba(0, 0, 0)
    return (torch.tensor([rgba.red, rgba.green, rgba.blue]) / 255).repeat(1, height, width, 1)


def _painted(data: bytes, width: int, height: int) -> torch.Tensor:
    """Return the file as (1, height, width, 4)."""
    picture = open_picture(data).convert("RGBA")
    if picture.size != (width, height):
        picture = picture.resize((width, height), PillowImage.Resampling.LANCZOS)
    return torch.from_numpy(unit_floats(np.asarray(picture))).unsqueeze(0)
