"""Nodes that save pictures, and that show them: as files in the temp folder."""

from __future__ import annotations

import random
import string
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from graphrun import (
    Complaint,
    DynamicCombo,
    Folders,
    Image,
    Mask,
    Matte,
    Named,
    NodePack,
    Pictures,
    RunContext,
    Shown,
    Socket,
)
from graphrun_nodes.advanced_files import advanced_files, is_animated, refusal
from graphrun_nodes.batches import flat
from graphrun_nodes.inputs import Prefix
from graphrun_nodes.picture_files import png_files, size_of
from graphrun_nodes.saved_names import save_path
from graphrun_nodes.saver_checks import check_prefix, check_temp
from graphrun_nodes.saving import save_files
from graphrun_nodes.saving_formats import FORMATS

if TYPE_CHECKING:
    import torch

pack = NodePack("builtin")

SavedImages = Annotated[Pictures | Image, Named("images")]
SavedMask = Annotated[Matte | Mask, Named("mask")]


@pack.node("SaveImage", display_name="Save Image", category="image", output_node=True, check=check_prefix)
def save_image(images: Pictures | Image, filename_prefix: Prefix, context: RunContext) -> Shown[SavedImages]:
    """Save pictures as PNG in the output folder, with the workflow inside, and pass them on."""
    files = png_files(images, context.metadata, compress_level=4)
    return Shown(images, ui={"images": saved(files, "_.png", filename_prefix, context, size_of(images))})


def check_format(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a prefix that leaves the output folder, and of a kind of file that can't be written here."""
    yield from check_prefix(arguments, folders)
    if reason := refusal({name.rpartition(".")[2]: value for name, value in arguments.items()}):
        yield Complaint("format", reason, "unsupported_format")


@pack.node(
    "SaveImageAdvanced",
    display_name="Save Image (Advanced)",
    category="image",
    output_node=True,
    check=check_format,
)
def save_image_advanced(
    images: Pictures | Image,
    filename_prefix: Prefix,
    format: Annotated[Mapping[str, Any], DynamicCombo(FORMATS)],
    context: RunContext,
) -> Shown[SavedImages]:
    """Save pictures as PNG of 8 or 16 bits, EXR or AVIF, with the workflow inside, and pass them on."""
    files = advanced_files(images, format, context.metadata)
    entries = saved(files, f".{format['format']}", filename_prefix, context, size_of(images))
    moves = is_animated(format) and len(images) > 1
    return Shown(images, ui={"images": entries, "animated": [True]} if moves else {"images": entries})


@pack.node("SaveImageWebsocket", category="api/image", output_node=True, always_run=True)
def save_image_websocket(images: Pictures | Image) -> SavedImages:
    """Hand pictures to whoever runs the workflow, as the result of this node. No file is written."""
    return images


@pack.node("PreviewImage", display_name="Preview Image", category="image", output_node=True, check=check_temp)
def preview_image(images: Pictures | Image, context: RunContext) -> Shown[SavedImages]:
    """Save pictures as PNG in the temp folder and pass them on."""
    return Shown(images, ui={"images": previews(images, "ComfyUI", context)})


@pack.node("MaskPreview", display_name="Preview Mask", category="image/mask", output_node=True, check=check_temp)
def mask_preview(mask: Matte | Mask, context: RunContext) -> Shown[SavedMask]:
    """Save masks as grey PNG in the temp folder and pass them on."""
    values = flat(mask.tensor() if isinstance(mask, Matte) else mask)
    grey = values.unsqueeze(-1).expand(-1, -1, -1, 3)
    return Shown(mask, ui={"images": previews(grey, "ComfyUI", context)})


@pack.node("ImageCompare", display_name="Image Compare", category="image", output_node=True, check=check_temp)
def image_compare(
    context: RunContext,
    *,
    image_a: Pictures | Image | None = None,
    image_b: Pictures | Image | None = None,
    compare_view: Annotated[Any, Socket("IMAGECOMPARE")] = None,
) -> Shown[None]:
    """Save two pictures in the temp folder, to be looked at side by side."""
    a = [] if image_a is None else previews(image_a, "comfy.compare.a", context)
    b = [] if image_b is None else previews(image_b, "comfy.compare.b", context)
    return Shown(None, ui={"a_images": a, "b_images": b})


def previews(images: Pictures | torch.Tensor, name: str, context: RunContext) -> list[object]:
    """Save pictures in the temp folder under a name that no other preview has; return what is shown of them."""
    letters = "".join(random.choices(string.ascii_lowercase, k=5))
    path = save_path(f"{name}_temp_{letters}", context.folders.temp, *size_of(images), datetime.now())
    files = png_files(images, context.metadata, compress_level=1)
    return [file.shown("temp") for file in save_files(files, path, "_.png")]


def saved(
    files: Iterable[bytes], ending: str, prefix: str, context: RunContext, size: tuple[int, int] = (0, 0)
) -> list[object]:
    """Save files in the output folder; return what is shown of them."""
    path = save_path(prefix, context.folders.output, *size, datetime.now())
    return [file.shown("output") for file in save_files(files, path, ending)]
