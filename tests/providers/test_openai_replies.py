"""What comes back: pictures, raw answers on disk, and answers that can't be read."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun import ImageAnswer, ImageRequest, ProviderError
from graphrun.providers.openai import OpenAIImages

REQUEST = ImageRequest("gpt-image-2", "a fox", {"n": 1}, seed=7)


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, kind)
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ask(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> ImageAnswer:
    service = OpenAIImages(
        "https://api.example/v1",
        "sk-0123456789",
        transport=httpx.MockTransport(handler),
        **{"download_delays": (), **options},
    )
    return asyncio.run(service.create(REQUEST))


def replying(document: object, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200, json=document, headers=headers)


def refused(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(handler, **options)
    return caught.value


def test_files_come_back_untouched_with_what_the_service_said() -> None:
    """Pictures in order as they were encoded, revised prompts, usage and request id; the rest is ignored."""
    files = [picture("red"), picture("green", "JPEG"), picture("blue", "WEBP")]
    items = [{"b64_json": b64(file), "extra": 1} for file in files]
    items[1]["revised_prompt"] = "a green fox"
    answer = ask(replying({"data": items, "usage": {"total_tokens": 9}, "new": []}, **{"x-request-id": "req_1"}))
    assert answer == ImageAnswer(tuple(files), (None, "a green fox", None), {"total_tokens": 9}, "req_1")


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: f"data:image/png;base64,{text}",
        lambda text: "\n".join(textwrap.wrap(text, 76)) + "\r\n",
        lambda text: text.rstrip("="),
        lambda text: f"  data:image/png;base64,\n{text.rstrip('=')}\n",
    ],
)
def test_base64_is_read_as_gateways_write_it(disguise: Callable[[str], str]) -> None:
    """A data-URL prefix, line breaks and missing padding are harmless."""
    file = next(data for data in (picture(c) for c in ("red", "green", "#010203", "white")) if b64(data).endswith("="))
    assert ask(replying({"data": [{"b64_json": disguise(b64(file))}]})).files == (file,)


def test_base64_wins_over_an_address() -> None:
    """Where both are there nothing is downloaded."""
    item = {"b64_json": b64(picture()), "url": "https://cdn.example/x.png"}
    assert ask(replying({"data": [item]})).files == (picture(),)


@pytest.mark.parametrize("document", [{}, {"data": []}, {"data": None}, {"data": {}}, [], "text"])
def test_no_data_means_no_images(document: object) -> None:
    """A success without pictures is an error that may have cost something."""
    error = refused(replying(document))
    assert "No images returned from API endpoint" in str(error)
    assert error.maybe_billed
    assert "the service may have charged for this" in str(error)


@pytest.mark.parametrize("item", [{}, {"b64_json": None, "url": None}, {"b64_json": ""}, "text", {"b64_json": 5}])
def test_an_item_without_picture_or_address_is_named(item: object) -> None:
    """Neither form present: ComfyUI's sentence."""
    error = refused(replying({"data": [item]}))
    assert "Invalid image payload – neither URL nor base64 data present." in str(error)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("%%%%", "base64 is damaged"),
        ("QUJDR", "base64 is damaged"),
        ("äöü", "base64 is damaged"),
        (b64(b"<html>"), "is none"),
        (b64(b"<svg xmlns=''/>"), "SVG"),
        (b64(picture()[:-20]), "damaged: the PNG"),
    ],
)
def test_a_damaged_picture_is_told_at_once(encoded: str, reason: str, tmp_path: Path) -> None:
    """Strict beyond the known disguises, with the stored answer to look at."""
    error = refused(replying({"data": [{"b64_json": encoded}]}), answers_dir=tmp_path)
    assert reason in str(error)
    assert error.answer_path is not None
    assert str(error.answer_path) in str(error)


def test_the_raw_answer_is_on_disk_before_it_is_decoded(tmp_path: Path) -> None:
    """Even an answer nobody can read survives, byte for byte, for its owner's eyes only."""
    body = b'{"data": [{"b64_json": "never fin'
    folder = tmp_path / "answers" / "raw"
    error = refused(lambda request: httpx.Response(200, content=body), answers_dir=folder)
    assert "no JSON" in str(error)
    (kept,) = folder.iterdir()
    assert error.answer_path == kept
    assert kept.read_bytes() == body
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}\.\d{{6}}Z-{REQUEST.digest[:16]}\.json", kept.name)
    assert os.name == "nt" or kept.stat().st_mode & 0o777 == 0o600


