"""The OpenAI image nodes: inputs, defaults and rules as saved workflows know them (openai-images.md, section 1).

They call whichever image service the run has, and hand its files on untouched. ``seed`` is never sent: it decides
only whether an earlier result may stand in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import Field

from graphrun import (
    Complaint,
    Folders,
    Image,
    ImageRequest,
    ImageService,
    Mask,
    Matte,
    NodePack,
    PictureError,
    Pictures,
    RunContext,
    Widget,
)
from graphrun.imaging import picture_size
from graphrun_nodes.openai_asks import dalle2_ask, dalle3_ask, gpt_image_1_ask, gpt_image_v2_ask, gpt_parameters
from graphrun_nodes.openai_models import CUSTOM, V2_OPTIONS, Faults, combo_of, image1_faults, prompt_faults, v2_faults
from graphrun_nodes.openai_uploads import Uploads, dalle2_upload, gpt_uploads

pack = NodePack("openai")

_FLAGS: dict[str, Any] = {
    "category": "partner/image/OpenAI",
    "api_node": True,
    "services": (ImageService,),
    "limit": "openai",
}

Prompt = Annotated[str, Widget(default="", multiline=True)]
Seed = Annotated[int, Field(ge=0, le=2147483647), Widget(default=0, seed=True)]
Count = Annotated[int, Field(ge=1, le=8), Widget(default=1)]
CustomEdge = Annotated[int, Field(ge=1024, le=3840), Widget(default=1024, step=16)]

GPTSize = Literal[
    "auto",
    "1024x1024",
    "1024x1536",
    "1536x1024",
    "2048x2048",
    "2048x1152",
    "1152x2048",
    "3840x2160",
    "2160x3840",
    "Custom",
]


def _checked(*rules: Callable[[Mapping[str, object]], Faults]) -> Callable[[Mapping[str, object], Folders], Faults]:
    """Make a node type's check of the rules its function applies too."""

    def check(arguments: Mapping[str, object], folders: Folders) -> Iterator[Complaint]:
        for rule in rules:
            yield from rule(arguments)

    return check


def _refuse(faults: Faults) -> None:
    """Raise ValueError for the first fault, as ComfyUI does, which stops at it."""
    for fault in faults:
        raise ValueError(fault.message)


@pack.node("OpenAIDalle2", display_name="OpenAI DALL·E 2", check=_checked(prompt_faults), asks=dalle2_ask, **_FLAGS)
async def openai_dalle2(
    context: RunContext,
    *,
    prompt: Prompt,
    seed: Seed = 0,
    size: Annotated[Literal["256x256", "512x512", "1024x1024"], Widget(default="1024x1024")] = "1024x1024",
    n: Count = 1,
    image: Pictures | Image | None = None,
    mask: Matte | Mask | None = None,
) -> Pictures:
    """Make pictures with DALL·E 2, or edit one square picture where its mask is white.

    OpenAI shut this model down on 12 May 2026; compatible services may still have it.
    """
    _refuse(prompt_faults({"prompt": prompt}))
    if (image is None) != (mask is None):
        raise ValueError("Dall-E 2 image editing requires an image AND a mask")
    uploads = Uploads(())
    if image is not None and mask is not None:
        uploads = await asyncio.to_thread(dalle2_upload, image, mask)
    request = ImageRequest("dall-e-2", prompt, {"n": n, "size": size}, uploads.images, seed=seed)
    return await _create(context, request, uploads)


@pack.node("OpenAIDalle3", display_name="OpenAI DALL·E 3", check=_checked(prompt_faults), asks=dalle3_ask, **_FLAGS)
async def openai_dalle3(
    context: RunContext,
    *,
    prompt: Prompt,
    seed: Seed = 0,
    quality: Annotated[Literal["standard", "hd"], Widget(default="standard")] = "standard",
    style: Annotated[Literal["natural", "vivid"], Widget(default="natural")] = "natural",
    size: Annotated[Literal["1024x1024", "1024x1792", "1792x1024"], Widget(default="1024x1024")] = "1024x1024",
) -> Pictures:
    """Make a picture with DALL·E 3.

    OpenAI shut this model down on 12 May 2026; compatible services may still have it.
    """
    _refuse(prompt_faults({"prompt": prompt}))
    parameters = {"quality": quality, "size": size, "style": style}
    return await _create(context, ImageRequest("dall-e-3", prompt, parameters, seed=seed), Uploads(()))


