"""The faulty image service: a plain client sees of every fault what it claims to be."""

from __future__ import annotations

import asyncio
import base64
import gc
import http.client
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun import ImageAnswer, ImageRequest
from graphrun.providers.offline import offline_images
from graphrun.testing import (
    Answer,
    Asked,
    BadBase64,
    CutConnection,
    CutUpload,
    Drip,
    ExpiringUrl,
    FaultyImages,
    Good,
    Hang,
    Moderated,
    NoPictures,
    NotJson,
    OutOfMoney,
    RateLimited,
    Redirect,
    Refusal,
    Reply,
    ServerError,
    TruncatedPng,
    rate_headers,
)

KEY = {"Authorization": "Bearer sk-test"}
FIELDS: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a fox", "n": 1, "size": "1024x1024"}
SMALL = Good(size=(8, 8))
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as opened:
        yield opened


def ask(client: httpx.Client, service: FaultyImages, **fields: object) -> httpx.Response:
    return client.post(f"{service.base_url}/images/generations", json={**FIELDS, **fields}, headers=KEY)


def answered(client: httpx.Client, answer: Answer, **fields: object) -> httpx.Response:
    with FaultyImages(answer=answer) as service:
        return ask(client, service, **fields)


def files_of(response: httpx.Response) -> list[bytes]:
    return [base64.b64decode(item["b64_json"], validate=True) for item in response.json()["data"]]


def opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as picture:
        picture.load()
        return picture.copy()


# ── good answers ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_answer_holds_whole_pictures_of_the_asked_size(client: httpx.Client) -> None:
    """As many as asked, each another colour, described as OpenAI describes them."""
    response = answered(client, Good(), n=2, size="1536x1024", quality="low")
    pictures = [opened(file) for file in files_of(response)]
    assert [(picture.format or "PNG", picture.size, picture.mode) for picture in pictures] == [
        ("PNG", (1536, 1024), "RGB")
    ] * 2
    assert len({picture.getpixel((0, 0)) for picture in pictures}) == 2
    document = response.json()
    assert (document["size"], document["quality"], document["output_format"]) == ("1536x1024", "low", "png")
    assert document["usage"]["total_tokens"] == document["usage"]["input_tokens"] + document["usage"]["output_tokens"]
    assert response.headers["x-request-id"] == "req_faulty_1"


def test_different_requests_get_different_pictures(client: httpx.Client) -> None:
    """The prompt decides, and the client's own request id, which stands for the seed; an equal request gets equals."""
    with FaultyImages(answer=SMALL) as service:
        plain, again, other = (ask(client, service, prompt=prompt).content for prompt in ("a", "a", "b"))
        client.headers["X-Client-Request-Id"] = "seed 8"
        reseeded = ask(client, service, prompt="a").content
    assert plain == again
    assert len({plain, other, reseeded}) == 3


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
def test_pictures_come_in_any_kind(client: httpx.Client, kind: str) -> None:
    """The kind of the answer, whatever was asked, or the asked output format."""
    response = answered(client, Good(kind=kind, size=(16, 8)))  # type: ignore[arg-type]
    with Image.open(io.BytesIO(files_of(response)[0])) as picture:
        assert picture.format == kind.upper()
        assert picture.size == (16, 8)


def test_svg_and_asked_formats(client: httpx.Client) -> None:
    """SVG is text; an output format that is asked for is obeyed."""
    assert files_of(answered(client, Good(kind="svg")))[0].startswith(b"<svg ")
    assert files_of(answered(client, SMALL, output_format="webp"))[0].startswith(b"RIFF")


def test_pictures_may_be_fewer_or_unequal(client: httpx.Client) -> None:
    """Fewer than asked, or each wider than the one before."""
    assert len(files_of(answered(client, Good(count=2, size=(8, 8)), n=3))) == 2
    sizes = [opened(file).size for file in files_of(answered(client, Good(unequal=True, size=(8, 8)), n=3))]
    assert sizes == [(8, 8), (24, 8), (40, 8)]


def test_base64_is_written_as_gateways_write_it(client: httpx.Client) -> None:
    """A data-URL prefix, lines of 76 and no padding, alone or together."""
    sound = answered(client, SMALL).json()["data"][0]["b64_json"]
    odd = answered(client, Good(size=(8, 8), data_url=True, padding=False, line_breaks=True)).json()["data"][0][
        "b64_json"
    ]
    assert odd.startswith("data:image/png;base64,")
    assert "\n" in odd
    assert odd.removeprefix("data:image/png;base64,").replace("\n", "") == sound.rstrip("=")


