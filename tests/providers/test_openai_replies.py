"""What comes back: pictures, pictures elsewhere, and answers that can't be read."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import random
import textwrap
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun import ImageAnswer, ImageRequest, ProviderError
from graphrun.imaging import Pictures
from graphrun.providers.metered import PictureShelf, Reply
from graphrun.providers.openai import OpenAIImages

REQUEST = ImageRequest("gpt-image-2", "a fox", {"n": 1}, seed=7)


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, kind)
    return file.getvalue()


def noise(kind: str) -> bytes:
    """A picture that no encoder makes small."""
    file = io.BytesIO()
    Image.frombytes("RGB", (32, 32), random.Random(1).randbytes(32 * 32 * 3)).save(file, kind)
    return file.getvalue()


def flipped(data: bytes) -> bytes:
    """One bit of the middle is another one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


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


def attempted(handler: Callable[[httpx.Request], httpx.Response]) -> Reply:
    service = OpenAIImages("https://api.example/v1", "sk-0123456789", transport=httpx.MockTransport(handler))
    return asyncio.run(service.attempt(REQUEST, "call-1"))


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
    assert "The service may have charged for this" in str(error)
    assert "kept" not in str(error)  # the caller, who keeps it, says where
    assert error.answer_path is None


@pytest.mark.parametrize("item", [{}, {"b64_json": None, "url": None}, {"b64_json": ""}, "text", {"b64_json": 5}])
def test_an_item_without_picture_or_address_is_named(item: object) -> None:
    """Neither form present: ComfyUI's sentence."""
    error = refused(replying({"data": [item]}))
    assert "Invalid image payload – neither URL nor base64 data present. The service" in str(error)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("%%%%", "base64 is damaged"),
        ("QUJDR", "base64 is damaged"),
        ("äöü", "base64 is damaged"),
        (b64(b"<html>"), "is none"),
        (b64(b"<svg xmlns=''/>"), "SVG"),
        (b64(b"<?xml version='1.0'?>\n<!-- a fox --><svg/>"), "SVG"),
        (b64(b"<!DOCTYPE html><svg/><html>"), "is none"),
        *[(b64(noise(kind)[:-20]), f"damaged: the {kind}") for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF")],
        *[(b64(noise(kind)[:700]), f"damaged: the {kind}") for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")],
        (b64(noise("PNG").replace(b"IDAT", b"IDAT\0", 1)), "damaged: the PNG"),
        (b64(flipped(noise("PNG"))), "damaged: the PNG"),
    ],
)
def test_a_damaged_picture_is_told_at_once(encoded: str, reason: str) -> None:
    """Strict beyond the known disguises."""
    error = refused(replying({"data": [{"b64_json": encoded}]}))
    assert reason in str(error)
    assert "fetch or export" not in str(error)
    assert error.maybe_billed


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_usual_kind_of_picture_comes_back_untouched(kind: str) -> None:
    """Checked whole, and not changed by it."""
    assert ask(replying({"data": [{"b64_json": b64(noise(kind))}]})).files == (noise(kind),)


def test_an_animated_picture_stands_for_its_first_frame() -> None:
    """A GIF is kept as it came; whoever wants pixels gets those of the beginning."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    (kept,) = ask(replying({"data": [{"b64_json": b64(file.getvalue())}]})).files
    assert kept == file.getvalue()
    assert Pictures.from_files([kept]).pixels()[0, 0, 0].tolist() == [255, 0, 0, 255]


def test_an_answer_is_read_apart_from_being_asked_for() -> None:
    """Nothing is sent to read one that was kept."""
    service = OpenAIImages("https://api.example/v1", "sk-0123456789", transport=httpx.MockTransport(Cdn()))
    reply = Reply(200, {"x-request-id": "req_1"}, json.dumps({"data": [{"b64_json": b64(picture())}]}).encode())
    answer = asyncio.run(service.read(reply, PictureShelf()))
    assert (answer.files, answer.request_id) == ((picture(),), "req_1")


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
        ("gzip", gzip.compress(ANSWER, mtime=0)),
        ("X-GZIP", gzip.compress(ANSWER, mtime=0)),
        ("deflate", zlib.compress(ANSWER)),
        ("deflate", BARE.compress(ANSWER) + BARE.flush()),
        ("identity", ANSWER),
    ],
)
def test_an_answer_packed_unasked_is_unpacked_when_it_is_read(encoding: str, body: bytes) -> None:
    """It is handed over as it came."""
    assert ask(packed(encoding, body[:9], body[9:])).files == (picture(),)
    assert attempted(packed(encoding, body[:9], body[9:])).body == body


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", ANSWER), ("gzip", gzip.compress(ANSWER, mtime=0)[:-9]), ("deflate", b"?"), ("br", b"\x0b")],
)
def test_an_answer_that_can_not_be_unpacked_is_handed_over_all_the_same(encoding: str, body: bytes) -> None:
    """It is unreadable, not lost."""
    assert attempted(packed(encoding, body)).body == body
    error = refused(packed(encoding, body))
    assert f"packed as {encoding} and can't be unpacked. The service" in str(error)
    assert error.maybe_billed


def test_answers_are_asked_for_unpacked() -> None:
    """So that no gateway has a reason to pack them."""
    asked: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, content=ANSWER)

    ask(server)
    assert asked == ["identity"]


@pytest.mark.parametrize("pack", [lambda body: (body, ""), lambda body: (gzip.compress(body), "gzip")])
def test_an_answer_that_quotes_the_key_is_handed_over_without_it(pack: Callable[[bytes], tuple[bytes, str]]) -> None:
    """It is going to be kept, packed or not."""
    body, encoding = pack(b'{"data": [], "debug": "Bearer sk-0123456789"}')
    reply = attempted(packed(encoding, body))
    assert reply.body == b'{"data": [], "debug": "Bearer [key]"}'
    assert reply.headers["content-encoding"] in ("", "identity")


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


def test_a_failed_download_names_the_address() -> None:
    """The picture is paid for, so the message says where it can still be had."""
    error = refused(Cdn(httpx.Response(404)))
    assert "Failed to download generated image: https://cdn.example/fox.png answered 404" in str(error)
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


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://cdn.example/x", "data:image/png,x"])
def test_only_http_addresses_are_fetched(url: str) -> None:
    """A service can't make us read local files."""
    cdn = Cdn(url=url)
    assert "is no http address" in str(refused(cdn))
    assert cdn.gets == []


