"""Old requests for living models: who takes a model's place, what becomes of each setting; and nothing is hidden."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun import ImageAnswer, ImageRequest, PictureError, ProviderError, Upload, UsageError
from graphrun.imaging import open_picture, picture_kind, picture_size
from graphrun.providers.abilities import prepared
from graphrun.providers.ask import Ask
from graphrun.providers.lifetimes import Alive, lifetime
from graphrun.providers.local_resize import resized, resized_answer
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import ModelMap
from graphrun.providers.model_table import abilities_of

SUGGESTED = ModelMap.suggested()
OLD = ("dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest")
LIVING = ("gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6-flare")


def mapped(model: str, model_map: ModelMap = SUGGESTED, **given: Any) -> tuple[str, dict[str, Any]]:
    """The model and the parameters that a generation is sent with."""
    request = model_map.translated(ImageRequest(model, "a fox", given)).request
    return request.model, dict(request.parameters)


def notes(model: str, **given: Any) -> tuple[str, ...]:
    return SUGGESTED.translated(ImageRequest(model, "a fox", given)).notes


# ── section 7's map ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", ["256x256", "512x512"])
def test_small_dalle2_pictures_are_made_larger_and_scaled_here(size: str) -> None:
    """They are below what gpt-image-2 draws."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-2", "a fox", {"n": 2, "size": size}, seed=7))
    assert translation.request == ImageRequest(
        "gpt-image-2",
        "a fox",
        {"n": 2, "size": "1024x1024", "quality": "low", "background": "opaque"},
        seed=7,
    )
    assert translation.resize == tuple(map(int, size.split("x")))
    assert translation.notes == (
        "gpt-image-2 is asked in place of dall-e-2",
        f"size is 1024x1024, and the pictures are then scaled to {size} here",
        "quality is low",
        "background is opaque",
    )


def test_a_full_dalle2_picture_needs_no_scaling() -> None:
    """1024x1024 is a size of both."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-2", "a fox", {"size": "1024x1024"}))
    assert translation.request.parameters["size"] == "1024x1024"
    assert translation.resize is None


@pytest.mark.parametrize(("old", "new"), [("standard", "medium"), ("hd", "high")])
@pytest.mark.parametrize("size", ["1024x1024", "1024x1792", "1792x1024"])
def test_dalle3_keeps_its_size_and_its_effort(old: str, new: str, size: str) -> None:
    """And its opaque background, which newer models would choose for themselves."""
    model, parameters = mapped("dall-e-3", quality=old, size=size, style="natural")
    assert (model, parameters) == ("gpt-image-2", {"quality": new, "size": size, "background": "opaque"})


def test_a_dalle_request_that_leaves_settings_out_gets_what_dalle_would_have_taken() -> None:
    """The newer models' own defaults cost more."""
    assert mapped("dall-e-3") == ("gpt-image-2", {"quality": "medium", "size": "1024x1024", "background": "opaque"})
    assert mapped("dall-e-2") == ("gpt-image-2", {"quality": "low", "size": "1024x1024", "background": "opaque"})


def test_a_vivid_style_is_said_in_the_prompt() -> None:
    """Someone chose it: the node starts with natural."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-3", "a fox", {"style": "vivid"}))
    assert translation.request.prompt == "a fox\n\nStyle: vivid, that is hyper-real and dramatic."
    assert "style vivid is said in the prompt" in translation.notes


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_prompt_stays_blank(blank: str) -> None:
    """It is refused unsent, as ever, and not paid for as a picture of nothing."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-3", blank, {"style": "vivid"}))
    assert translation.request.prompt == blank
    with pytest.raises(ProviderError, match="the prompt is blank"):
        prepared(translation.request, "openai")