@pytest.mark.parametrize(
    ("asked", "output_tokens"),
    [
        ({"quality": "low"}, 196),
        ({"quality": "low", "n": 2}, 392),
        ({"quality": "high"}, 7024),
        ({"quality": "high", "size": "1536x1024"}, 5488),
        ({"quality": "high", "model": "gpt-image-2.5-flare"}, 1756),
    ],
)
def test_usage_follows_quality_and_size(client: httpx.Client, asked: dict[str, Any], output_tokens: int) -> None:
    """As at the offline service: it tells the same of the same request."""
    fields = {**FIELDS, **asked}
    usage = answered(client, Good(), **asked).json()["usage"]
    assert usage["output_tokens"] == output_tokens

    async def offline() -> ImageAnswer:
        service = offline_images()
        try:
            return await service.create(ImageRequest(fields.pop("model"), fields.pop("prompt"), fields))
        finally:
            await service.aclose()

    assert usage == asyncio.run(offline()).usage


def test_what_auto_makes_is_what_its_usage_counts(client: httpx.Client) -> None:
    """The answer names the quality that was made."""
    document = answered(client, Good(), quality="auto").json()
    assert (document["quality"], document["usage"]["output_tokens"]) == ("low", 196)


def test_usage_and_rate_headers_are_as_given(client: httpx.Client) -> None:
    """Usage can be anything or missing; headers are added to the answer's own."""
    response = answered(client, Good(size=(8, 8), usage={"new": 1}, headers=rate_headers(5, 0, "12s")))
    assert response.json()["usage"] == {"new": 1}
    assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert response.headers["content-type"] == "application/json"
    assert "usage" not in answered(client, Good(size=(8, 8), usage=None)).json()


def test_dalle_answers_with_addresses(client: httpx.Client) -> None:
    """As the real one does, unless base64 is asked for; the address gives the picture to anyone."""
    with FaultyImages(answer=Good(size=(8, 8), revised_prompt="a red fox")) as service:
        (item,) = ask(client, service, model="dall-e-3").json()["data"]
        assert client.get(item["url"]).content.startswith(PNG)
        assert item["revised_prompt"] == "a red fox"
        assert "b64_json" in ask(client, service, model="dall-e-3", response_format="b64_json").json()["data"][0]
    assert [download.status for download in service.downloads] == [200]
    assert "authorization" not in service.downloads[0].headers


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_rate_limits_say_when_to_come_back_in_every_form(client: httpx.Client) -> None:
    """Seconds, fractions, milliseconds, a date, words, or not at all."""
    assert answered(client, RateLimited(retry_after="1")).headers["retry-after"] == "1"
    assert answered(client, RateLimited(retry_after="0.25")).headers["retry-after"] == "0.25"
    both = answered(client, RateLimited(retry_after_ms=1500, should_retry=False)).headers
    assert (both["retry-after-ms"], both["x-should-retry"]) == ("1500", "false")
    before = time.time()
    date = parsedate_to_datetime(answered(client, RateLimited(retry_at=30)).headers["retry-after"])
    assert before + 30 <= date.timestamp()
    silent = answered(client, RateLimited(in_words=12.5))
    assert "retry-after" not in silent.headers
    assert "try again after 12.5 seconds" in silent.json()["error"]["message"]
    assert (silent.status_code, silent.json()["error"]["code"]) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (OutOfMoney(), 429, "insufficient_quota"),
        (OutOfMoney(code="credit_balance_exhausted"), 429, "credit_balance_exhausted"),
        (OutOfMoney(code="billing_hard_limit_reached"), 400, "billing_hard_limit_reached"),
        (Moderated(), 400, "moderation_blocked"),
        (RateLimited(code="slow_down", type="rate_limit_error"), 429, "slow_down"),
        (ServerError(), 500, None),
        (ServerError(status=503, code="server_is_overloaded"), 503, "server_is_overloaded"),
        (Refusal(status=401, code="invalid_api_key"), 401, "invalid_api_key"),
    ],
)
def test_refusals_have_openai_s_body(client: httpx.Client, answer: Answer, status: int, code: str | None) -> None:
    """Status, and message, type, param and code under "error"."""
    response = answered(client, answer)
    assert response.status_code == status
    assert response.json()["error"].keys() >= {"message", "type", "param", "code"}
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize("stage", ["input", "output", "unknown"])
def test_moderation_names_its_stage_and_categories(client: httpx.Client, stage: Any) -> None:
    """At the input nothing was made, at the output it was."""
    error = answered(client, Moderated(stage=stage, categories=("violence", "self-harm"))).json()["error"]
    assert error["moderation_details"] == {"moderation_stage": stage, "categories": ["violence", "self-harm"]}
    assert "safety_violations=[violence, self-harm]" in error["message"]


