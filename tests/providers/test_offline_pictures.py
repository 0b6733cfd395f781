"""The offline service's pictures: sizes, seeds, transparency, edits that keep what they must."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from graphrun import ImageAnswer, ImageRequest, ProviderError, Upload
from graphrun.providers.offline import offline_images
from graphrun.providers.offline_plate import in_ascii

Pixels = npt.NDArray[np.uint8]


def ask(request: ImageRequest, **options: Any) -> ImageAnswer:
    async def run() -> ImageAnswer:
        service = offline_images(**options)
        try:
            return await service.create(request)
        finally:
            await service.aclose()

    return asyncio.run(run())


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def made(
    model: str = "gpt-image-2", prompt: str = "a fox", *, seed: int = 0, **parameters: str | int
) -> list[Image.Image]:
    return [opened(file) for file in ask(ImageRequest(model, prompt, parameters, seed=seed)).files]


def upload(picture: Image.Image, name: str = "image_0.png") -> Upload:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Upload(name, file.getvalue())


def photo(size: tuple[int, int] = (320, 320), mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    return Image.fromarray(noise)


def hole(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), box)
    return mask


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("dall-e-2", "256x256"),
        ("dall-e-2", "512x512"),
        ("dall-e-3", "1024x1792"),
        ("gpt-image-1", "1536x1024"),
        ("gpt-image-2", "2048x1152"),
        ("gpt-image-2", "480x1376"),
    ],
)
def test_a_picture_has_the_size_asked(model: str, size: str) -> None:
    """Every family, small, tall and wide."""
    (picture,) = made(model, size=size)
    assert "{}x{}".format(*picture.size) == size
    assert picture.format == "PNG"


def test_auto_is_square_for_new_pictures_and_the_upload_s_size_for_edits() -> None:
    """What ``auto`` leaves open is settled."""
    assert made(size="auto")[0].size == (1024, 1024)
    (file,) = ask(ImageRequest("gpt-image-2", "a", {"size": "auto"}, (upload(photo((300, 200))),))).files
    assert opened(file).size == (300, 200)


def test_equal_requests_give_equal_files() -> None:
    """Also from another service in another process: nothing but the request decides."""
    request = ImageRequest("gpt-image-2", "a fox", {"n": 2, "size": "auto"}, seed=3)
    assert ask(request).files == ask(request).files


def test_another_seed_gives_another_picture_though_it_is_never_sent() -> None:
    """The client's request id carries it."""
    assert made(seed=1)[0].tobytes() != made(seed=2)[0].tobytes()


def test_another_prompt_gives_another_picture() -> None:
    """The content decides too."""
    assert made(prompt="a fox")[0].tobytes() != made(prompt="a hen")[0].tobytes()


def test_n_pictures_are_all_different() -> None:
    """As those of a model are."""
    pictures = made(n=10)
    assert len({picture.tobytes() for picture in pictures}) == 10


def test_transparent_means_transparent() -> None:
    """Corners and much else are clear; the plate is solid."""
    (picture,) = made(background="transparent", size="1024x1024")
    alpha = np.asarray(picture.getchannel("A"))
    assert alpha[0, 0] == alpha[0, -1] == 0
    assert 0.1 < (alpha == 0).mean() < 0.5
    assert (alpha == 255).mean() > 0.4


def test_opaque_pictures_have_no_alpha() -> None:
    """Nothing to see through."""
    assert made(background="opaque")[0].mode == "RGB"


