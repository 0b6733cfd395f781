"""What is sent to each model, what is left out, and what is refused before anything is sent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun import ImageRequest, ProviderError, Upload
from graphrun.providers.abilities import cautions, prepared
from graphrun.providers.offline_easel import read_order
from graphrun.providers.offline_rules import Heard, Refused, read_request

SERVICE = "openai:https://api.example/v1"


@cache
def picture(size: tuple[int, int] = (16, 16), mode: str = "RGBA", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def padded(megabytes: float) -> bytes:
    """A picture file of exactly this length."""
    return picture().ljust(int(megabytes * 2**20), b"\0")


RGBA, RGB = Upload("image_0.png", picture()), Upload("image_0.png", picture(mode="RGB"))
MASK = Upload("mask.png", picture())


def sent(
    model: str, *images: Upload, mask: Upload | None = None, prompt: str = "a fox", **given: Any
) -> dict[str, Any]:
    """The parameters of a request as they will be sent."""
    return dict(prepared(ImageRequest(model, prompt, given, images, mask), SERVICE).parameters)


def refusal(model: str, *images: Upload, mask: Upload | None = None, prompt: str = "a fox", **given: Any) -> str:
    """What is said of a request that is not sent, without the words all refusals share."""
    with pytest.raises(ProviderError) as caught:
        sent(model, *images, mask=mask, prompt=prompt, **given)
    assert caught.value.maybe_billed is False
    said, _, rest = str(caught.value).rpartition("; ")
    assert rest == f"nothing was sent to {SERVICE}"
    return said


# ── the table of openai-images.md, 2.1, as its readers see it ──────────────────────────────────────────────────

FAMILIES = {
    "dall-e-2": "dalle2",
    "dall-e-3": "dalle3",
    "gpt-image-1": "gpt1",
    "gpt-image-1.5": "gpt1",
    "chatgpt-image-latest": "gpt1",
    "gpt-image-1-mini": "mini",
    "gpt-image-2": "gpt2",
    "gpt-image-2-2026-04-21": "gpt2",
    "gpt-image-2.5-flare": "gpt2.5",
    "gpt-image-2.5-sunburst": "gpt2.5",
    "gpt-image-2.6-flare": "gpt2.6",
    "gpt-image-2.6-sunburst": "gpt2.6",
}
EDITORS = [model for model in FAMILIES if model != "dall-e-3"]


def gpt(values: list[Any], **others: list[Any]) -> dict[str, list[Any]]:
    """The same for all GPT image models, save ``others``."""
    families = dict.fromkeys(("gpt1", "mini", "gpt2", "gpt2.5", "gpt2.6"), values)
    return {**families, **{name.replace("_", "."): own for name, own in others.items()}}


FIVE = ["auto", "low", "medium", "high"]
EFFORTS = [*FIVE, "xhigh", "max"]
GPT_1_SIZES = ["auto", "1024x1024", "1536x1024", "1024x1536"]
FREE_SIZES = [*GPT_1_SIZES, "1792x1024", "1024x1792", "2048x1152", "3840x2160", "480x1376"]
URL = ["url", "b64_json"]
FORMATS = ["png", "jpeg", "webp"]

# Parameter: which values each family takes; where a family is missing, the parameter is never sent.
BOTH: Mapping[str, dict[str, list[Any]]] = {
    "n": {"dalle2": [1, 2, 10], "dalle3": [], **gpt([1, 2, 10])},
    "size": {
        "dalle2": ["256x256", "512x512", "1024x1024"],
        "dalle3": ["1024x1024", "1792x1024", "1024x1792"],
        **gpt(FREE_SIZES, gpt1=GPT_1_SIZES, mini=GPT_1_SIZES),
    },
    "quality": {"dalle2": ["standard"], "dalle3": ["standard", "hd"], **gpt(FIVE, gpt2_5=EFFORTS, gpt2_6=EFFORTS)},
    "background": gpt(["auto", "opaque", "transparent"]),
    "output_format": gpt(FORMATS, gpt2_6=[*FORMATS, "gif", "svg"]),
    "moderation": gpt(["auto", "low"]),
    "style": {"dalle3": ["vivid", "natural"]},
    "response_format": {"dalle2": URL, "dalle3": URL},
    "complexity": {"gpt2.6": ["low", "medium", "high"]},
    "user": {"dalle2": ["me"], "dalle3": ["me"], **gpt(["me"])},
    **{name: {} for name in ("seed", "steps", "negative_prompt", "guidance", "stream", "partial_images")},
}
GENERATION = {**BOTH, "input_fidelity": {}}
EDIT = {**BOTH, "input_fidelity": {"gpt1": ["low", "high"], "mini": ["low"]}}

TRIED: Mapping[str, list[Any]] = {
    "n": [2, 10, 0, -1, 11, "2", True, 1.5],
    "size": [*FREE_SIZES, "256x256", "512x512", "1000x1000", "4096x1024", "480x1360", "3840x3840", "Custom", "", 1024],
    "quality": [*EFFORTS, "standard", "hd", "", 1],
    "background": ["auto", "opaque", "transparent", "blue", ""],
    "output_format": [*FORMATS, "gif", "svg", "tiff"],
    "moderation": ["auto", "low", "none"],
    "style": ["vivid", "natural", "calm"],
    "response_format": [*URL, "file"],
    "input_fidelity": ["low", "high", "auto"],
    "complexity": ["low", "medium", "high", "max"],
    "user": ["me", 7],
}


def check_table(model: str, parameter: str, legal: list[Any] | None, *images: Upload) -> None:
    for value in TRIED.get(parameter, [7, "x", True, False]):
        if legal is None:
            assert sent(model, *images, **{parameter: value}) == {}, f"{parameter} is never sent to {model}"
        elif any(value == known and type(value) is type(known) for known in legal):
            assert sent(model, *images, **{parameter: value}) == {parameter: value}
        else:
            said = refusal(model, *images, **{parameter: value})
            assert model in said
            assert parameter == "size" or repr(value) in said


@pytest.mark.parametrize("parameter", GENERATION)
@pytest.mark.parametrize("model", FAMILIES)
def test_a_generation_holds_what_its_model_knows(model: str, parameter: str) -> None:
    """Legal values are sent as they are, unknown parameters never, and other values are refused with their names."""
    check_table(model, parameter, GENERATION[parameter].get(FAMILIES[model]))


@pytest.mark.parametrize("parameter", EDIT)
@pytest.mark.parametrize("model", EDITORS)
def test_an_edit_holds_what_its_model_knows(model: str, parameter: str) -> None:
    """The same for edits, which alone have input_fidelity."""
    check_table(model, parameter, EDIT[parameter].get(FAMILIES[model]), RGBA)


@pytest.mark.parametrize("model", [*FAMILIES, "flux-dev"])
def test_null_is_never_sent(model: str) -> None:
    """Also to models that aren't OpenAI's: a parameter without a value is no parameter."""
    nothing: dict[str, Any] = dict.fromkeys(GENERATION)
    assert sent(model, **nothing) == {}


def test_dalle3_is_sent_no_count() -> None:
    """One picture is all it makes, and more are refused rather than forgotten."""
    assert sent("dall-e-3", n=1) == {}
    assert refusal("dall-e-3", n=2) == "n is 2, and dall-e-3 makes only one picture in one call: change n"


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_compression_goes_with_formats_that_have_it(output_format: str) -> None:
    """PNG has none, so it is not sent with one, said or unsaid."""
    assert sent("gpt-image-2", output_format=output_format, output_compression=50)["output_compression"] == 50
    assert sent("gpt-image-2", output_format="png", output_compression=50) == {"output_format": "png"}
    assert sent("gpt-image-2", output_compression=50) == {}
    said = refusal("gpt-image-2", output_format=output_format, output_compression=101)
    assert said == "output_compression 101 is none that gpt-image-2 knows: choose 0 to 100"


def test_the_order_of_parameters_is_kept() -> None:
    """What is left out leaves the rest as it was; prompt, model, seed and pictures are untouched."""
    request = ImageRequest(
        "gpt-image-2", "a", {"size": "auto", "style": "vivid", "n": 2, "quality": "low"}, (RGB,), MASK, 7
    )
    fitted = prepared(request, SERVICE)
    assert list(fitted.parameters.items()) == [("size", "auto"), ("n", 2), ("quality", "low")]
    assert (fitted.model, fitted.prompt, fitted.images, fitted.mask, fitted.seed) == (
        "gpt-image-2",
        "a",
        (RGB,),
        MASK,
        7,
    )


@pytest.mark.parametrize("model", ["flux-dev", "my-deployment", "gpt-image-9", "openai/gpt-image-1", ""])
def test_a_model_nobody_knows_gets_everything_as_it_is(model: str) -> None:
    """Compatible servers have their own parameters, sizes and limits."""
    given = {"seed": 7, "steps": 20, "n": 99, "size": "777x3", "quality": "best", "response_format": "url"}
    uploads = (Upload("a.bin", b"anything", "application/octet-stream"),) * 20
    assert sent(model, *uploads, mask=Upload("m", b""), prompt="", **given) == given


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("model", "most"), [("dall-e-2", 1000), ("dall-e-3", 4000), ("gpt-image-2", 32000)])
def test_a_prompt_has_a_length_in_characters(model: str, most: int) -> None:
    """Not in bytes: umlauts and emoji count once."""
    assert sent(model, prompt="🦊" * most) == {}
    said = refusal(model, prompt="🦊" * (most + 1))
    assert said == f"the prompt has {most + 1:,} characters, and {model} takes at most {most:,}: shorten it"


@pytest.mark.parametrize("prompt", ["", " ", "\n\t"])
def test_a_blank_prompt_is_refused(prompt: str) -> None:
    """The service would do so too, after the uploads."""
    assert refusal("gpt-image-2", prompt=prompt) == "the prompt is blank, and gpt-image-2 needs one: say what to draw"


CUSTOM_FAULTS = [
    ("1000x1024", "Custom width and height must be multiples of 16, got 1000x1024"),
    ("4096x1024", "Custom resolution max edge must be <= 3840, got 4096x1024"),
    ("3840x1024", "Custom resolution aspect ratio must not exceed 3:1, got 3840x1024"),
    ("480x1360", "Custom resolution total pixels must be between 655,360 and 8,294,400, got 652800"),
    ("3840x3840", "Custom resolution total pixels must be between 655,360 and 8,294,400, got 14745600"),
]


@pytest.mark.parametrize(("size", "message"), CUSTOM_FAULTS)
def test_a_free_size_has_limits_told_in_comfyui_s_words(size: str, message: str) -> None:
    """Also where no node has looked at it."""
    assert refusal("gpt-image-2", size=size) == f"{message}: choose another size for gpt-image-2"


def test_other_wrong_sizes_are_answered_with_the_right_ones() -> None:
    """A list where there is one."""
    said = refusal("gpt-image-1", size="2048x2048")
    assert said == "size '2048x2048' is none that gpt-image-1 knows: choose auto, 1024x1024, 1536x1024 or 1024x1536"
    assert refusal("gpt-image-2", size="Custom").endswith("none that gpt-image-2 knows: choose auto or WIDTHxHEIGHT")


def test_a_wrong_choice_is_answered_with_the_right_ones() -> None:
    """Names and values as the service has them."""
    said = refusal("gpt-image-2", quality="max")
    assert said == "quality 'max' is none that gpt-image-2 knows: choose auto, low, medium or high"
    assert refusal("gpt-image-1-mini", RGB, input_fidelity="high").endswith("gpt-image-1-mini knows: choose low")


@pytest.mark.parametrize("output_format", ["jpeg", "gif", "svg"])
def test_transparency_needs_a_format_that_has_it(output_format: str) -> None:
    """PNG, which is the default, or WebP."""
    said = refusal("gpt-image-2.6-flare", background="transparent", output_format=output_format)
    assert said.endswith(f"needs the output_format png or webp, not {output_format}: change one of them")


def test_dalle3_edits_nothing() -> None:
    """Nor is a mask alone anything to go by."""
    assert refusal("dall-e-3", RGB).startswith("dall-e-3 only makes new pictures: unlink the image")
    assert refusal("gpt-image-2", mask=MASK).startswith("Cannot use a mask without an input image: ")


@pytest.mark.parametrize("model", [model for model in EDITORS if model != "dall-e-2"])
def test_sixteen_pictures_go_into_an_edit(model: str) -> None:
    """As many as there are in all, whatever they came from."""
    sent(model, *[RGB] * 16)
    assert refusal(model, *[RGB] * 17) == f"{model} takes at most 16 pictures in one edit, and these are 17: link fewer"


def test_dalle2_edits_one_square_png() -> None:
    """Where it is transparent, or where the mask is."""
    sent("dall-e-2", RGBA)
    sent("dall-e-2", RGB, mask=MASK)
    assert "at most one picture in one edit, and these are 2" in refusal("dall-e-2", RGBA, RGBA)
    wide = Upload("image.png", picture((32, 16)))
    assert refusal("dall-e-2", wide) == "dall-e-2 edits only square pictures, and image.png is 32x16: crop or pad it"
    assert "image_0.png has no alpha channel: give a mask" in refusal("dall-e-2", RGB)
    jpeg = Upload("a.jpg", picture(mode="RGB", kind="JPEG"), "image/jpeg")
    assert refusal("dall-e-2", jpeg) == "a.jpg is JPEG sent as image/jpeg, and dall-e-2 takes PNG there: convert it"
    assert "is damaged: crop or pad it" in refusal("dall-e-2", Upload("a.png", picture()[:20]))


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_gpt_models_edit_three_kinds_of_file(kind: str, media_type: str) -> None:
    """If they are what they are sent as."""
    data = picture(mode="RGB", kind=kind)
    sent("gpt-image-2", Upload("a", data, media_type), mask=MASK)
    said = refusal("gpt-image-2", Upload("a", data, "application/octet-stream"))
    assert (
        said
        == f"a is {kind} sent as application/octet-stream, and gpt-image-2 takes PNG, JPEG or WEBP there: convert it"
    )
    assert refusal("gpt-image-2", Upload("a", b"text", media_type)).startswith(f"a is no picture sent as {media_type}")
    assert refusal("gpt-image-2", Upload("a", picture(kind="GIF"), "image/gif")).startswith(
        "a is GIF sent as image/gif"
    )


@pytest.mark.parametrize(("model", "limit"), [("dall-e-2", 4), ("gpt-image-1", 50), ("gpt-image-2", 50)])
def test_files_have_a_size_limit(model: str, limit: int) -> None:
    """Exactly at it is too much."""
    sent(model, Upload("a.png", padded(limit)[:-1]))
    said = refusal(model, Upload("a.png", padded(limit)))
    assert said == f"a.png has {limit}.0 MB, and {model} takes only files under {limit} MB: scale it down"


def test_a_mask_is_a_small_png_with_alpha_and_the_first_picture_s_size() -> None:
    """Whatever the model; further pictures may have any size."""
    other = Upload("image_1.png", picture((32, 16)))
    sent("gpt-image-2", RGB, other, mask=MASK)
    assert "takes only files under 4 MB" in refusal("gpt-image-2", RGB, mask=Upload("mask.png", padded(4)))
    no_alpha = refusal("gpt-image-2", RGB, mask=Upload("mask.png", picture(mode="RGB")))
    assert no_alpha == (
        "mask.png has no alpha channel, and gpt-image-2 changes only what is transparent there: add one"
    )
    said = refusal("gpt-image-2", other, mask=MASK)
    assert said.startswith(
        "Mask and Image must be the same size for gpt-image-2, and the image is 32x16, the mask 16x16"
    )
    webp = Upload("mask.webp", picture(kind="WEBP"), "image/webp")
    assert "takes PNG there: convert it" in refusal("gpt-image-2", RGB, mask=webp)


# ── warnings ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_large_uploads_are_worth_a_warning() -> None:
    """All files together count, the mask too; exactly 25 MB pass in silence."""
    ten, five = Upload("a.png", padded(10)), Upload("b.png", padded(5))
    assert cautions(ImageRequest("flux-dev", "a", {}, (ten, ten, five))) == []
    (said,) = cautions(ImageRequest("flux-dev", "a", {}, (ten, ten, five), MASK))
    assert said.startswith(
        "the pictures to upload have 25.0 MB in all, and servers on the way may refuse more than 25 MB"
    )


def test_a_preview_is_worth_a_warning() -> None:
    """Transparent gpt-image-2 was refused at launch; newer models have it for good."""
    transparent = {"background": "transparent"}
    assert cautions(ImageRequest("gpt-image-2", "a", transparent)) == [
        "background transparent is a preview with gpt-image-2: OpenAI may refuse it"
    ]
    assert cautions(ImageRequest("gpt-image-2.5-flare", "a", transparent)) == []
    assert cautions(ImageRequest("gpt-image-2", "a", {"background": "opaque"})) == []


# ── the law that ties client and stand-in together ─────────────────────────────────────────────────────────────

POOL = [
    *(Upload(f"{mode}.png", picture((16, 16), mode)) for mode in ("RGB", "RGBA", "LA", "L", "P")),
    Upload("wide.png", picture((32, 16))),
    Upload("photo.jpg", picture(mode="RGB", kind="JPEG"), "image/jpeg"),
    Upload("photo.webp", picture(kind="WEBP"), "image/webp"),
    Upload("anim.gif", picture(mode="P", kind="GIF"), "image/gif"),
    Upload("wrong.png", picture(mode="RGB", kind="JPEG")),
    Upload("untyped", picture(), "application/octet-stream"),
    Upload("text.png", b"text"),
    Upload("large.png", padded(4)),
]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-1, 12), TEXTS)


def parameters(model: str, *, tame: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of every parameter there is, with right and wrong values, or ``tame``: with right ones."""
    strategies: dict[str, st.SearchStrategy[Any]] = {"output_compression": st.integers(0 if tame else -1, 101 - tame)}
    for name, families in EDIT.items():
        legal = families.get(FAMILIES[model])
        strategies[name] = st.sampled_from(legal) if tame and legal else st.sampled_from(TRIED.get(name, [7])) | VALUES
    return st.fixed_dictionaries({}, optional=strategies)


