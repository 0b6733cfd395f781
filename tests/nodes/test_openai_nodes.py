"""The OpenAI nodes: what they accept, what they refuse and in which words, and what they send."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from graphrun import Folders, ImageAnswer, ImageRequest, ImageService, Matte, Pictures, ProviderError, RunContext
from graphrun.kernel.node_types import MISSING, Input
from graphrun.providers.abilities import prepared
from graphrun.providers.offline import Heard, offline_images
from graphrun_nodes import openai

NODE_TYPES = {node_type.name: node_type for node_type in openai.pack}
FOUR_SIZES = ["auto", "1024x1024", "1024x1536", "1536x1024"]
ALL_SIZES = [*FOUR_SIZES, "2048x2048", "2048x1152", "1152x2048", "3840x2160", "2160x3840", "Custom"]

Node = Callable[..., Awaitable[Pictures]]


def call(node: Node, service: ImageService, warned: list[str] | None = None, **inputs: Any) -> Pictures:
    nowhere = Folders(Path(), Path(), Path())
    warn = (lambda message: None) if warned is None else warned.append
    context = RunContext("1", nowhere, services={ImageService: service}, warn=warn)

    async def run() -> Pictures:
        try:
            return await node(context, **inputs)
        finally:
            await service.aclose()

    return asyncio.run(run())


def sent(node: Node, **inputs: Any) -> Heard:
    """The request a node makes, as the offline service heard it on the wire."""
    heard: list[Heard] = []
    call(node, offline_images(heard=heard.append), **inputs)
    (request,) = heard
    return request


def refusal(node: Node, **inputs: Any) -> str:
    """What a node says before it asks any service."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the caller compares the whole message
        call(node, NoService(), **inputs)
    return str(caught.value)


class NoService(ImageService):
    """Must not be asked."""

    identity, capacity = "none", 1

    async def create(self, request: ImageRequest) -> ImageAnswer:
        raise AssertionError(f"asked for {request}")


class FixedService(ImageService):
    """Answers every request with the same files."""

    identity, capacity = "fixed", 1

    def __init__(self, *files: bytes) -> None:
        self.files = files
        self.requests: list[ImageRequest] = []

    async def create(self, request: ImageRequest) -> ImageAnswer:
        self.requests.append(request)
        return ImageAnswer(self.files)


def opened(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def noise(height: int, width: int, channels: int = 3, batch: int = 1) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (batch, height, width, channels), dtype=np.uint8)


def tensor(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).float() / 255


