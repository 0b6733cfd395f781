"""What comes back: pictures, raw answers on disk, and answers that can't be read."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import os
import re
import textwrap
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
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
    assert "and the service may have charged for this" in str(error)


@pytest.mark.parametrize("item", [{}, {"b64_json": None, "url": None}, {"b64_json": ""}, "text", {"b64_json": 5}])
def test_an_item_without_picture_or_address_is_named(item: object) -> None:
    """Neither form present: ComfyUI's sentence."""
    error = refused(replying({"data": [item]}))
    assert "Invalid image payload – neither URL nor base64 data present. No folder" in str(error)


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
    assert "fetch or export" not in str(error)
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


def test_nothing_is_bought_whose_answer_could_not_be_kept(tmp_path: Path) -> None:
    """Found out before the POST, so that nothing is paid."""
    blocked = tmp_path / "a file, no folder"
    blocked.write_text("")
    cdn = Cdn()
    error = refused(cdn, answers_dir=blocked)
    assert f"nothing was sent: the raw answer could not be kept in {blocked}" in str(error)
    assert "GRAPHRUN_DATA_DIR" in str(error)
    assert not error.maybe_billed
    assert cdn.posts == 0


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Lets the system refuse larger files, as a full disk would."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system can't reserve room in a file")
def test_nothing_is_bought_while_the_disk_is_full(tmp_path: Path) -> None:
    """A folder that can be written is not enough: there must be room for the answer."""
    cdn = Cdn()
    with files_no_larger_than(1_000_000):
        assert "free some room" in str(refused(cdn, answers_dir=tmp_path))
    assert cdn.posts == 0
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_does_not_cost_the_pictures(tmp_path: Path) -> None:
    """Where an answer larger than its room can't be stored, its pictures are still returned, and a failure says so."""
    filler = "x" * 9_000_000
    with files_no_larger_than(8_500_000):
        good = replying({"data": [{"b64_json": b64(picture())}], "filler": filler})
        assert ask(good, answers_dir=tmp_path).files == (picture(),)
        error = refused(replying({"data": [], "filler": filler}), answers_dir=tmp_path)
    assert "could not be kept" in str(error)
    assert error.answer_path is None
    assert list(tmp_path.iterdir()) == []


class Wire(httpx.AsyncByteStream):
    """A body as a socket would give it, which nobody has unpacked yet."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


def packed(encoding: str, *chunks: bytes) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200, headers={"content-encoding": encoding}, stream=Wire(*chunks))


ANSWER = json.dumps({"data": [{"b64_json": b64(picture())}]}).encode()
BARE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(ANSWER)),
        ("X-GZIP", gzip.compress(ANSWER)),
        ("deflate", zlib.compress(ANSWER)),
        ("deflate", BARE.compress(ANSWER) + BARE.flush()),
        ("identity", ANSWER),
    ],
)
def test_an_answer_packed_unasked_is_unpacked(encoding: str, body: bytes, tmp_path: Path) -> None:
    """It is kept as it came."""
    assert ask(packed(encoding, body[:9], body[9:]), answers_dir=tmp_path).files == (picture(),)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == body


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", ANSWER), ("gzip", gzip.compress(ANSWER)[:-9]), ("deflate", b"?"), ("br", b"\x0b")]
)
def test_an_answer_that_can_not_be_unpacked_is_kept_all_the_same(encoding: str, body: bytes, tmp_path: Path) -> None:
    """It is unreadable, not lost."""
    error = refused(packed(encoding, body), answers_dir=tmp_path)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == body
    assert f"packed as {encoding} and can't be unpacked. Its raw answer is kept in {kept}" in str(error)
    assert error.maybe_billed
    assert error.answer_path == kept


def test_answers_are_asked_for_unpacked() -> None:
    """So that no gateway has a reason to pack them."""
    asked: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, content=ANSWER)

    ask(server)
    assert asked == ["identity"]


def test_a_request_id_that_quotes_the_key_is_returned_without_it() -> None:
    """Answers are printed and stored as errors are."""
    document = {"data": [{"b64_json": b64(picture())}]}
    assert ask(replying(document, **{"x-request-id": "req sk-0123456789"})).request_id == "req [key]"


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
    assert "no route); tried 3 times in " in str(error)
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