@pytest.mark.parametrize(("output_format", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_the_file_has_the_format_asked(output_format: str, kind: str) -> None:
    """All that OpenAI documents."""
    assert made(output_format=output_format)[0].format == kind


@pytest.mark.parametrize(
    "prompt",
    [
        "x",
        "long " * 5000,
        "w" * 3000,
        "一只红色的狐狸在雪地里奔跑，天空中飘着雪花",
        "🦊 e\u0301 \u202e\0\x1b \ud7ff",
        "line\nbreaks\r\n\tand tabs",
    ],
    ids=["short", "long", "unbroken", "chinese", "odd", "breaks"],
)
@pytest.mark.parametrize("size", ["480x1376", "1024x1024"])
def test_any_prompt_can_be_drawn(prompt: str, size: str) -> None:
    """Text that doesn't fit is cut, glyphs that aren't there become boxes."""
    assert "{}x{}".format(*made(prompt=prompt, size=size)[0].size) == size


def pixels_outside(box: tuple[int, int, int, int], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    outside = np.ones((size[1], size[0]), bool)
    outside[box[1] : box[3], box[0] : box[2]] = False
    return outside


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("box", [(40, 60, 250, 280), (0, 0, 320, 320), (5, 5, 9, 9), (0, 0, 0, 0)])
def test_an_edit_changes_only_what_the_mask_selects(mode: str, box: tuple[int, int, int, int]) -> None:
    """Every pixel outside is that of the upload, alpha included; inside there is something new."""
    original = photo(mode=mode)
    mask = upload(hole(original.size, box), "mask.png")
    request = ImageRequest("gpt-image-2", "a", {"size": "auto", "n": 2}, (upload(original),), mask)
    outside = pixels_outside(box, original.size)
    for file in ask(request).files:
        edited = opened(file)
        assert edited.mode == mode
        before, after = np.asarray(original), np.asarray(edited)
        assert np.array_equal(after[outside], before[outside])
        assert outside.all() or (after[~outside] != before[~outside]).any(axis=-1).mean() > 0.9


def test_half_masked_pixels_are_kept() -> None:
    """The selection is hard: only alpha 0 is edited, as at OpenAI."""
    original = photo()
    soft = Image.new("RGBA", original.size, (0, 0, 0, 1))
    request = ImageRequest("gpt-image-2", "a", {"size": "auto"}, (upload(original),), upload(soft, "mask.png"))
    assert np.array_equal(np.asarray(opened(ask(request).files[0])), np.asarray(original))


def test_a_round_mask_is_followed_exactly() -> None:
    """Not its bounding box."""
    original, mask = photo(), Image.new("RGBA", (320, 320), (0, 0, 0, 255))
    ImageDraw.Draw(mask).ellipse((40, 40, 200, 280), fill=(0, 0, 0, 0))
    request = ImageRequest("gpt-image-2", "a", {"size": "auto"}, (upload(original),), upload(mask, "mask.png"))
    kept = np.asarray(mask)[..., 3] != 0
    assert np.array_equal(np.asarray(opened(ask(request).files[0]))[kept], np.asarray(original)[kept])


def test_dalle2_edits_where_the_picture_itself_is_clear() -> None:
    """It has no mask part; its own alpha is the mask."""
    original = photo((256, 256), "RGBA")
    original.putalpha(hole((256, 256), (20, 30, 200, 180)).getchannel("A"))
    request = ImageRequest("dall-e-2", "a", {"n": 1, "size": "256x256"}, (upload(original, "image.png"),))
    before, after = np.asarray(original), np.asarray(opened(ask(request).files[0]))
    outside = pixels_outside((20, 30, 200, 180), (256, 256))
    assert np.array_equal(after[outside], before[outside])
    assert (after[~outside][:, 3] == 255).all()


def test_an_edit_in_another_size_keeps_the_picture_recognisable() -> None:
    """Nothing can be kept exactly then, but it is the same picture, enlarged."""
    original = Image.new("RGB", (320, 320), (200, 30, 30))
    mask = upload(hole(original.size, (0, 0, 160, 320)), "mask.png")
    request = ImageRequest("gpt-image-2", "a", {"size": "1024x1024"}, (upload(original),), mask)
    edited = opened(ask(request).files[0])
    assert edited.size == (1024, 1024)
    assert edited.getpixel((1000, 500)) == (200, 30, 30)


@pytest.mark.parametrize("count", [1, 2, 3, 16])
@pytest.mark.parametrize("background", ["auto", "transparent"])
def test_references_are_recognisable(count: int, background: str) -> None:
    """Each hangs in the picture with its own colour."""
    colours = [(8 + 15 * index, 250 - 15 * index, 77) for index in range(count)]
    uploads = tuple(upload(Image.new("RGB", (90, 60), colour)) for colour in colours)
    request = ImageRequest("gpt-image-2", "a", {"size": "1024x1024", "background": background}, uploads)
    picture = np.asarray(opened(ask(request).files[0]).convert("RGB"))
    for colour in colours:
        assert (picture == colour).all(axis=-1).sum() > 1000


def test_gpt_models_tell_usage_and_dalle_models_don_t() -> None:
    """Tokens add up."""
    usage = ask(ImageRequest("gpt-image-2", "a fox in snow", {"quality": "high", "size": "1024x1024"})).usage
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (4, 7024, 7028)
    assert ask(ImageRequest("dall-e-3", "a fox", {})).usage is None


def test_dalle3_tells_a_revised_prompt() -> None:
    """As the model it stands for."""
    (revised,) = ask(ImageRequest("dall-e-3", "a fox", {})).revised_prompts
    assert revised is not None
    assert "a fox" in revised


def test_requests_overlap() -> None:
    """A slow service serves many at once: all have begun before the first is done."""
    events: list[str] = []

    async def run() -> None:
        service = offline_images(latency=0.2, heard=lambda request: events.append("begun"))

        async def one(seed: int) -> None:
            await service.create(ImageRequest("dall-e-2", "a", {"size": "256x256"}, seed=seed))
            events.append("done")

        await asyncio.gather(*map(one, range(10)))

    asyncio.run(run())
    assert events == ["begun"] * 10 + ["done"] * 10


def test_refusals_reach_the_caller_like_any_service_s() -> None:
    """Through the real client, in words; it checks nothing for a model that it doesn't know."""
    with pytest.raises(ProviderError, match=r"offline:\d+ answered 400 unknown_parameter: Unknown parameter: 'seed'"):
        ask(ImageRequest("flux-dev", "a", {"seed": 1}))


def test_the_identity_holds_the_drawing_s_version_and_the_width_is_large() -> None:
    """So that old drawings are not taken from a cache, and latency is the only brake."""
    service = offline_images()
    assert service.identity.startswith("offline:")
    assert service.capacity == 32


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("größer, Łódź, naïve", "grosser, Lodz, naive"),
        ("na\u0131ve cafe\u0301 Æsir smørrebrød", "naive cafe AEsir smorrebrod"),
        ("„so“ – ‘he’ said… 2 × 2", "\"so\" - 'he' said... 2 x 2"),
        ("狐 и лиса", "狐 и лиса"),
    ],
)
def test_latin_letters_are_drawn_without_accents(text: str, drawn: str) -> None:
    """The built-in font has no others; what has no form in ASCII stays."""
    assert in_ascii(text) == drawn