def test_a_relative_address_is_one_of_the_service() -> None:
    """LocalAI and others answer with paths."""
    cdn = Cdn(httpx.Response(200, content=picture()), url="/generated-images/x.png")
    assert ask(cdn).files == (picture(),)
    assert str(cdn.gets[0].url) == "https://api.example/generated-images/x.png"


class Shelf(PictureShelf):
    """Keeps pictures in memory."""

    def __init__(self, **kept: bytes) -> None:
        self.kept = kept

    async def get(self, index: int) -> bytes | None:
        return self.kept.get(f"p{index}")

    async def put(self, index: int, data: bytes) -> None:
        self.kept[f"p{index}"] = data


class FullShelf(PictureShelf):
    """Has no room."""

    async def put(self, index: int, data: bytes) -> None:
        raise OSError("no space left on device")


ADDRESSES = [{"url": f"https://cdn.example/{colour}.png"} for colour in ("red", "green", "blue")]


def read(shelf: PictureShelf, cdn: Callable[[httpx.Request], httpx.Response], document: object) -> ImageAnswer:
    service = OpenAIImages(
        "https://api.example/v1", "sk-0123456789", transport=httpx.MockTransport(cdn), download_delays=()
    )
    return asyncio.run(service.read(Reply(200, {}, json.dumps(document).encode()), shelf))


def painter(request: httpx.Request) -> httpx.Response:
    """A picture host that has every colour but green."""
    colour = request.url.path[1:-4]
    return httpx.Response(404) if colour == "green" else httpx.Response(200, content=picture(colour))


def test_pictures_are_shelved_as_they_come_even_if_one_of_them_can_not_be_had() -> None:
    """Their addresses live for an hour, so what can be saved is saved."""
    shelf = Shelf()
    with pytest.raises(ProviderError, match=r"green\.png answered 404"):
        read(shelf, painter, {"data": ADDRESSES})
    assert shelf.kept == {"p0": picture("red"), "p2": picture("blue")}


def test_what_is_on_the_shelf_is_not_fetched_again() -> None:
    """By its place in the answer."""
    cdn = Cdn(httpx.Response(200, content=picture("blue")))
    items = [ADDRESSES[0], {"b64_json": b64(picture("white"))}, ADDRESSES[2]]
    files = read(Shelf(p0=picture("red")), cdn, {"data": items}).files
    assert files == (picture("red"), picture("white"), picture("blue"))
    assert len(cdn.gets) == 1


def test_a_full_shelf_costs_no_picture() -> None:
    """To keep it twice was a precaution."""
    assert read(FullShelf(), painter, {"data": ADDRESSES[:1]}).files == (picture("red"),)


def test_what_is_no_picture_is_not_shelved() -> None:
    """It would be taken for one the next time."""
    shelf = Shelf()
    with pytest.raises(ProviderError, match=r"red\.png \(what should be a picture is none\)"):
        read(shelf, Cdn(httpx.Response(200, html="<h1>expired</h1>")), {"data": ADDRESSES[:1]})
    assert shelf.kept == {}


def test_a_picture_that_comes_packed_is_unpacked() -> None:
    """Some picture hosts pack whatever they send."""
    body = gzip.compress(picture())
    cdn = Cdn(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Wire(body)))
    assert ask(cdn).files == (picture(),)


def test_an_address_inside_the_network_is_not_asked() -> None:
    """Neither is one a picture host redirects to."""
    for cdn in (Cdn(url="http://169.254.169.254/x"), Cdn(httpx.Response(302, headers={"location": "http://[::1]/"}))):
        assert "which the service is not at" in str(refused(cdn))


def test_a_redirect_to_a_local_file_is_not_followed() -> None:
    """The same holds for where a picture host sends us."""
    cdn = Cdn(httpx.Response(302, headers={"location": "file:///etc/passwd"}))
    assert "is no http address" in str(refused(cdn))
    assert len(cdn.gets) == 1


def test_what_is_fetched_must_be_a_picture() -> None:
    """An error page with status 200 is no picture."""
    assert "what should be a picture is none" in str(refused(Cdn(httpx.Response(200, html="<h1>expired</h1>"))))