def test_gateways_refuse_in_forms_of_their_own(client: httpx.Client) -> None:
    """A page, an empty body, and three kinds of JSON."""
    page = answered(client, ServerError(status=502, form="html"))
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    assert "502 Bad Gateway" in page.text
    assert answered(client, ServerError(status=524, form="empty")).content == b""
    assert answered(client, Refusal(form="detail", message="no")).json() == {"detail": "no"}
    assert answered(client, Refusal(form="error", message="no")).json() == {"error": "no"}
    assert answered(client, RateLimited(form="message")).json().keys() == {"message"}


def test_a_redirect_names_another_place(client: httpx.Client) -> None:
    """Not followed here: the key would go there too."""
    response = answered(client, Redirect(location="http://elsewhere.invalid/"))
    assert (response.status_code, response.headers["location"]) == (307, "http://elsewhere.invalid/")


# ── answers that can't be read ─────────────────────────────────────────────────────────────────────────────────


def test_unreadable_answers_are_unreadable(client: httpx.Client) -> None:
    """Bad base64, half a PNG in good base64, no JSON, no pictures: each a 200."""
    responses = [answered(client, answer) for answer in (BadBase64(), TruncatedPng(), NotJson(), NoPictures())]
    assert {response.status_code for response in responses} == {200}
    damaged, truncated, text, empty = responses
    with pytest.raises(ValueError, match="base64"):
        files_of(damaged)
    assert files_of(truncated)[0].startswith(PNG)
    with pytest.raises(OSError, match="truncated"):
        opened(files_of(truncated)[0])
    with pytest.raises(json.JSONDecodeError):
        text.json()
    assert empty.json()["data"] == []


def test_addresses_expire(client: httpx.Client) -> None:
    """Busy, cut off, good, and gone, each as often as said; the picture was paid for all the same."""
    answer = ExpiringUrl(size=(8, 8), busy=1, cut=1, fetches=2, gone=403)
    with FaultyImages(answer=answer) as service:
        url = ask(client, service).json()["data"][0]["url"]
        assert client.get(url).status_code == 503
        with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
            client.get(url)
        assert [client.get(url).status_code for _ in range(4)] == [200, 200, 403, 403]
    assert [download.outcome for download in service.downloads][:3] == ["answered", "cut", "answered"]
    assert answered_download(client, ExpiringUrl(size=(8, 8))) == 404


def answered_download(client: httpx.Client, answer: Answer) -> int:
    with FaultyImages(answer=answer) as service:
        return client.get(ask(client, service).json()["data"][0]["url"]).status_code


# ── connections ────────────────────────────────────────────────────────────────────────────────────────────────


def raw_exchange(service: FaultyImages, body: bytes | None = None) -> tuple[bytes, str]:
    """Send one request by hand. Return all bytes that came back, and how the connection ended."""
    content = json.dumps(FIELDS).encode() if body is None else body
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        head = f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
        head += "Content-Type: application/json\r\nAuthorization: Bearer sk-test\r\n\r\n"
        received = b""
        try:
            connection.sendall(head.encode() + content)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            return received, "reset"
        return received, "closed"


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("when", ["before", "headers", "during", "after"])
def test_a_connection_is_cut_where_it_says(when: Any, reset: bool) -> None:
    """Before the first byte, inside the headers, inside the body, behind the whole answer; closed or reset."""
    with FaultyImages(answer=CutConnection(when=when, reset=reset, of=SMALL)) as service:
        received, ending = raw_exchange(service)
    head, blank, body = received.partition(b"\r\n\r\n")
    length = int(dict(line.split(b": ") for line in head.split(b"\r\n")[1:])[b"content-length"]) if blank else None
    if when == "before":
        assert received == b""
    elif when == "headers":
        assert received.startswith(b"HTTP/1.1 200")
        assert not blank
    elif when == "during":
        assert length is not None
        assert 0 < len(body) < length
    else:
        assert len(body) == length
    assert ending == ("reset" if reset else "closed")
    (arrival,) = service.requests
    assert (arrival.outcome, arrival.status) == ("cut", 200 if when in ("during", "after") else None)