def test_a_natural_style_is_left_out_with_a_note() -> None:
    """Said in words it would change pictures for which nobody chose it."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-3", "a fox", {"style": "natural"}))
    assert translation.request.prompt == "a fox"
    assert "style natural is left out: gpt-image-2 has no such setting" in translation.notes


@pytest.mark.parametrize("old", ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"])
@pytest.mark.parametrize("background", ["auto", "opaque"])
@pytest.mark.parametrize("quality", ["auto", "low", "medium", "high"])
def test_older_gpt_models_keep_size_and_quality(old: str, background: str, quality: str) -> None:
    """gpt-image-2 knows all of it."""
    given = {"quality": quality, "background": background, "n": 3, "size": "1536x1024", "moderation": "low"}
    assert mapped(old, **given) == ("gpt-image-2", given)
    assert notes(old, **given) == (f"gpt-image-2 is asked in place of {old}",)


@pytest.mark.parametrize(("old", "new"), [("low", "low"), ("medium", "high"), ("high", "max"), ("auto", "auto")])
def test_a_transparent_background_goes_to_sunburst_at_equal_effort(old: str, new: str) -> None:
    """Its qualities are named otherwise: by their tokens, medium is its high."""
    given = {"quality": old, "background": "transparent", "size": "auto"}
    assert mapped("gpt-image-1", **given) == ("gpt-image-2.5-sunburst", {**given, "quality": new})
    changed = f"quality is {new} in place of {old}"
    assert notes("gpt-image-1", **given) == (
        "gpt-image-2.5-sunburst is asked in place of gpt-image-1",
        *([changed] if old != new else []),
    )


def test_what_the_new_model_does_not_know_is_left_out_with_a_note() -> None:
    """Newer models always work at high fidelity; response_format only says how pictures travel."""
    picture = Upload("image_0.png", png("RGB"))
    request = ImageRequest("gpt-image-1", "a fox", {"input_fidelity": "low", "response_format": "url"}, (picture,))
    translation = SUGGESTED.translated(request)
    assert translation.request.parameters == {}
    assert translation.request.images == (picture,)
    assert translation.notes == (
        "gpt-image-2 is asked in place of gpt-image-1",
        "input_fidelity low is left out: gpt-image-2 has no such setting",
    )


@pytest.mark.parametrize("model", [*LIVING, "gpt-image-2-2026-04-21", "flux-on-my-server", "dall-e-3-of-mine"])
def test_living_and_unknown_models_are_untouched(model: str) -> None:
    """The very same request comes back, and there is nothing to say."""
    request = ImageRequest(model, "a fox", {"style": "vivid", "size": "256x256"})
    translation = SUGGESTED.translated(request)
    assert translation.request is request
    assert (translation.notes, translation.resize) == ((), None)
    ask = Ask.of(request)
    assert SUGGESTED.translated_ask(ask).ask is ask


def test_a_snapshot_goes_where_its_model_goes() -> None:
    """It died with it."""
    assert SUGGESTED.successor("gpt-image-1-2025-04-23") == "gpt-image-2"


@pytest.mark.parametrize("transparent", [False, True])
def test_every_suggested_successor_lives(transparent: bool) -> None:
    """The map leads no one into the next grave: each dead or dying model has a successor, and that is alive."""
    data, today = ModelData.load(), date(2026, 11, 20)
    for model in data.models:
        successor = SUGGESTED.successor(model, transparent=transparent)
        assert lifetime(successor, today, data) == Alive()
        assert (successor == model) == (lifetime(model, today, data) == Alive())


# ── DALL·E 2's edits: the mask is the picture's alpha ──────────────────────────────────────────────────────────


@cache
def png(mode: str = "RGBA", size: tuple[int, int] = (16, 16)) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


def pixels_of(data: bytes) -> Any:
    return np.asarray(open_picture(data))


def test_a_dalle2_edit_gets_an_rgb_picture_and_a_mask_file() -> None:
    """The mask is clear exactly where the picture was, and the colour below is kept."""
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    pixels[:4, :, 3] = 0
    old = ImageRequest("dall-e-2", "a hat", {"n": 1, "size": "1024x1024"}, (Upload.of_pixels("image.png", pixels),))
    translation = SUGGESTED.translated(old)
    (image,), mask = translation.request.images, translation.request.mask
    assert mask is not None
    assert (image.file_name, mask.file_name) == ("image_0.png", "mask.png")
    assert (pixels_of(image.data) == pixels[..., :3]).all()
    assert (pixels_of(mask.data)[..., 3] == pixels[..., 3]).all()
    assert not pixels_of(mask.data)[..., :3].any()
    assert translation.notes[-1] == "the clear part of the picture is sent as its mask"
    assert prepared(translation.request, "openai") == translation.request


def test_a_mask_that_is_there_already_stays() -> None:
    """The picture's own alpha then says nothing."""
    image, mask = Upload("image.png", png("RGBA")), Upload("mask.png", png("LA"))
    translation = SUGGESTED.translated(ImageRequest("dall-e-2", "a hat", {}, (image,), mask))
    assert translation.request.mask is mask
    assert pixels_of(translation.request.images[0].data).shape == (16, 16, 3)
    assert translation.notes[-1] == "the picture is sent without its alpha, as it has a mask"


def test_an_edit_without_alpha_and_mask_is_told_to_change_all() -> None:
    """DALL·E 2 would have refused it; its successor takes it."""
    translation = SUGGESTED.translated(ImageRequest("dall-e-2", "a hat", {}, (Upload("image.png", png("RGB")),)))
    assert translation.request.mask is None
    assert translation.notes[-1] == "the picture has neither a clear part nor a mask, so all of it may change"


def test_a_picture_that_can_t_be_split_is_told() -> None:
    """Before anything is sent."""
    with pytest.raises(PictureError):
        SUGGESTED.translated(ImageRequest("dall-e-2", "a hat", {}, (Upload("image.png", b"no picture"),)))


