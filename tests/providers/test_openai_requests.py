"""What goes over the wire: one POST, with the fields, names and headers OpenAI knows."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun import ImageAnswer, ImageRequest, ProviderError, Upload, UsageError
from graphrun.providers.choose import open_provider
from graphrun.providers.multipart import Part, read_form
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.opening import openai_from_environment

KEY = "sk-proj-0123456789abcdefghij"


def png(colour: str = "red", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (4, 4), colour).save(file, "PNG")
    return file.getvalue()


class Server:
    """Remembers requests and gives one answer to all."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, json={"data": [{"b64_json": encoded(png())}]}))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def create(server: Server, request: ImageRequest, **options: Any) -> ImageAnswer:
    async def run() -> ImageAnswer:
        service = OpenAIImages("https://api.example/v1", KEY, transport=httpx.MockTransport(server), **options)
        try:
            return await service.create(request)
        finally:
            await service.aclose()

    return asyncio.run(run())


GENERATION = ImageRequest("gpt-image-2", "a fox", {"quality": "low", "n": 2, "size": "auto"}, seed=7)


def test_a_generation_is_json_with_only_what_the_model_knows() -> None:
    """The body holds model, prompt and the parameters in their order; the seed is not among them."""
    server = Server()
    create(server, GENERATION)
    (request,) = server.requests
    assert (request.method, str(request.url)) == ("POST", "https://api.example/v1/images/generations")
    assert request.headers["content-type"] == "application/json"
    assert list(json.loads(request.content).items()) == [
        ("model", "gpt-image-2"),
        ("prompt", "a fox"),
        ("quality", "low"),
        ("n", 2),
        ("size", "auto"),
    ]


def parts_of(request: httpx.Request) -> tuple[Part, ...]:
    return read_form(request.headers["content-type"], request.content)


def test_an_edit_of_one_picture_is_a_form_with_fields_by_name_then_image_then_mask() -> None:
    """One picture is the part ``image``; the mask comes last; every file has its name and type."""
    server = Server()
    first, mask = png("green"), png("#00000000", "RGBA")
    create(
        server,
        ImageRequest(
            "gpt-image-2",
            "größer",
            {"quality": "low", "background": "auto", "n": 1, "size": "auto", "moderation": "low"},
            (Upload("image_0.png", first),),
            Upload("mask.png", mask),
        ),
    )
    (request,) = server.requests
    assert request.url.path == "/v1/images/edits"
    assert parts_of(request) == (
        Part("background", b"auto"),
        Part("model", b"gpt-image-2"),
        Part("moderation", b"low"),
        Part("n", b"1"),
        Part("prompt", "größer".encode()),
        Part("quality", b"low"),
        Part("size", b"auto"),
        Part("image", first, "image_0.png", "image/png"),
        Part("mask", mask, "mask.png", "image/png"),
    )


def test_several_pictures_go_out_as_repeated_image_brackets() -> None:
    """From two pictures on the part is called ``image[]``."""
    server = Server()
    uploads = tuple(Upload(f"image_{i}.png", png()) for i in range(3))
    create(server, ImageRequest("gpt-image-2", "a", {}, uploads))
    files = [part for part in parts_of(server.requests[0]) if part.file_name]
    assert [(part.name, part.file_name) for part in files] == [("image[]", f"image_{i}.png") for i in range(3)]


def test_headers_name_the_key_the_account_and_the_request() -> None:
    """The request's own id follows from its content and seed, so that support can find it."""
    server = Server()
    create(server, GENERATION, organization="org-1", project="proj-2")
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-2"
    assert headers["x-client-request-id"] == f"graphrun-{GENERATION.digest[:32]}"


EDIT = ImageRequest("gpt-image-2", "a fox", {"n": 1}, (Upload("image_0.png", png("green")),), seed=7)


@pytest.mark.parametrize("request_", [GENERATION, EDIT], ids=["generation", "edit"])
def test_an_attempt_repeated_under_one_id_sends_the_same_bytes(request_: ImageRequest) -> None:
    """So that a repeated upload is the same upload; nothing is left over from the first one."""
    server = Server()

    async def run() -> None:
        service = OpenAIImages("https://api.example/v1", KEY, transport=httpx.MockTransport(server))
        for name in ("call-1", "call-1", "call-2"):
            await service.attempt(request_, name)
        await service.aclose()

    asyncio.run(run())
    first, again, other = server.requests
    assert first.content == again.content
    assert first.headers == again.headers
    assert first.headers["content-length"] == str(len(first.content))
    assert "transfer-encoding" not in first.headers
    assert [request.headers["x-client-request-id"] for request in server.requests] == ["call-1", "call-1", "call-2"]
    assert (first.content == other.content) is (request_ is GENERATION)  # the boundary follows from the id


def test_a_request_is_fitted_to_its_model_before_it_is_sent() -> None:
    """What the model doesn't know stays at home; what it would refuse is not even asked."""
    server = Server()
    create(server, ImageRequest("gpt-image-2", "a fox", {"response_format": "b64_json", "n": 1}))
    assert json.loads(server.requests[0].content) == {"model": "gpt-image-2", "prompt": "a fox", "n": 1}
    with pytest.raises(ProviderError, match="nothing was sent to image service openai:https://"):
        create(server, ImageRequest("gpt-image-2", "", {}))
    assert len(server.requests) == 1