@st.composite
def requests(draw: st.DrawFn) -> ImageRequest:
    """Mostly tame ones, of which most are sent."""
    model, tame = draw(st.sampled_from(list(FAMILIES))), draw(st.sampled_from([True, True, False]))
    long = st.sampled_from([1000, 1001, 4000, 4001, 32000, 32001]).map("é".__mul__)
    pictures = st.sampled_from([RGB, RGBA] if tame else POOL)
    return ImageRequest(
        model,
        draw(st.just("größer\r\n") if tame else TEXTS | long),
        draw(parameters(model, tame=tame)),
        tuple(draw(st.lists(pictures, max_size=3) | st.just([RGB] * (16 if tame else 17)))),
        draw(st.none() | st.just(MASK) if tame else st.none() | st.sampled_from(POOL)),
    )


def heard(request: ImageRequest) -> Heard:
    """The request as the stand-in hears it. Raises Refused."""
    fields = {"model": request.model, "prompt": request.prompt, **request.parameters}
    if not request.images:
        wire = httpx.Request("POST", "http://offline.invalid/v1/images/generations", json=fields)
    else:
        name = "image" if len(request.images) == 1 else "image[]"
        named = [*((name, image) for image in request.images), *([("mask", request.mask)] if request.mask else [])]
        files = [(name, (upload.file_name, upload.data, upload.media_type)) for name, upload in named]
        text = {name: str(value) for name, value in fields.items()}
        wire = httpx.Request("POST", "http://offline.invalid/v1/images/edits", data=text, files=files)
    return read_request(wire.url.path, wire.headers["content-type"], wire.read(), "graphrun-1")


