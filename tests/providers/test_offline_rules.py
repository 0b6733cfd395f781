"""The offline service refuses what OpenAI would, with OpenAI's codes."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun.providers.offline import Heard, OfflineApp


def png(size: tuple[int, int] = (64, 64), mode: str = "RGB", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def send(
    method: str, path: str, *, bearer: str | None = "k", app: OfflineApp | None = None, **content: Any
) -> httpx.Response:
    async def run() -> httpx.Response:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        transport = httpx.ASGITransport(app or OfflineApp())
        async with httpx.AsyncClient(transport=transport, base_url="http://offline.invalid/v1") as client:
            return await client.request(method, path, headers=headers, **content)

    return asyncio.run(run())


def generate(fields: Mapping[str, object]) -> httpx.Response:
    return send("POST", "images/generations", json=dict(fields))


ImagePart = tuple[str, tuple[str, bytes, str]]


def part(name: str, data: bytes | None = None, media_type: str = "image/png") -> ImagePart:
    return name, ("x.png", png() if data is None else data, media_type)


def edit(fields: Mapping[str, str], files: Sequence[ImagePart]) -> httpx.Response:
    return send("POST", "images/edits", data=dict(fields), files=list(files) or [part("nothing")])


def code(reply: httpx.Response, status: int = 400) -> tuple[str | None, str | None]:
    assert reply.status_code == status
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error["code"], error["param"]


ASK = {"model": "gpt-image-2", "prompt": "a fox"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"seed": 7}, ("unknown_parameter", "seed")),
        ({"response_format": "b64_json"}, ("unknown_parameter", "response_format")),
        ({"style": "vivid"}, ("unknown_parameter", "style")),
        ({"input_fidelity": "high"}, ("unknown_parameter", "input_fidelity")),
        ({"quality": None}, ("invalid_type", "quality")),
        ({"prompt": None}, ("invalid_type", "prompt")),
        ({"prompt": ""}, ("missing_required_parameter", "prompt")),
        ({"prompt": "  "}, ("missing_required_parameter", "prompt")),
        ({"prompt": "x" * 32001}, ("string_above_max_length", "prompt")),
        ({"model": ""}, ("missing_required_parameter", "model")),
        ({"n": 0}, ("integer_below_min_value", "n")),
        ({"n": 11}, ("integer_above_max_value", "n")),
        ({"n": "2"}, ("invalid_type", "n")),
        ({"n": True}, ("invalid_type", "n")),
        ({"n": 1.5}, ("invalid_type", "n")),
        ({"quality": "standard"}, ("invalid_value", "quality")),
        ({"quality": "xhigh"}, ("invalid_value", "quality")),
        ({"background": "blue"}, ("invalid_value", "background")),
        ({"moderation": "none"}, ("invalid_value", "moderation")),
        ({"output_compression": 101}, ("invalid_value", "output_compression")),
        ({"stream": True}, ("invalid_value", "stream")),
        ({"background": "transparent", "output_format": "jpeg"}, ("invalid_value", "background")),
        ({"output_format": "gif"}, ("invalid_value", "output_format")),
        ({"size": "1000x1000"}, ("invalid_value", "size")),
        ({"size": "4096x1024"}, ("invalid_value", "size")),
        ({"size": "3840x1024"}, ("invalid_value", "size")),
        ({"size": "512x512"}, ("invalid_value", "size")),
        ({"size": "3840x3840"}, ("invalid_value", "size")),
        ({"size": "large"}, ("invalid_value", "size")),
        ({"model": "gpt-image-1", "size": "2048x2048"}, ("invalid_value", "size")),
        ({"model": "dall-e-2", "size": "1536x1024"}, ("invalid_value", "size")),
        ({"model": "dall-e-2", "quality": "hd"}, ("invalid_value", "quality")),
        ({"model": "dall-e-2", "background": "auto"}, ("unknown_parameter", "background")),
        ({"model": "dall-e-2", "prompt": "x" * 1001}, ("string_above_max_length", "prompt")),
        ({"model": "dall-e-3", "n": 2}, ("integer_above_max_value", "n")),
        ({"model": "dall-e-3", "style": "calm"}, ("invalid_value", "style")),
        ({"model": "dall-e-3", "prompt": "x" * 4001}, ("string_above_max_length", "prompt")),
        ({"model": "gpt-image-2.5-flare", "complexity": "high"}, ("unknown_parameter", "complexity")),
    ],
)
def test_a_wrong_generation_is_refused(change: dict[str, object], expected: tuple[str, str]) -> None:
    """Unknown fields, null, wrong values and counts, and what the model doesn't know."""
    assert code(generate({**ASK, **change})) == expected


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n": 10, "size": "640x1024"},
        {"size": "1536x864", "quality": "high", "background": "transparent", "moderation": "low", "user": "me"},
        {"model": "gpt-image-2.5-flare", "quality": "max"},
        {"model": "gpt-image-2.6-sunburst", "quality": "xhigh", "complexity": "low"},
        {"model": "gpt-image-1", "size": "1024x1536", "stream": False},
        {"model": "somebody-elses-model", "size": "1024x768", "output_format": "webp"},
        {"model": "dall-e-2", "size": "256x256", "response_format": "b64_json", "quality": "standard"},
        {"model": "dall-e-3", "size": "1792x1024", "style": "vivid", "quality": "hd"},
    ],
)
def test_a_right_generation_is_answered(change: dict[str, object]) -> None:
    """Every model name is accepted, each with what it knows."""
    reply = generate({**ASK, **change})
    assert reply.status_code == 200
    assert len(reply.json()["data"]) == change.get("n", 1)