def test_calls_of_one_service_share_its_width() -> None:
    """Pictures, not calls, are counted, also for those who keep no books."""
    running, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += json.loads(request.content)["n"]
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= json.loads(request.content)["n"]
        return httpx.Response(200, json={"data": [{"b64_json": encoded(png())}]})

    async def run() -> None:
        service = OpenAIImages("https://api.example/v1", KEY, transport=httpx.MockTransport(answer), capacity=4)
        request = ImageRequest("gpt-image-2", "a fox", {"n": 2})
        await asyncio.gather(*(service.create(request) for _ in range(6)))
        await service.aclose()

    asyncio.run(run())
    assert most == 4


def test_the_account_headers_are_absent_unless_set() -> None:
    """Without organization and project neither header is sent."""
    server = Server()
    create(server, GENERATION)
    assert not {"openai-organization", "openai-project"} & set(server.requests[0].headers)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """The key never goes anywhere but to the configured address."""
    server = Server(lambda request: httpx.Response(status, headers={"location": "https://elsewhere.example/"}))
    with pytest.raises(ProviderError) as caught:
        create(server, GENERATION)
    assert [request.url.host for request in server.requests] == ["api.example"]
    assert caught.value.status == status


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_refused_request_is_not_sent_again(status: int) -> None:
    """One call, one POST, whatever comes back."""
    server = Server(lambda request: httpx.Response(status))
    with pytest.raises(ProviderError):
        create(server, GENERATION)
    assert len(server.requests) == 1


def test_it_works_again_after_it_was_closed() -> None:
    """Closing releases connections; a later call opens new ones."""

    async def run() -> tuple[int, int]:
        service = OpenAIImages("https://api.example/v1", KEY, transport=httpx.MockTransport(Server()))
        first = await service.create(GENERATION)
        await service.aclose()
        await service.aclose()
        second = await service.create(GENERATION)
        await service.aclose()
        return len(first.files), len(second.files)

    assert asyncio.run(run()) == (1, 1)


def test_identity_is_the_address_and_never_the_key() -> None:
    """Cache keys and messages may hold the identity."""
    service = OpenAIImages("https://api.example/v1/", KEY)
    assert service.identity == "openai:https://api.example/v1"
    assert repr(service) == "OpenAIImages('openai:https://api.example/v1')"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("api.openai.com/v1", "no address"),
        ("ftp://api.openai.com", "no address"),
        ("", "no address"),
        ("https://[", "no address"),
        ("https://api.example:99999/v1", "no address"),
        ("https://api.example:port/v1", "no address"),
        ("https://api.example/v 1", "no address"),
        ("https://api%2eexample/v1", "no address"),
        ("https://user:hunter2@api.example/v1", "a user"),
        ("https://api.example/v1?key=hunter2", "a query"),
    ],
)
def test_an_unusable_base_url_is_refused_without_showing_it(url: str, reason: str) -> None:
    """A base URL becomes part of keys and messages, so secrets in it are refused, unseen."""
    with pytest.raises(UsageError, match=reason) as caught:
        OpenAIImages(url, KEY)
    assert "hunter2" not in str(caught.value)


def test_the_environment_decides_key_address_and_account() -> None:
    """All four variables of OpenAI's own clients count; blanks around them don't."""
    server = Server()
    environ = {
        "OPENAI_API_KEY": f" {KEY}\n",
        "OPENAI_BASE_URL": "https://eu.api.example/v1",
        "OPENAI_ORG_ID": "org-9",
        "OPENAI_PROJECT_ID": "proj-9",
    }
    service = openai_from_environment(environ, transport=httpx.MockTransport(server))
    asyncio.run(service.create(GENERATION))
    (request,) = server.requests
    assert request.url.host == "eu.api.example"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-organization"] == "org-9"
    assert request.headers["openai-project"] == "proj-9"


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": " "}])
def test_without_a_key_both_ways_on_are_named(environ: dict[str, str]) -> None:
    """The message says how to pay and how not to."""
    with pytest.raises(UsageError, match=r"set OPENAI_API_KEY .* or choose --provider offline"):
        openai_from_environment(environ)


def test_without_a_base_url_it_is_openai_itself() -> None:
    """The default is OpenAI's public address."""
    assert openai_from_environment({"OPENAI_API_KEY": KEY}).identity == "openai:https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("offlin", "is called 'offlin'; did you mean 'offline'? There are: openai, comfy, offline"),
        ("xyz", "is called 'xyz'. There are: openai, comfy, offline"),
    ],
)
def test_a_wrong_service_name_is_answered_with_the_right_ones(name: str, said: str) -> None:
    """The nearest one first, then all."""
    with pytest.raises(UsageError) as caught:
        open_provider(name, {}, width=None, offline_latency=0)
    assert str(caught.value).endswith(said)