def prepared_or_refused(request: ImageRequest) -> ImageRequest | ProviderError:
    try:
        return prepared(request, SERVICE)
    except ProviderError as error:
        return error


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_whatever_is_sent_is_accepted_by_the_strict_stand_in(request: ImageRequest) -> None:
    """And by its look at the pixels; what isn't sent is refused in words that name the model."""
    outcome = prepared_or_refused(request)
    event("sent" if isinstance(outcome, ImageRequest) else "refused")
    if isinstance(outcome, ImageRequest):
        assert read_order(heard(outcome)).count == outcome.count
    else:
        assert not outcome.maybe_billed
        assert request.model in str(outcome)
        assert str(outcome).endswith(f"; nothing was sent to {SERVICE}")


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_preparing_twice_changes_nothing(request: ImageRequest) -> None:
    """The first time leaves nothing to leave out, so equal requests have equal addresses in the ledger."""
    outcome = prepared_or_refused(request)
    if isinstance(outcome, ImageRequest):
        assert prepared(outcome, SERVICE) == outcome
        assert prepared(outcome, SERVICE).digest == outcome.digest


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_no_generation_is_refused_that_the_stand_in_would_make(request: ImageRequest) -> None:
    """Being careful with money is no reason to be in the way."""
    generation = replace(request, images=(), mask=None)
    try:
        heard(generation)
    except Refused:
        return
    assert isinstance(prepared_or_refused(generation), ImageRequest)