@pack.node(
    "OpenAIGPTImage1",
    display_name="OpenAI GPT Image 2 (legacy)",
    check=_checked(prompt_faults, image1_faults),
    asks=gpt_image_1_ask,
    **_FLAGS,
)
async def openai_gpt_image_1(
    context: RunContext,
    *,
    prompt: Prompt,
    seed: Seed = 0,
    quality: Annotated[Literal["low", "medium", "high"], Widget(default="low")] = "low",
    # Three defaults differ from what the editor starts with: a file that leaves an input out gets the function's.
    background: Annotated[Literal["auto", "opaque", "transparent"], Widget(default="auto")] = "opaque",
    size: Annotated[GPTSize, Widget(default="auto")] = "1024x1024",
    n: Count = 1,
    image: Pictures | Image | None = None,
    mask: Matte | Mask | None = None,
    model: Annotated[
        Literal["gpt-image-1", "gpt-image-1.5", "gpt-image-2"], Widget(default="gpt-image-2")
    ] = "gpt-image-1",
    custom_width: CustomEdge = 1024,
    custom_height: CustomEdge = 1024,
) -> Pictures:
    """Make pictures with a GPT image model, or change up to 16 given ones, one of them only where its mask is white.

    A file that names no model means gpt-image-1, which OpenAI shut down on 23 October 2026.
    """
    _refuse(prompt_faults({"prompt": prompt}))
    if mask is not None and image is None:
        raise ValueError("Cannot use a mask without an input image")
    choices = {"model": model, "size": size, "background": background}
    _refuse(image1_faults({**choices, "custom_width": custom_width, "custom_height": custom_height}))
    uploads = Uploads(()) if image is None else await asyncio.to_thread(gpt_uploads, [image], mask)
    parameters = gpt_parameters(quality, background, n, f"{custom_width}x{custom_height}" if size == CUSTOM else size)
    request = ImageRequest(model, prompt, parameters, uploads.images, uploads.mask, seed)
    return await _create(context, request, uploads)


@pack.node(
    "OpenAIGPTImageNodeV2",
    display_name="OpenAI GPT Image 2.5",
    check=_checked(prompt_faults, v2_faults),
    asks=gpt_image_v2_ask,
    **_FLAGS,
)
async def openai_gpt_image_v2(
    context: RunContext,
    *,
    prompt: Prompt,
    model: Annotated[Mapping[str, Any], combo_of(V2_OPTIONS)],
    n: Count,
    seed: Seed,
) -> Pictures:
    """Make pictures with a GPT image model, or change up to 16 given ones, one of them only where its mask is white.

    The model decides which sizes, backgrounds and qualities there are.
    """
    _refuse(prompt_faults({"prompt": prompt}))
    name, mask = model["model"], model.get("mask")
    images = [image for _, image in sorted(model.get("images", {}).items(), key=_slot_number) if image is not None]
    if mask is not None and not any(len(image) for image in images):
        raise ValueError("Cannot use a mask without an input image")
    width, height = model.get("custom_width", 1024), model.get("custom_height", 1024)
    sizes = {"model.size": model["size"], "model.custom_width": width, "model.custom_height": height}
    _refuse(v2_faults({"model": name, **sizes}))
    uploads = await asyncio.to_thread(gpt_uploads, images, mask) if images else Uploads(())
    size = f"{width}x{height}" if model["size"] == CUSTOM else model["size"]
    parameters = gpt_parameters(model["quality"], model["background"], n, size)
    request = ImageRequest(name, prompt, parameters, uploads.images, uploads.mask, seed)
    return await _create(context, request, uploads)


def _slot_number(slot: tuple[str, object]) -> int:
    """image_10 comes after image_9."""
    return int(slot[0].rpartition("_")[2])


async def _create(context: RunContext, request: ImageRequest, uploads: Uploads) -> Pictures:
    if uploads.mask_is_empty:
        context.warn("the mask selects nothing: only fully white mask pixels are changed")
    answer = await context.service(ImageService).create(request)
    asked = request.parameters.get("n", 1)
    if len(answer.files) != asked:
        context.warn(f"asked for {asked} pictures and got {len(answer.files)}")
    with suppress(PictureError):  # whoever reads it says so better
        if len(answer.files) > 1 and len({picture_size(file) for file in answer.files}) > 1:
            context.warn("the pictures differ in size: where they are read as pixels, all take that of the first")
    return Pictures.from_files(answer.files)
