"""What a dialect changes of a request, and what it leaves alone."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun import ImageRequest, Upload, UsageError
from graphrun.providers.api_key import Credentials
from graphrun.providers.dialect import OPENAI, Dialect, FileFields, Paths
from graphrun.providers.metered import AttemptFailed
from graphrun.providers.multipart import read_form
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.openai_requests import wire_form
from graphrun.providers.retries import Setback
from graphrun.providers.white_masks import white_where_clear

KEY = "azure-0123456789abcdef"


def png(mode: str = "RGB", colour: Any = "red") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (8, 8), colour).save(file, "PNG")
    return file.getvalue()


GENERATION = ImageRequest("gpt-image-2", "a fox", {"quality": "low", "n": 2}, seed=7)
MASKED = ImageRequest(
    "gpt-image-2", "a fox", {"n": 1}, (Upload("image_0.png", png()),), Upload("mask.png", png("RGBA", "#00000000"))
)


def sent(request: ImageRequest, dialect: Dialect, key: str | Credentials = KEY) -> httpx.Request:
    """Return what goes over the wire."""
    heard: list[httpx.Request] = []

    def answer(asked: httpx.Request) -> httpx.Response:
        heard.append(asked)
        return httpx.Response(200, json={"data": [{"b64_json": base64.b64encode(png()).decode()}]})

    async def scene() -> None:
        service = OpenAIImages("https://api.example", key, transport=httpx.MockTransport(answer), dialect=dialect)
        await service.create(request)
        await service.aclose()

    asyncio.run(scene())
    (request_,) = heard
    return request_


def test_azures_classic_form_has_the_deployment_in_its_path() -> None:
    """With the version in the query and the bare key in a header of its own (openai-images.md, 2.7)."""
    folder = "/openai/deployments/{model}/images"
    azure = Dialect(Paths(f"{folder}/generations", f"{folder}/edits"), {"api-version": "2025-04-01-preview"})
    credentials = Credentials.of_key("AZURE_OPENAI_API_KEY", KEY, "api-key")
    request = sent(ImageRequest("our fox/1", "a fox", {}), azure, credentials)
    assert str(request.url) == (
        "https://api.example/openai/deployments/our%20fox%2F1/images/generations?api-version=2025-04-01-preview"
    )
    assert request.headers["api-key"] == KEY
    assert "authorization" not in request.headers


def test_parameters_go_come_and_are_replaced() -> None:
    """In this order: what the service refuses is dropped before the model's rules, what it wants is added after."""
    dialect = Dialect(dropped=frozenset({"quality"}), added={"steps": 4, "scale": 2.5, "fast": True}, sends_seed=True)
    request = sent(ImageRequest("gpt-image-2", "a fox", {"quality": "none such", "n": 2}, seed=7), dialect)
    assert json.loads(request.content) == {
        "model": "gpt-image-2",
        "prompt": "a fox",
        "n": 2,
        "steps": 4,
        "scale": 2.5,
        "fast": True,
        "seed": 7,
    }


def test_in_a_form_truth_is_written_as_json_has_it() -> None:
    """Not as Python has it."""
    request = sent(MASKED, Dialect(added={"fast": True, "scale": 2.5}))
    fields = {part.name: part.data for part in read_form(request.headers["content-type"], request.content)}
    assert (fields["fast"], fields["scale"]) == (b"true", b"2.5")


def test_parts_have_the_names_the_service_knows() -> None:
    """One picture, and the mask."""
    request = sent(MASKED, Dialect(files=FileFields("picture", "picture", "area")))
    files = [part for part in read_form(request.headers["content-type"], request.content) if part.file_name]
    assert [part.name for part in files] == ["picture", "area"]


@given(st.lists(st.integers(0, 255), min_size=4, max_size=4))
@settings(deadline=None, max_examples=20)
def test_a_white_mask_is_the_reverse_of_the_alpha(alphas: list[int]) -> None:
    """Clear becomes white, opaque black, and what is between keeps its place."""
    picture = Image.new("RGBA", (2, 2))
    picture.putdata([(1, 2, 3, alpha) for alpha in alphas])
    file = io.BytesIO()
    picture.save(file, "PNG")
    white = Image.open(io.BytesIO(white_where_clear(Upload("mask.png", file.getvalue())).data))
    assert white.mode == "L"
    assert list(white.tobytes()) == [255 - alpha for alpha in alphas]


def test_a_mask_that_cant_be_turned_is_refused_unsent() -> None:
    """It costs nothing, and another try would change nothing."""
    broken = ImageRequest("of their own", "a fox", {}, MASKED.images, Upload("mask.png", b"none"))
    dialect = Dialect(files=FileFields(white_is_edited=True))
    service = OpenAIImages("https://api.example", KEY, transport=httpx.MockTransport(fail), dialect=dialect)
    with pytest.raises(AttemptFailed) as caught:
        asyncio.run(service.attempt(broken, "call-1"))
    assert caught.value.setback is Setback.REFUSED
    assert not caught.value.error.maybe_billed


def fail(request: httpx.Request) -> httpx.Response:
    raise AssertionError("nothing is to be sent")


@pytest.mark.parametrize("request_", [GENERATION, MASKED], ids=["generation", "edit"])
def test_openais_own_dialect_changes_no_byte(request_: ImageRequest) -> None:
    """The default profile is strict."""
    assert OPENAI.without_dropped(request_) is request_
    assert OPENAI.with_added(request_) is request_
    form = wire_form(request_, "call-1", OPENAI)
    assert form == wire_form(request_, "call-1")
    assert form.path in ("/images/generations", "/images/edits")
    assert OPENAI.identity == ""


DIALECTS = [
    Dialect(Paths("/a")),
    Dialect(Paths(edits="/a")),
    Dialect(query={"v": "1"}),
    Dialect(files=FileFields("a")),
    Dialect(files=FileFields(white_is_edited=True)),
    Dialect(dropped=frozenset({"a"})),
    Dialect(added={"a": 1}),
    Dialect(added={"a": True}),
    Dialect(added={"a": "1"}),
    Dialect(sends_seed=True),
]


def test_dialects_that_ask_differently_are_told_apart() -> None:
    """So that no result made with one stands in for one made with another."""
    identities = {dialect.identity for dialect in DIALECTS}
    assert len(identities) == len(DIALECTS)
    assert "" not in identities


def test_the_order_of_added_parameters_is_no_difference() -> None:
    """Nor is that of what is dropped."""
    assert Dialect(added={"a": 1, "b": 2}).identity == Dialect(added={"b": 2, "a": 1}).identity


def test_a_comfy_key_is_refused_by_whoever_isnt_comfy() -> None:
    """Before anything is sent, and without showing it (openai-images.md, 3)."""
    with pytest.raises(UsageError, match="looks like Comfy's") as caught:
        OpenAIImages("https://api.example/v1", "comfyui-0123456789abcdef")
    assert "0123456789" not in str(caught.value)


def test_a_forms_parts_are_equal_for_equal_masks() -> None:
    """A repeated upload is the same upload, turned masks included."""
    dialect = Dialect(files=FileFields(white_is_edited=True))
    assert wire_form(MASKED, "call-1", dialect) == wire_form(MASKED, "call-1", dialect)