def left_half(height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(1, height, width)
    mask[:, :, : width // 2] = 1
    return mask


# ── inputs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def described(inputs: Iterable[Input]) -> list[tuple[Any, ...]]:
    """Name, type, required, the function's default, the widget's, limits or options."""
    rows = []
    for given in inputs:
        limits = given.options or ((given.minimum, given.maximum) if given.type == "INT" else None)
        function = None if given.default is MISSING else given.default
        widget = None if given.widget.default is MISSING else given.widget.default
        rows.append((given.name, given.type, given.required, function, widget, limits))
    return rows


PROMPT = ("prompt", "STRING", True, None, "", None)
SEED = ("seed", "INT", False, 0, 0, (0, 2147483647))
PICTURES = [("image", "IMAGE", False, None, None, None), ("mask", "MASK", False, None, None, None)]


def test_dalle2_takes_what_saved_files_hold() -> None:
    """Order, defaults and limits of openai-images.md, 1.2."""
    assert described(NODE_TYPES["OpenAIDalle2"].inputs) == [
        PROMPT,
        SEED,
        ("size", "COMBO", False, "1024x1024", "1024x1024", ("256x256", "512x512", "1024x1024")),
        ("n", "INT", False, 1, 1, (1, 8)),
        *PICTURES,
    ]


def test_dalle3_takes_what_saved_files_hold() -> None:
    """Order and defaults of openai-images.md, 1.3; the style's default is not the API's."""
    assert described(NODE_TYPES["OpenAIDalle3"].inputs) == [
        PROMPT,
        SEED,
        ("quality", "COMBO", False, "standard", "standard", ("standard", "hd")),
        ("style", "COMBO", False, "natural", "natural", ("natural", "vivid")),
        ("size", "COMBO", False, "1024x1024", "1024x1024", ("1024x1024", "1024x1792", "1792x1024")),
    ]


def test_gpt_image_1_takes_what_saved_files_hold() -> None:
    """Order, limits and both kinds of default of openai-images.md, 1.5."""
    edge = ("INT", False, 1024, 1024, (1024, 3840))
    assert described(NODE_TYPES["OpenAIGPTImage1"].inputs) == [
        PROMPT,
        SEED,
        ("quality", "COMBO", False, "low", "low", ("low", "medium", "high")),
        ("background", "COMBO", False, "opaque", "auto", ("auto", "opaque", "transparent")),
        ("size", "COMBO", False, "1024x1024", "auto", tuple(ALL_SIZES)),
        ("n", "INT", False, 1, 1, (1, 8)),
        *PICTURES,
        ("model", "COMBO", False, "gpt-image-1", "gpt-image-2", ("gpt-image-1", "gpt-image-1.5", "gpt-image-2")),
        ("custom_width", *edge),
        ("custom_height", *edge),
    ]


def test_v2_takes_what_saved_files_hold() -> None:
    """Five models, the newest first, all top-level inputs required (openai-images.md, 1.6)."""
    inputs = NODE_TYPES["OpenAIGPTImageNodeV2"].inputs
    assert described(inputs) == [
        PROMPT,
        ("model", "COMFY_DYNAMICCOMBO_V3", True, None, None, None),
        ("n", "INT", True, None, 1, (1, 8)),
        ("seed", "INT", True, None, 0, (0, 2147483647)),
    ]
    assert list(v2_options()) == [
        "gpt-image-2.5-flare",
        "gpt-image-2.5-sunburst",
        "gpt-image-2",
        "gpt-image-1.5",
        "gpt-image-1",
    ]


def v2_options() -> Any:
    model = NODE_TYPES["OpenAIGPTImageNodeV2"].input("model")
    assert model is not None
    return getattr(model.dynamic, "options", {})


@pytest.mark.parametrize(
    ("model", "sizes", "backgrounds", "qualities"),
    [
        ("gpt-image-2.5-flare", ALL_SIZES, "auto opaque transparent", "low medium high xhigh max"),
        ("gpt-image-2.5-sunburst", ALL_SIZES, "auto opaque transparent", "low medium high xhigh max"),
        ("gpt-image-2", ALL_SIZES, "auto opaque", "low medium high"),
        ("gpt-image-1.5", FOUR_SIZES, "auto opaque transparent", "low medium high"),
        ("gpt-image-1", FOUR_SIZES, "auto opaque transparent", "low medium high"),
    ],
)
def test_a_model_of_v2_brings_its_own_inputs(model: str, sizes: list[str], backgrounds: str, qualities: str) -> None:
    """Custom edges only where there is a custom size; files may leave them out."""
    edge = ("INT", False, 1024, 1024, (480, 3840))
    edges = [("custom_width", *edge), ("custom_height", *edge)] if "Custom" in sizes else []
    nested = v2_options()[model]
    assert described(nested) == [
        ("size", "COMBO", True, None, "auto", tuple(sizes)),
        *edges,
        ("background", "COMBO", True, None, "auto", tuple(backgrounds.split())),
        ("quality", "COMBO", True, None, "low", tuple(qualities.split())),
        ("images", "COMFY_AUTOGROW_V3", False, None, None, None),
        ("mask", "MASK", False, None, None, None),
    ]
    images = next(given for given in nested if given.name == "images").dynamic
    assert images.names == tuple(f"image_{index}" for index in range(1, 17))
    assert images.template.type == "IMAGE"


@pytest.mark.parametrize("name", NODE_TYPES)
def test_every_node_is_a_paid_one_under_one_limit(name: str) -> None:
    """It runs on the loop, asks the run's image service, and gives one IMAGE."""
    node_type = NODE_TYPES[name]
    assert node_type.api_node
    assert node_type.is_async
    assert node_type.services == (ImageService,)
    assert node_type.limit == "openai"
    assert [output.type for output in node_type.outputs] == ["IMAGE"]
    seed = node_type.input("seed")
    assert seed is not None
    assert seed.widget.seed
    assert node_type.display_name
    assert node_type.category == "partner/image/OpenAI"


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_dalle2_asks_for_new_pictures() -> None:
    """JSON with four fields, and never a seed."""
    request = sent(openai.openai_dalle2, prompt="a fox", seed=5, size="256x256", n=2)
    assert request.path == "/v1/images/generations"
    assert request.fields == {"model": "dall-e-2", "prompt": "a fox", "n": 2, "size": "256x256"}


def test_dalle2_edits_one_picture_whose_alpha_is_the_mask() -> None:
    """One file called image.png, no mask part; white in the mask is alpha 0."""
    pixels = noise(128, 128)
    request = sent(openai.openai_dalle2, prompt="a fox", size="256x256", image=tensor(pixels), mask=left_half(128, 128))
    assert request.path == "/v1/images/edits"
    assert request.fields == {"model": "dall-e-2", "n": "1", "prompt": "a fox", "size": "256x256"}
    (file,) = request.files
    assert (file.name, file.file_name, file.media_type) == ("image", "image.png", "image/png")
    uploaded = opened(file.data)
    assert np.array_equal(uploaded[..., :3], pixels[0])
    assert (uploaded[:, :64, 3] == 0).all()
    assert (uploaded[:, 64:, 3] == 255).all()


def test_dalle3_sends_style_and_no_count() -> None:
    """Three parameters; the API's only count is its default."""
    request = sent(openai.openai_dalle3, prompt="a fox", quality="hd", style="vivid", size="1792x1024")
    assert request.fields == {
        "model": "dall-e-3",
        "prompt": "a fox",
        "quality": "hd",
        "size": "1792x1024",
        "style": "vivid",
    }


def test_gpt_image_1_asks_for_new_pictures_with_the_function_s_defaults() -> None:
    """An omitted input is the function's default, which is not the widget's."""
    request = sent(openai.openai_gpt_image_1, prompt="a fox")
    assert request.path == "/v1/images/generations"
    assert request.fields == {
        "model": "gpt-image-1",
        "prompt": "a fox",
        "quality": "low",
        "background": "opaque",
        "n": 1,
        "size": "1024x1024",
        "moderation": "low",
    }


def test_gpt_image_1_sends_a_custom_size_as_a_size() -> None:
    """The word Custom stays here."""
    request = sent(
        openai.openai_gpt_image_1,
        prompt="a",
        model="gpt-image-2",
        size="Custom",
        custom_width=1280,
        custom_height=1040,
    )
    assert request.fields["size"] == "1280x1040"


def test_gpt_image_1_edits_one_picture_with_a_mask() -> None:
    """Fields as text, by name; then image_0.png; then a mask that is black with the mask's inverse as alpha."""
    pixels = noise(64, 96)
    request = sent(
        openai.openai_gpt_image_1,
        prompt="a fox",
        size="auto",
        background="auto",
        image=Pictures.from_pixels(pixels),
        mask=left_half(64, 96),
    )
    assert list(request.fields.items()) == [
        ("background", "auto"),
        ("model", "gpt-image-1"),
        ("moderation", "low"),
        ("n", "1"),
        ("prompt", "a fox"),
        ("quality", "low"),
        ("size", "auto"),
    ]
    assert [(f.name, f.file_name, f.media_type) for f in request.files] == [
        ("image", "image_0.png", "image/png"),
        ("mask", "mask.png", "image/png"),
    ]
    assert np.array_equal(opened(request.files[0].data), pixels[0])
    mask = opened(request.files[1].data)
    assert (mask[..., :3] == 0).all()
    assert (mask[:, :48, 3] == 0).all()
    assert (mask[:, 48:, 3] == 255).all()


def test_a_batch_goes_out_as_several_files() -> None:
    """Frame by frame, under image[]."""
    pixels = noise(32, 32, batch=3)
    request = sent(openai.openai_gpt_image_1, prompt="a", size="auto", image=tensor(pixels))
    assert [(f.name, f.file_name) for f in request.files] == [("image[]", f"image_{i}.png") for i in range(3)]
    assert all(np.array_equal(opened(f.data), frame) for f, frame in zip(request.files, pixels, strict=True))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_number_of_channels_is_uploaded(channels: int) -> None:
    """RGBA stays as it is; grey becomes RGB."""
    pixels = noise(32, 32, channels)
    request = sent(openai.openai_gpt_image_1, prompt="a", size="auto", image=tensor(pixels))
    assert np.array_equal(opened(request.files[0].data), np.repeat(pixels[0], 3, 2) if channels == 1 else pixels[0])


def v2(model: str = "gpt-image-2", **nested: Any) -> dict[str, Any]:
    plain = {"size": "auto", "background": "auto", "quality": "low", "images": {}}
    return {"prompt": "a fox", "n": 1, "seed": 0, "model": {"model": model, **plain, **nested}}


def test_v2_asks_for_new_pictures() -> None:
    """As OpenAIGPTImage1 does, with its own models and qualities."""
    request = sent(openai.openai_gpt_image_v2, **{**v2("gpt-image-2.5-flare", quality="max"), "n": 2, "seed": 9})
    assert request.fields == {
        "model": "gpt-image-2.5-flare",
        "prompt": "a fox",
        "quality": "max",
        "background": "auto",
        "n": 2,
        "size": "auto",
        "moderation": "low",
    }


def test_v2_flattens_its_slots_in_the_order_of_their_numbers() -> None:
    """Each slot may hold a batch; slot 10 comes after slot 2; absent ones are skipped."""
    one, two, ten = noise(16, 16, batch=1), noise(16, 24, batch=2), noise(24, 16, batch=1)
    images = {"image_10": tensor(ten), "image_2": Pictures.from_pixels(two), "image_1": tensor(one)}
    request = sent(openai.openai_gpt_image_v2, **v2(images=images, size="1024x1024"))
    assert [f.file_name for f in request.files] == [f"image_{index}.png" for index in range(4)]
    assert {f.name for f in request.files} == {"image[]"}
    for file, frame in zip(request.files, [one[0], two[0], two[1], ten[0]], strict=True):
        assert np.array_equal(opened(file.data), frame)


def test_v2_tolerates_absent_custom_edges() -> None:
    """They are 1024, as ComfyUI's function has it."""
    request = sent(openai.openai_gpt_image_v2, **v2(size="Custom", custom_height=1536))
    assert request.fields["size"] == "1024x1536"


def test_v2_masks_its_one_frame() -> None:
    """One frame in all is called image, and the mask follows."""
    request = sent(openai.openai_gpt_image_v2, **v2(images={"image_3": tensor(noise(32, 32))}, mask=left_half(32, 32)))
    assert [(f.name, f.file_name) for f in request.files] == [("image", "image_0.png"), ("mask", "mask.png")]


@pytest.mark.parametrize(
    ("width", "height", "scaled"),
    [(3000, 2000, (2508, 1672)), (4000, 3000, (2365, 1774)), (5000, 1000, (4579, 916)), (2048, 2048, (2048, 2048))],
)
def test_large_pictures_are_scaled_down_before_upload(width: int, height: int, scaled: tuple[int, int]) -> None:
    """To 2048 x 2048 pixels in all, each edge rounded; picture and mask alike."""
    service = FixedService(b"file")
    pixels = np.zeros((1, height, width, 3), np.uint8)
    mask = Matte(np.zeros((1, height, width), np.uint8))
    call(openai.openai_gpt_image_1, service, prompt="a", image=Pictures.from_pixels(pixels), mask=mask)
    (request,) = service.requests
    assert request.mask is not None
    for upload in (*request.images, request.mask):
        assert Image.open(io.BytesIO(upload.data)).size == scaled


def test_dalle2_scales_down_further() -> None:
    """To 1536 x 1024 pixels in all."""
    service = FixedService(b"file")
    pixels, alpha = np.zeros((1, 2048, 2048, 3), np.uint8), np.zeros((1, 2048, 2048), np.uint8)
    call(openai.openai_dalle2, service, prompt="a", image=Pictures.from_pixels(pixels), mask=Matte(alpha))
    assert Image.open(io.BytesIO(service.requests[0].images[0].data)).size == (1254, 1254)


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_a_grey_mask_level_is_cut_not_rounded(level: int) -> None:
    """Alpha is floor((1 - mask) * 255) in float32, as ComfyUI has it."""
    value = np.float32(level) / np.float32(255)
    service = FixedService(b"file")
    mask = torch.full((1, 8, 8), float(value))
    call(openai.openai_gpt_image_1, service, prompt="a", image=tensor(noise(8, 8)), mask=mask)
    upload = service.requests[0].mask
    assert upload is not None
    assert opened(upload.data)[0, 0, 3] == int((np.float32(1) - value) * np.float32(255))


def asked(node: Node, **inputs: Any) -> ImageRequest:
    """The request a node makes, as the image service gets it."""
    service = FixedService(b"file")
    call(node, service, **inputs)
    return service.requests[0]


def test_a_request_is_known_by_its_pixels_as_sent() -> None:
    """A tensor and 8-bit pixels, or two pictures that scale down to one, make equal requests; other masks don't."""
    pixels = noise(8, 8)
    for node in (openai.openai_gpt_image_1, openai.openai_dalle2):
        masked = asked(node, prompt="a", image=tensor(pixels), mask=left_half(8, 8))
        assert all(upload.pixels_digest for upload in (*masked.images, *filter(None, [masked.mask])))
        assert masked.digest == asked(node, prompt="a", image=Pictures.from_pixels(pixels), mask=left_half(8, 8)).digest
        assert masked.digest != asked(node, prompt="a", image=tensor(pixels), mask=1 - left_half(8, 8)).digest
    black = [Pictures.from_pixels(np.zeros((1, side, side, 3), np.uint8)) for side in (2100, 2200)]
    assert len({asked(openai.openai_gpt_image_1, prompt="a", image=image).digest for image in black}) == 1


# ── results ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_service_s_files_are_handed_on_untouched() -> None:
    """Not even decoded: they need not be pictures for that."""
    pictures = call(openai.openai_gpt_image_1, FixedService(b"one", b"two"), prompt="a", n=2)
    assert pictures.files == (b"one", b"two")


def test_fewer_pictures_than_asked_is_a_warning() -> None:
    """What came is used."""
    warned: list[str] = []
    assert len(call(openai.openai_gpt_image_1, FixedService(b"one"), warned, prompt="a", n=3)) == 1
    assert warned == ["asked for 3 pictures and got 1"]


def test_a_mask_that_selects_nothing_is_a_warning() -> None:
    """The service would be paid for leaving the picture as it is."""
    warned: list[str] = []
    image, mask = tensor(noise(8, 8)), torch.full((1, 8, 8), 0.9)
    call(openai.openai_gpt_image_1, FixedService(b"one"), warned, prompt="a", image=image, mask=mask)
    call(openai.openai_dalle2, FixedService(b"one"), warned, prompt="a", image=image, mask=mask)
    assert warned == ["the mask selects nothing: only fully white mask pixels are changed"] * 2


def test_another_seed_asks_anew_though_the_request_is_the_same() -> None:
    """The seed is in the request's digest and nowhere on the wire."""
    first = sent(openai.openai_dalle3, prompt="a", seed=1)
    second = sent(openai.openai_dalle3, prompt="a", seed=2)
    assert first.fields == second.fields
    assert first.client_request_id != second.client_request_id


def test_a_blank_prompt_is_left_to_the_service() -> None:
    """As in ComfyUI only null is refused here."""
    with pytest.raises(ProviderError, match="prompt"):
        call(openai.openai_dalle3, offline_images(), prompt=" ")


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────────

IMAGE, MASK = tensor(noise(8, 8)), torch.ones(1, 8, 8)


@pytest.mark.parametrize(
    "node", [openai.openai_dalle2, openai.openai_dalle3, openai.openai_gpt_image_1], ids=["dalle2", "dalle3", "gpt1"]
)
def test_a_null_prompt_is_refused(node: Node) -> None:
    """By every node."""
    assert refusal(node, prompt=None) == "Field 'prompt' cannot be empty."


def test_a_null_prompt_is_refused_by_v2() -> None:
    """Here too, before anything else."""
    assert refusal(openai.openai_gpt_image_v2, **{**v2(), "prompt": None}) == "Field 'prompt' cannot be empty."


@pytest.mark.parametrize("given", [{"image": IMAGE}, {"mask": MASK}])
def test_dalle2_wants_both_image_and_mask(given: dict[str, torch.Tensor]) -> None:
    """One without the other is no edit."""
    message = "Dall-E 2 image editing requires an image AND a mask"
    assert refusal(openai.openai_dalle2, prompt="a", **given) == message


def test_dalle2_wants_exactly_one_image() -> None:
    """ComfyUI crashes there."""
    message = "DALL-E 2 edits exactly one image; got a batch of 2"
    assert refusal(openai.openai_dalle2, prompt="a", image=tensor(noise(8, 8, batch=2)), mask=MASK) == message


def refused_by_model(node: Node, **inputs: Any) -> str:
    """What the image service says of a node's request for reasons of its model, before anything is sent."""
    service = FixedService(b"file")
    call(node, service, **inputs)
    with pytest.raises(ProviderError, match="nothing was sent") as caught:
        prepared(service.requests[0], "a service")
    return str(caught.value)


def test_dalle2_wants_a_square_picture() -> None:
    """OpenAI would refuse it."""
    image, mask = tensor(noise(8, 16)), torch.ones(1, 8, 16)
    message = refused_by_model(openai.openai_dalle2, prompt="a", image=image, mask=mask)
    assert "only square pictures, and image.png is 16x8: crop or pad it" in message


def test_dalle2_wants_less_than_four_megabytes() -> None:
    """Noise compresses badly even when scaled down."""
    image = Pictures.from_pixels(noise(1254, 1254, 4))
    mask = torch.rand(1, 1254, 1254, generator=torch.Generator().manual_seed(1))
    message = refused_by_model(openai.openai_dalle2, prompt="a", image=image, mask=mask)
    assert "takes only files under 4 MB: scale it down" in message


@pytest.mark.parametrize("node", [openai.openai_dalle2, openai.openai_gpt_image_1], ids=["dalle2", "gpt1"])
def test_image_and_mask_must_be_of_one_size(node: Node) -> None:
    """Both sizes are named; a 64x64 mask is explained, the most frequent mistake of all."""
    message = refusal(node, prompt="a", image=IMAGE, mask=torch.ones(1, 8, 9))
    assert message == "Mask and Image must be the same size: the image is 8x8, the mask 9x8"
    message = refusal(node, prompt="a", image=IMAGE, mask=torch.zeros(1, 64, 64))
    assert message.startswith("Mask and Image must be the same size: ")
    assert "the loaded picture has no alpha channel, so its mask is 64x64" in message


@pytest.mark.parametrize("node", [openai.openai_dalle2, openai.openai_gpt_image_1], ids=["dalle2", "gpt1"])
def test_one_mask_at_a_time(node: Node) -> None:
    """ComfyUI crashes there."""
    message = refusal(node, prompt="a", image=IMAGE, mask=torch.ones(2, 8, 8))
    assert message == "the mask must be a single one; got a batch of 2"


def test_gpt_nodes_want_an_image_with_a_mask() -> None:
    """Both of them, in the same words; an empty batch is no image."""
    message = "Cannot use a mask without an input image"
    assert refusal(openai.openai_gpt_image_1, prompt="a", mask=MASK) == message
    assert refusal(openai.openai_gpt_image_v2, **v2(mask=MASK)) == message
    assert refusal(openai.openai_gpt_image_v2, **v2(mask=MASK, images={"image_1": torch.zeros(0, 8, 8, 3)})) == message


def test_gpt_nodes_mask_one_frame_only() -> None:
    """A batch, or several slots."""
    message = "Cannot use a mask with multiple image"
    two = tensor(noise(8, 8, batch=2))
    assert refusal(openai.openai_gpt_image_1, prompt="a", image=two, mask=MASK) == message
    assert refusal(openai.openai_gpt_image_v2, **v2(images={"image_1": IMAGE, "image_2": IMAGE}, mask=MASK)) == message


def test_more_than_sixteen_frames_are_refused() -> None:
    """ComfyUI counts slots; OpenAI counts pictures."""
    nine = tensor(noise(8, 8, batch=9))
    message = refused_by_model(openai.openai_gpt_image_v2, **v2(images={"image_1": nine, "image_2": nine}))
    assert "gpt-image-2 takes at most 16 pictures in one edit, and these are 18: link fewer" in message
    sixteen = {f"image_{index}": IMAGE for index in range(1, 17)}
    assert len(sent(openai.openai_gpt_image_v2, **v2(images=sixteen, size="1024x1024")).files) == 16


CUSTOM_FAULTS = [
    (1000, 1024, "Custom width and height must be multiples of 16, got 1000x1024"),
    (4096, 1024, "Custom resolution max edge must be <= 3840, got 4096x1024"),
    (3840, 1024, "Custom resolution aspect ratio must not exceed 3:1, got 3840x1024"),
    (480, 1360, "Custom resolution total pixels must be between 655,360 and 8,294,400, got 652800"),
    (3840, 3840, "Custom resolution total pixels must be between 655,360 and 8,294,400, got 14745600"),
]


def complaints(name: str, **literals: object) -> list[tuple[str, str]]:
    """What a node type has against literals before anything runs."""
    check = NODE_TYPES[name].check
    assert check is not None
    return [(found.input, found.message) for found in check(literals, Folders(Path(), Path(), Path()))]


@pytest.mark.parametrize(("width", "height", "message"), CUSTOM_FAULTS)
def test_a_custom_size_has_limits(width: int, height: int, message: str) -> None:
    """Told before the run where the numbers are literals, else when the node runs; in the same words."""
    edges: dict[str, Any] = {"custom_width": width, "custom_height": height}
    custom = {"model": "gpt-image-2", "size": "Custom", **edges}
    assert refusal(openai.openai_gpt_image_1, prompt="a", **custom) == message
    assert refusal(openai.openai_gpt_image_v2, **v2(size="Custom", **edges)) == message
    assert complaints("OpenAIGPTImage1", prompt="a", **custom) == [("custom_width", message)]
    flat = {f"model.{name}": value for name, value in {"size": "Custom", **edges}.items()}
    assert complaints("OpenAIGPTImageNodeV2", model="gpt-image-2", **flat) == [("model.custom_width", message)]


@pytest.mark.parametrize(
    ("choices", "input_name", "message"),
    [
        (
            {"model": "gpt-image-1.5", "size": "Custom"},
            "size",
            "Custom resolution is only supported by GPT Image 2 model",
        ),
        (
            {"model": "gpt-image-1", "size": "2048x1152"},
            "size",
            "Resolution 2048x1152 is only supported by GPT Image 2 model",
        ),
        (
            {"model": "gpt-image-2", "background": "transparent"},
            "background",
            "Transparent background is not supported for GPT Image 2 model",
        ),
        ({"model": "gpt-image-9"}, "model", "Unknown model: gpt-image-9"),
    ],
)
def test_gpt_image_1_knows_what_its_models_can_t(choices: dict[str, str], input_name: str, message: str) -> None:
    """Before the run and in it, in the same words."""
    assert refusal(openai.openai_gpt_image_1, prompt="a", **choices) == message
    assert complaints("OpenAIGPTImage1", prompt="a", **choices) == [(input_name, message)]


def test_v2_refuses_a_model_it_doesn_t_know() -> None:
    """Reached only past the engine's own check of the options."""
    assert refusal(openai.openai_gpt_image_v2, **v2("gpt-image-9")) == "Unknown model: gpt-image-9"


def test_the_check_reports_every_fault_at_once() -> None:
    """Unlike the run, which stops at the first."""
    found = complaints("OpenAIGPTImage1", prompt=None, model="gpt-image-2", size="auto", background="transparent")
    assert [input_name for input_name, _ in found] == ["prompt", "background"]


@pytest.mark.parametrize("known", [{}, {"size": "Custom"}, {"model": "gpt-image-1"}, {"background": "transparent"}])
def test_the_check_is_silent_about_linked_inputs(known: dict[str, str]) -> None:
    """Their values come later, and the node looks again then."""
    assert complaints("OpenAIGPTImage1", prompt="a", **known) == []


@pytest.mark.parametrize(("width", "height"), [(480, 1376), (3840, 2160), (2160, 3840), (1024, 1024)])
def test_legal_custom_sizes_pass(width: int, height: int) -> None:
    """At the very edges of the limits."""
    literals = {"model.size": "Custom", "model.custom_width": width, "model.custom_height": height}
    assert complaints("OpenAIGPTImageNodeV2", model="gpt-image-2", **literals) == []


def test_text_to_image_needs_neither_tensors_nor_arrays() -> None:
    """From request to files, torch and numpy stay unloaded (rule 6)."""
    program = """
import asyncio, sys
from pathlib import Path
from graphrun import Folders, ImageService, RunContext
from graphrun.providers.offline import offline_images
from graphrun_nodes.openai import openai_dalle3
service = offline_images()
assert not {"httpx", "PIL", "numpy", "torch"} & set(sys.modules)
context = RunContext("1", Folders(Path(), Path(), Path()), services={ImageService: service})
assert len(asyncio.run(openai_dalle3(context, prompt="a fox"))) == 1
assert not {"numpy", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