def test_the_raw_answer_is_kept_when_all_is_well_too(tmp_path: Path) -> None:
    """A crash after this point loses nothing that was paid for."""
    document = {"data": [{"b64_json": b64(picture())}]}
    ask(replying(document), answers_dir=tmp_path)
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_bytes()) == document


def test_a_full_disk_does_not_cost_the_pictures(tmp_path: Path) -> None:
    """Where the raw answer can't be stored the pictures are still returned, and a failure says so."""
    blocked = tmp_path / "a file, no folder"
    blocked.write_text("")
    assert ask(replying({"data": [{"b64_json": b64(picture())}]}), answers_dir=blocked).files == (picture(),)
    error = refused(replying({"data": []}), answers_dir=blocked)
    assert "could not be kept" in str(error)
    assert error.answer_path is None


def test_deeply_nested_answers_are_unreadable_not_fatal() -> None:
    """A hostile body ends as the same kind of error."""
    error = refused(lambda request: httpx.Response(200, content=b"[" * 200_000))
    assert "no JSON" in str(error)


class Cdn:
    """Gives an address for the POST and plays the picture host for the GETs."""

    def __init__(self, *replies: httpx.Response | Exception, url: str = "https://cdn.example/fox.png") -> None:
        self.gets: list[httpx.Request] = []
        self.posts = 0
        self._replies = list(replies)
        self._url = url

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.posts += 1
            return httpx.Response(200, json={"data": [{"url": self._url}]})
        self.gets.append(request)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def test_an_address_is_fetched_without_credentials() -> None:
    """The picture host sees neither the key nor the account."""
    cdn = Cdn(httpx.Response(200, content=picture()))
    assert ask(cdn, organization="org-1", project="proj-1").files == (picture(),)
    (get,) = cdn.gets
    assert str(get.url) == "https://cdn.example/fox.png"
    assert not {"authorization", "openai-organization", "openai-project", "x-client-request-id"} & set(get.headers)


def test_a_failed_download_names_address_and_stored_answer(tmp_path: Path) -> None:
    """The picture is paid for, so the message says where it can still be had."""
    error = refused(Cdn(httpx.Response(404)), answers_dir=tmp_path)
    assert "Failed to download generated image: https://cdn.example/fox.png answered 404" in str(error)
    assert error.answer_path is not None
    assert str(error.answer_path) in str(error)
    assert error.maybe_billed


def test_only_the_download_is_tried_again() -> None:
    """Passing troubles of the picture host are waited out; the POST is not repeated."""
    cdn = Cdn(httpx.Response(503), httpx.ReadTimeout("slow"), httpx.Response(200, content=picture()))
    assert ask(cdn, download_delays=(0, 0)).files == (picture(),)
    assert (cdn.posts, len(cdn.gets)) == (1, 3)


def test_a_download_that_keeps_failing_ends() -> None:
    """After the last delay the failure is final."""
    cdn = Cdn(*[httpx.ConnectError("no route")] * 3)
    error = refused(cdn, download_delays=(0, 0))
    assert "Failed to download generated image" in str(error)
    assert "no route" in str(error)
    assert len(cdn.gets) == 3


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://cdn.example/x", "/images/x.png", "data:image/png,x"])
def test_only_http_addresses_are_fetched(url: str) -> None:
    """A service can't make us read local files."""
    cdn = Cdn(url=url)
    assert "is no http address" in str(refused(cdn))
    assert cdn.gets == []


def test_a_redirect_to_a_local_file_is_not_followed() -> None:
    """The same holds for where a picture host sends us."""
    cdn = Cdn(httpx.Response(302, headers={"location": "file:///etc/passwd"}))
    assert "is no http address" in str(refused(cdn))
    assert len(cdn.gets) == 1


def test_what_is_fetched_must_be_a_picture() -> None:
    """An error page with status 200 is no picture."""
    assert "what should be a picture is none" in str(refused(Cdn(httpx.Response(200, html="<h1>expired</h1>"))))