def test_a_client_library_calls_a_cut_answer_lost(client: httpx.Client) -> None:
    """What httpx makes of it: no answer, or an incomplete one, but never a short body taken for a whole one."""
    for when in ("before", "headers", "during"):
        for framing in ("length", "chunked"):
            with pytest.raises(httpx.TransportError):
                answered(client, CutConnection(when=when, framing=framing, of=SMALL))  # type: ignore[arg-type]


def test_a_body_of_unsaid_length_is_cut_unnoticed(client: httpx.Client) -> None:
    """Where only the end of the connection ends the body, half of it looks whole; only its content shows the cut."""
    response = answered(client, CutConnection(when="during", framing="until close", of=SMALL))
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_whole_answers_are_whole_in_every_framing(client: httpx.Client, framing: Any) -> None:
    """Content-Length, chunked, or until the connection ends."""
    assert files_of(answered(client, Good(size=(8, 8), framing=framing)))[0].startswith(PNG)


def test_a_connection_that_is_cut_afterwards_is_dead_for_the_next_request() -> None:
    """It promised to stay open, so a client may try it again, and must notice."""
    headers = {**KEY, "Content-Type": "application/json"}

    def post(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        connection.request("POST", "/v1/images/generations", json.dumps(FIELDS), headers)
        return connection.getresponse()

    with (
        FaultyImages(answer=CutConnection(when="after", of=SMALL)) as service,
        closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection,
    ):
        with post(connection) as response:
            assert json.loads(response.read())["data"]
            assert not response.will_close
        with pytest.raises(ConnectionError):
            post(connection)
    assert [arrival.outcome for arrival in service.requests] == ["cut"]


def test_an_upload_is_cut_while_it_is_sent() -> None:
    """The service has read some of the body and accepted nothing."""
    with FaultyImages(answers=[CutUpload()]) as service:
        assert raw_exchange(service, b"x" * 32_000_000) == (b"", "reset")
    (arrival,) = service.requests
    assert arrival.outcome == "cut"
    assert arrival.heard is None
    assert len(arrival.body) < 32_000_000


def test_a_slow_answer_arrives_in_pieces(client: httpx.Client) -> None:
    """Byte by byte, headers too, and whole in the end."""
    answer = Drip(of=Refusal(message="no", form="detail"), pause=0.0001)
    assert answered(client, answer).json() == {"detail": "no"}


def test_a_client_that_gives_up_is_logged(client: httpx.Client) -> None:
    """The service never answers; the client hangs up; the log says so while the service runs on."""
    with FaultyImages(answers=[Hang(), Good(latency=60), Hang(when="during", of=SMALL)], answer=SMALL) as service:
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                client.post(
                    f"{service.base_url}/images/generations",
                    json=FIELDS,
                    headers=KEY,
                    timeout=httpx.Timeout(10, read=0.1),
                )
        log = service.wait_until(lambda log: len(log) == 3 and all(arrival.hung_up for arrival in log))
        assert ask(client, service).status_code == 200
    assert all(arrival.ended is not None and arrival.heard is not None for arrival in log)


def test_leaving_ends_what_hangs() -> None:
    """Requests in flight are cut and logged as stopped; no thread, socket or task is left."""
    with FaultyImages(answer=Hang()) as service:
        connections = [socket.create_connection(("127.0.0.1", service.port), timeout=10) for _ in range(3)]
        body = json.dumps(FIELDS)
        for connection in connections[:2]:
            head = "POST /v1/images/generations HTTP/1.1\r\nContent-Type: application/json\r\n"
            head += f"Authorization: Bearer x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall((head + body).encode())
        connections[2].sendall(b"POST /v1/images/generations HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
        service.wait_until(lambda log: sorted(arrival.outcome for arrival in log) == ["arriving", "open", "open"])
    for connection in connections:
        connection.close()
    gc.collect()  # what was left open would warn now, and warnings are errors
    assert [arrival.outcome for arrival in service.log] == ["stopped"] * 3
    assert "faulty images" not in {thread.name for thread in threading.enumerate()}


# ── scripts ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_answers_are_given_in_order_and_then_the_default(client: httpx.Client) -> None:
    """Two faults, then good answers without end, on one connection."""
    with FaultyImages([RateLimited(retry_after="1"), ServerError()], answer=SMALL) as service:
        assert [ask(client, service).status_code for _ in range(4)] == [429, 500, 200, 200]
    assert [arrival.status for arrival in service.requests] == [429, 500, 200, 200]
    assert [type(arrival.answer) for arrival in service.requests] == [RateLimited, ServerError, Good, Good]


def test_a_prompt_has_answers_of_its_own(client: httpx.Client) -> None:
    """They come before those in order, which other prompts use up."""
    with FaultyImages([ServerError()], prompts={"a cat": [Moderated()]}, answer=SMALL) as service:
        prompts = ["a cat", "a dog", "a cat"]
        assert [ask(client, service, prompt=prompt).status_code for prompt in prompts] == [400, 500, 200]


def test_a_function_decides_by_anything(client: httpx.Client) -> None:
    """It sees the request and its number, counted from 1 over accepted requests."""
    seen: list[tuple[int, str]] = []

    def choose(heard: Any, number: int) -> Answer:
        seen.append((number, heard.text("quality", "")))
        return OutOfMoney() if heard.text("quality", "") == "high" else SMALL

    with FaultyImages(answer=choose) as service:
        assert [ask(client, service, quality=quality).status_code for quality in ("low", "high")] == [200, 429]
    assert seen == [(1, "low"), (2, "high")]


def test_the_script_can_be_changed_while_running(client: httpx.Client) -> None:
    """From now on, something else."""
    with FaultyImages(answer=ServerError()) as service:
        first = ask(client, service).status_code
        service.script([OutOfMoney()], answer=SMALL)
        assert [first, *(ask(client, service).status_code for _ in range(2))] == [500, 429, 200]


@dataclass(frozen=True, kw_only=True)
class Teapot(Answer):
    """Somebody's own fault."""

    def make(self, asked: Asked) -> Reply:
        return Reply(418, asked.heard.model.encode())


def test_a_fault_of_ones_own_is_a_class_of_its_own(client: httpx.Client) -> None:
    """A subclass with one method, which has latency and headers like every other."""
    response = answered(client, Teapot(headers={"x-tea": "green"}))
    assert (response.status_code, response.text, response.headers["x-tea"]) == (418, "gpt-image-2", "green")


def broken(heard: object, number: int) -> Answer:
    raise KeyError("no such prompt")


@pytest.mark.parametrize(
    ("answer", "error"), [(broken, KeyError), (lambda heard, number: None, TypeError), (CutUpload(), TypeError)]
)
def test_a_broken_script_fails_its_test(client: httpx.Client, answer: Any, error: type[Exception]) -> None:
    """The client gets a 500, and leaving the service raises what went wrong."""
    service = FaultyImages(answer=answer)
    with pytest.raises(error), service:
        assert ask(client, service).status_code == 500


# ── what arrives ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_log_holds_everything_that_arrived(client: httpx.Client) -> None:
    """Method, path, headers, the fields and files as sent, the raw body."""
    with FaultyImages(answer=SMALL) as service:
        response = client.post(
            f"{service.base_url}/images/edits",
            data={"model": "gpt-image-2", "prompt": "a fox"},
            files=[("image[]", ("image_0.png", PNG + b"0", "image/png")), ("image[]", ("1.png", PNG, "image/png"))],
            headers={**KEY, "X-Client-Request-Id": "mine"},
        )
    assert response.status_code == 200
    (arrival,) = service.log
    assert (arrival.number, arrival.method, arrival.path) == (1, "POST", "/v1/images/edits")
    assert arrival.headers["x-client-request-id"] == "mine"
    assert PNG + b"0" in arrival.body
    assert arrival.heard is not None
    assert arrival.heard.fields == {"model": "gpt-image-2", "prompt": "a fox"}
    assert [file.data for file in arrival.heard.images] == [PNG + b"0", PNG]
    assert arrival.ended is not None
    assert arrival.arrived <= arrival.ended


@pytest.mark.parametrize(
    ("fields", "headers", "status", "code"),
    [
        ({"seed": 1}, KEY, 400, "unknown_parameter"),
        ({"prompt": ""}, KEY, 400, "missing_required_parameter"),
        ({"quality": None}, KEY, 400, "invalid_type"),
        ({}, {}, 401, None),
    ],
)
def test_a_request_openai_would_refuse_is_refused(
    client: httpx.Client, fields: dict[str, object], headers: dict[str, str], status: int, code: str | None
) -> None:
    """With OpenAI's words, whatever the script says, and using up nothing of it."""
    with FaultyImages([ServerError()]) as service:
        response = client.post(f"{service.base_url}/images/generations", json={**FIELDS, **fields}, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert ask(client, service).status_code == 500
    assert service.requests[0].heard is None
    assert service.requests[0].answer is None


def test_other_addresses_are_not_found(client: httpx.Client) -> None:
    """Neither other paths nor other methods nor pictures that never were."""
    with FaultyImages() as service:
        assert client.post(f"{service.base_url}/images/variations", json=FIELDS, headers=KEY).status_code == 404
        assert client.get(f"{service.base_url}/images/generations").status_code == 404
        assert client.get(f"http://127.0.0.1:{service.port}/files/1").status_code == 404


def test_bodies_may_be_chunked(client: httpx.Client) -> None:
    """A client that doesn't know the length of its form says it chunk by chunk."""
    body = json.dumps(FIELDS).encode()
    headers = {**KEY, "Content-Type": "application/json"}
    with FaultyImages(answer=SMALL) as service:
        url = f"{service.base_url}/images/generations"
        response = client.post(url, content=iter([body[:5], body[5:]]), headers=headers)
        assert response.status_code == 200
    assert service.requests[0].body == body
    assert service.requests[0].headers["transfer-encoding"] == "chunked"


def test_connections_are_kept_alive(client: httpx.Client) -> None:
    """Many requests, one connection: the service sees as many as were sent, in order."""
    with FaultyImages(answer=SMALL) as service:
        for number in range(50):
            ask(client, service, prompt=f"fox {number}")
            assert service.requests[-1].status == 200  # at once, with the answer just read
    assert [a.heard and a.heard.text("prompt", "") for a in service.requests] == [f"fox {n}" for n in range(50)]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000,
    ],
)
def test_what_is_no_request_is_told_so(request_bytes: bytes) -> None:
    """A 400, and the end of the connection."""
    with (
        FaultyImages() as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(request_bytes)
        assert answer.readline().startswith(b"HTTP/1.1 400")


def test_requests_overlap(client: httpx.Client) -> None:
    """One that hangs holds up no other."""
    with FaultyImages(prompts={"slow": [Hang()]}, answer=SMALL) as service:
        patient = threading.Thread(
            target=raw_exchange, args=(service, json.dumps({**FIELDS, "prompt": "slow"}).encode())
        )
        patient.start()
        service.wait_for_requests(1)
        assert ask(client, service).status_code == 200
    patient.join(10)
    assert [arrival.outcome for arrival in service.requests] == ["stopped", "answered"]


CALLER = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
connection.request("POST", "/v1/images/generations", sys.argv[2], headers)
print(connection.getresponse().status)
"""


def test_another_process_can_call_it() -> None:
    """It has a thread of its own, so a test may wait for a process that calls it."""
    with FaultyImages(answer=SMALL) as service:
        command = [sys.executable, "-c", CALLER, str(service.port), json.dumps(FIELDS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "200\n"
    assert [arrival.status for arrival in service.requests] == [200]


def test_importing_it_imports_nothing_heavy() -> None:
    """Neither tensors nor pictures nor an HTTP client: the service is made of the standard library."""
    program = "import sys, graphrun.testing; print({'torch', 'numpy', 'PIL', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_a_port_in_use_is_said_at_the_start() -> None:
    """The error of the operating system, where the service is entered."""
    with (
        FaultyImages() as service,
        pytest.raises(OSError, match=r"(?i)in use"),
        FaultyImages(port=service.port),
    ):
        pass


def test_waiting_for_what_does_not_come_ends() -> None:
    """Bounded in time, with the log in the message."""
    with FaultyImages() as service, pytest.raises(TimeoutError, match="all that arrived"):
        service.wait_for_requests(1, seconds=0.01)