@pytest.mark.parametrize(("output_format", "beginning"), [("gif", b"GIF8"), ("svg", b"<svg ")])
def test_the_newest_models_make_other_files_too(output_format: str, beginning: bytes) -> None:
    """A client has to cope with them."""
    reply = generate({**ASK, "model": "gpt-image-2.6-flare", "output_format": output_format})
    assert reply.json()["output_format"] == output_format
    assert base64.b64decode(reply.json()["data"][0]["b64_json"]).startswith(beginning)


EDIT = {"model": "gpt-image-2", "prompt": "a fox"}
RGBA = png(mode="RGBA")


@pytest.mark.parametrize(
    ("fields", "files", "expected"),
    [
        (EDIT, [part("mask", RGBA)], ("missing_required_parameter", "image")),
        (EDIT, [part("picture")], ("unknown_parameter", "picture")),
        (EDIT, [part("image"), part("image")], ("duplicate_parameter", "image")),
        (EDIT, [part("image"), part("image[]")], ("duplicate_parameter", "image")),
        (EDIT, [part("image[]")] * 17, ("array_above_max_length", "image")),
        (EDIT, [part("image", media_type="application/octet-stream")], ("unsupported_file_mimetype", "image")),
        (EDIT, [part("image", media_type="image/gif")], ("unsupported_file_mimetype", "image")),
        (EDIT, [part("image", media_type="image/jpeg")], ("invalid_image_file", "image")),
        (EDIT, [part("image", b"text")], ("invalid_image_file", "image")),
        (EDIT, [part("image", png()[:60])], ("invalid_image_file", "image")),
        (EDIT, [part("image"), part("mask")], ("invalid_mask_image_format", "mask")),
        (EDIT, [part("image"), part("mask", png((32, 64), "RGBA"))], ("invalid_mask_size", "mask")),
        ({**EDIT, "input_fidelity": "high"}, [part("image")], ("invalid_input_fidelity_model", "input_fidelity")),
        ({**EDIT, "response_format": "url"}, [part("image")], ("unknown_parameter", "response_format")),
        ({**EDIT, "n": "two"}, [part("image")], ("invalid_type", "n")),
        ({**EDIT, "model": "dall-e-3"}, [part("image")], ("invalid_value", "model")),
        ({**EDIT, "model": "dall-e-2"}, [part("image[]", RGBA)] * 2, ("array_above_max_length", "image")),
        ({**EDIT, "model": "dall-e-2"}, [part("image")], ("invalid_image_format", "image")),
        ({**EDIT, "model": "dall-e-2"}, [part("image", png((64, 32), "RGBA"))], ("invalid_image_format", "image")),
        (
            {**EDIT, "model": "dall-e-2"},
            [part("image", png(kind="JPEG"), "image/jpeg")],
            ("unsupported_file_mimetype", "image"),
        ),
        ({**EDIT, "model": "dall-e-2"}, [part("image", RGBA + bytes(4 * 2**20))], ("file_too_large", "image")),
    ],
)
def test_a_wrong_edit_is_refused(fields: dict[str, str], files: list[ImagePart], expected: tuple[str, str]) -> None:
    """Part names, counts, types, signatures, alpha and sizes."""
    assert code(edit(fields, files)) == expected


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        (EDIT, [part("image")]),
        (EDIT, [part("image[]")] * 16),
        (EDIT, [part("image", png(kind="JPEG"), "image/jpeg"), part("mask", RGBA)]),
        (EDIT, [part("image", png(kind="WEBP"), "image/webp")]),
        ({**EDIT, "model": "gpt-image-1.5", "input_fidelity": "high", "n": "2"}, [part("image")]),
        ({**EDIT, "model": "dall-e-2", "size": "256x256"}, [part("image", RGBA)]),
        ({**EDIT, "model": "dall-e-2", "size": "256x256"}, [part("image"), part("mask", RGBA)]),
    ],
)
def test_a_right_edit_is_answered(fields: dict[str, str], files: list[ImagePart]) -> None:
    """What OpenAI documents passes."""
    assert edit(fields, files).status_code == 200