# ── a user's own entries ───────────────────────────────────────────────────────────────────────────────────────


def test_own_entries_go_before_the_suggested_ones() -> None:
    """Also for a transparent background: who names a model means it."""
    own = ModelMap.suggested({"gpt-image-1": "gpt-image-2.5-flare", "my-alias": "dall-e-3"})
    assert own.successor("gpt-image-1", transparent=True) == "gpt-image-2.5-flare"
    assert mapped("gpt-image-1", own, quality="medium") == ("gpt-image-2.5-flare", {"quality": "high"})
    assert own.successor("my-alias") == "gpt-image-2"
    assert own.successor("gpt-image-1.5") == "gpt-image-2"


def test_own_entries_alone_map_nothing_else() -> None:
    """A table in the configuration need not bring the suggestions with it."""
    own = ModelMap.only({"dall-e-2": "gpt-image-2"})
    assert own.successor("dall-e-2") == "gpt-image-2"
    assert own.successor("dall-e-3") == "dall-e-3"
    assert ModelMap().successor("dall-e-2") == "dall-e-2"


def test_an_entry_may_keep_a_model_or_pin_a_snapshot() -> None:
    """For a compatible service that still has it."""
    own = ModelMap.suggested({"dall-e-3": "dall-e-3", "gpt-image-2": "gpt-image-2-2026-04-21"})
    assert own.successor("dall-e-3") == "dall-e-3"
    assert own.successor("dall-e-2") == "gpt-image-2-2026-04-21"
    assert ModelMap.suggested({"gpt-image-1": "gpt-image-1-2025-04-23"}).successor("gpt-image-1") == (
        "gpt-image-1-2025-04-23"
    )


def test_a_model_we_do_not_know_is_asked_in_the_old_one_s_words() -> None:
    """A compatible server's alias for DALL·E 3 may well speak its language."""
    own = ModelMap.only({"dall-e-3": "azure-deployment"})
    given = {"quality": "hd", "style": "vivid", "size": "1024x1792"}
    assert mapped("dall-e-3", own, **given) == ("azure-deployment", given)


def test_a_newer_model_s_qualities_shrink_to_an_older_one_s() -> None:
    """Never to less effort than was asked for, where there is more."""
    own = ModelMap.only({"gpt-image-2.5-flare": "gpt-image-2", "gpt-image-2": "dall-e-3"})
    two = ModelMap.only({"gpt-image-2.5-flare": "gpt-image-2"})
    efforts = ("low", "medium", "high", "xhigh", "max")
    small = [mapped("gpt-image-2.5-flare", two, quality=each)[1]["quality"] for each in efforts]
    assert small == ["low", "medium", "medium", "high", "high"]
    old = [mapped("gpt-image-2.5-flare", own, quality=each)[1]["quality"] for each in efforts]
    assert old == ["standard", "standard", "standard", "hd", "hd"]


def test_a_circle_is_refused_with_a_way_out() -> None:
    """When the map is made, before anything asks it."""
    with pytest.raises(UsageError, match="round in a circle: gpt-image-2 to gpt-image-1 to gpt-image-2; change one"):
        ModelMap.suggested({"gpt-image-2": "gpt-image-1"})
    with pytest.raises(UsageError, match=r"a to b to a; .* keep a model as it is with 'a: a'"):
        ModelMap.only({"a": "b", "b": "a"})
    assert ModelMap.suggested({"gpt-image-2": "gpt-image-1", "gpt-image-1": "gpt-image-1"})


def test_a_blank_name_is_refused() -> None:
    """A forgotten value."""
    with pytest.raises(UsageError, match="'dall-e-2: ' has a blank name"):
        ModelMap.only({"dall-e-2": ""})


def test_maps_that_mean_different_requests_have_different_identities() -> None:
    """However their entries are ordered."""
    maps = [ModelMap(), SUGGESTED, ModelMap.only({"a": "b"}), ModelMap.suggested({"a": "b"}), ModelMap.only({"a": "c"})]
    assert len({each.identity for each in maps}) == len(maps)
    assert ModelMap.only({"a": "b", "c": "d"}).identity == ModelMap.only({"c": "d", "a": "b"}).identity


# ── before the run ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_ask_stays_as_unknown_as_it_is() -> None:
    """What the run will tell, the translation doesn't make up; DALL·E 2's quality and shape are known anyhow."""
    three = SUGGESTED.translated_ask(Ask("dall-e-3", {"quality": None, "size": None, "style": "vivid"}))
    assert three.ask == Ask("gpt-image-2", {"quality": None, "size": None, "background": "opaque"})
    two = SUGGESTED.translated_ask(Ask("dall-e-2", {"n": None, "size": None}, None, 1))
    known = {"n": None, "size": "1024x1024", "quality": "low", "background": "opaque"}
    assert two.ask == Ask("gpt-image-2", known, None, 1, masked=True)
    assert "size is 1024x1024, and the pictures are then scaled to what is asked for here" in two.notes
    assert two.resize is None