def test_without_a_bearer_nothing_is_done() -> None:
    """401, with OpenAI's sentence."""
    reply = send("POST", "images/generations", bearer=None, json=ASK)
    assert code(reply, 401) == (None, None)
    assert "You didn't provide an API key" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "images/generations"), ("POST", "images/variations"), ("GET", "files/none.png")]
)
def test_unknown_addresses_are_not_found(method: str, path: str) -> None:
    """404 in the same form."""
    code(send(method, path), 404)


@pytest.mark.parametrize("content", [{"content": b"{"}, {"content": b"[]"}, {"data": {"model": "gpt-image-2"}}])
def test_a_body_that_is_no_json_object_is_refused(content: dict[str, Any]) -> None:
    """Also a form where JSON is wanted."""
    code(send("POST", "images/generations", **content))


def test_an_edit_that_is_no_form_is_refused() -> None:
    """Also JSON where a form is wanted."""
    code(send("POST", "images/edits", json=ASK))


def test_accepted_requests_are_heard_as_they_were_sent() -> None:
    """A test or a demo can look at the upload; refused requests are not told."""
    heard: list[Heard] = []
    app = OfflineApp(heard=heard.append)
    send("POST", "images/generations", app=app, json={**ASK, "seed": 1})
    send("POST", "images/edits", app=app, data={**EDIT, "n": "2"}, files=[part("image", RGBA), part("mask", RGBA)])
    (request,) = heard
    assert request.path == "/v1/images/edits"
    assert request.fields == {"model": "gpt-image-2", "prompt": "a fox", "n": "2"}
    assert [(f.name, f.file_name, f.media_type, f.data) for f in request.files] == [
        ("image", "x.png", "image/png", RGBA),
        ("mask", "x.png", "image/png", RGBA),
    ]


def test_errors_are_json_with_a_request_id() -> None:
    """As the client expects them."""
    reply = generate({})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"].startswith("req_")
    assert json.loads(reply.content)["error"]["type"] == "invalid_request_error"