# ── laws ───────────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def requests(draw: st.DrawFn, models: tuple[str, ...] = OLD) -> ImageRequest:
    """A request that its model, as far as we know it, accepts."""
    model = draw(st.sampled_from(models))
    abilities = abilities_of(model)
    editing = abilities.references is not None and draw(st.booleans())
    values: Mapping[str, Any] = {
        **abilities.choices_for(editing=editing),
        "size": abilities.sizes or ("auto", "1024x1024", "480x1376"),
        "n": range(1, abilities.most + 1),
    }
    names = draw(st.sets(st.sampled_from(sorted(values))))
    parameters = {name: draw(st.sampled_from(values[name] or ("me",))) for name in sorted(names)}
    images = (Upload("image.png", png("RGBA")),) if editing else ()
    mask = Upload("mask.png", png("RGBA")) if editing and draw(st.booleans()) else None
    prompt = draw(st.text("fox ", min_size=1, max_size=9).filter(str.strip))
    request = ImageRequest(model, prompt, parameters, images, mask, draw(st.integers(0, 3)))
    try:  # some choices exclude each other
        prepared(request, "openai")
    except ProviderError:
        assume(False)
    return request


TARGETS = ("gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6-sunburst")
maps = st.dictionaries(st.sampled_from(OLD), st.sampled_from(TARGETS)).map(ModelMap.suggested)
law = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@law
@given(requests(), maps)
def test_a_mapped_request_is_accepted_by_its_new_model(request: ImageRequest, model_map: ModelMap) -> None:
    """As it is: nothing of it has to be left out."""
    translated = model_map.translated(request).request
    assert translated.model in TARGETS
    fitted = prepared(translated, "openai")
    assert fitted.parameters.items() <= translated.parameters.items()
    left_out = translated.parameters.keys() - fitted.parameters.keys()
    assert left_out <= {"output_compression", "stream"}


@law
@given(requests((*OLD, *LIVING)), maps)
def test_mapping_twice_is_mapping_once(request: ImageRequest, model_map: ModelMap) -> None:
    """A request that was translated needs no more."""
    translated = model_map.translated(request).request
    again = model_map.translated(translated)
    assert again.request is translated
    assert again.notes == ()


@law
@given(requests((*OLD, *LIVING)), maps)
def test_checks_before_the_run_see_the_request_of_the_run(request: ImageRequest, model_map: ModelMap) -> None:
    """Translating what is known of a request is knowing its translation, with the same notes."""
    translation, before = model_map.translated(request), model_map.translated_ask(Ask.of(request))
    assert before.ask == Ask.of(translation.request)
    assert (before.notes, before.resize) == (translation.notes, translation.resize)


@law
@given(requests(), maps)
def test_no_change_is_hidden(request: ImageRequest, model_map: ModelMap) -> None:
    """Every parameter that changed, came or went is named in a note, and so is the model."""
    translation = model_map.translated(request)
    told, sent = " ".join(translation.notes), translation.request
    assert f"{sent.model} is asked in place of {request.model}" in told
    for name in request.parameters.keys() | sent.parameters.keys():
        if request.parameters.get(name) != sent.parameters.get(name) and name != "response_format":
            assert name in told
    assert (sent.seed, sent.count) == (request.seed, request.count)


# ── scaling here ───────────────────────────────────────────────────────────────────────────────────────────────


def test_pictures_are_scaled_to_what_was_asked_for() -> None:
    """A PNG of that size, with its alpha if it has one; a picture of that size stays as it came."""
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 10, 10)).save(jpeg, "JPEG")
    first, second, third = resized([png("RGBA", (64, 64)), jpeg.getvalue(), png("RGB", (32, 32))], (32, 32))
    assert [picture_size(each) for each in (first, second, third)] == [(32, 32)] * 3
    assert [picture_kind(each) for each in (first, second)] == ["PNG", "PNG"]
    assert [pixels_of(each).shape[2] for each in (first, second)] == [4, 3]
    assert third == png("RGB", (32, 32))


def test_an_answer_keeps_what_else_it_says() -> None:
    """Only its files change."""
    answer = ImageAnswer((png(),), ("a red fox",), {"output_tokens": 196}, "req_1")
    scaled = resized_answer(answer, (8, 8))
    assert picture_size(scaled.files[0]) == (8, 8)
    assert (scaled.revised_prompts, scaled.usage, scaled.request_id) == (
        ("a red fox",),
        {"output_tokens": 196},
        "req_1",
    )


def test_a_damaged_picture_is_told() -> None:
    """It can't be scaled."""
    with pytest.raises(PictureError):
        resized([b"no picture"], (8, 8))
