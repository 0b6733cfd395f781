"""Comfy's proxy: what goes there, what its refusals mean, and what is asked for again."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from graphrun import ImageAnswer, ImageRequest, ProviderError, UsageError
from graphrun.kernel.context import RunContext
from graphrun.kernel.folders import Folders
from graphrun.providers.comfy import COMFY_RETRIES, ComfyImages, idempotency_key
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Ledger, State
from graphrun.providers.metered import AttemptFailed
from graphrun.providers.opening import open_profile
from graphrun.providers.profiles import Profiles
from graphrun.providers.purchases import Purchases
from graphrun.providers.retries import Attempts, RetryPolicy, Setback

KEY = "comfyui-0123456789abcdef0123456789abcdef"
BASE = "https://api.comfy.org"
REQUEST = ImageRequest("gpt-image-2", "a fox", {"quality": "low", "n": 1}, seed=7)

Reply = httpx.Response | Exception


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, "PNG")
    return file.getvalue()


def good(**headers: str) -> httpx.Response:
    item = {"b64_json": base64.b64encode(png()).decode()}
    return httpx.Response(200, json={"data": [item]}, headers=headers)


class Proxy:
    """Gives its replies in order, the last one for good, and remembers the requests."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[httpx.Request] = []
        self._replies = list(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)


def service(proxy: Callable[[httpx.Request], httpx.Response], **options: Any) -> ComfyImages:
    return ComfyImages(BASE, KEY, transport=httpx.MockTransport(proxy), **options)


def failure(reply: Reply) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        asyncio.run(service(Proxy(reply)).attempt(REQUEST, "call-1"))
    return caught.value


def error(status: int, code: str = "", message: str = "went wrong", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"error": {"message": message, "type": "an_error", "code": code or None}}, headers=headers
    )


# ── what is sent ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_goes_to_the_proxys_path_with_the_account_key() -> None:
    """No bearer token, no seed, and a key that makes it one operation."""
    proxy = Proxy(good())
    asyncio.run(service(proxy).create(REQUEST))
    (request,) = proxy.requests
    assert str(request.url) == f"{BASE}/proxy/openai/images/generations"
    assert request.headers["x-api-key"] == KEY
    assert "authorization" not in request.headers
    assert re.fullmatch("[0-9a-f]{32}", request.headers["idempotency-key"])
    assert b"seed" not in request.content


def test_an_operations_key_is_the_same_on_retries_and_new_for_a_new_take() -> None:
    """It follows from the client request id, which has the take in it."""
    assert idempotency_key("graphrun-ab") == idempotency_key("graphrun-ab")
    assert idempotency_key("graphrun-ab") != idempotency_key("graphrun-ab-2")


@pytest.mark.parametrize("key", ["sk-proj-0123456789abcdef", "SK-0123456789abcdef"])
def test_an_openai_key_never_goes_to_comfy(key: str) -> None:
    """By its look, and without showing it."""
    with pytest.raises(UsageError, match="looks like OpenAI's") as caught:
        ComfyImages(BASE, key)
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("comfy", {"COMFY_API_KEY": "sk-0123456789abcdef"}),
        ("openai", {"OPENAI_API_KEY": "comfyui-0123456789abcdef"}),
        ("openai", {"OPENAI_API_KEY": "sk-0123456789abcdef", "OPENAI_BASE_URL": "https://api.comfy.org/proxy"}),
        ("comfy", {"COMFY_API_KEY": "comfyui-0123456789abcdef", "COMFY_API_BASE_URL": "https://api.openai.com"}),
    ],
)
def test_keys_in_the_wrong_variable_or_for_the_wrong_address_are_refused(name: str, environ: dict[str, str]) -> None:
    """Whichever of the two was mistaken."""
    with pytest.raises(UsageError, match="nothing was sent") as caught:
        open_profile(Profiles.built_in().find(name), environ)
    assert "0123456789" not in str(caught.value)


def test_the_environment_names_key_and_address() -> None:
    """The names the official command line has."""
    environ = {"COMFY_API_KEY": KEY, "COMFY_API_BASE_URL": "https://stage.comfy.org/"}
    opened = open_profile(Profiles.built_in().find("comfy"), environ)
    assert isinstance(opened, ComfyImages)
    assert opened.identity == "comfy:https://stage.comfy.org"
    assert open_profile(Profiles.built_in().find("comfy"), {"COMFY_API_KEY": KEY}).identity == f"comfy:{BASE}"


def test_without_a_key_it_says_where_to_get_one() -> None:
    """And that offline needs none."""
    with pytest.raises(UsageError, match=r"COMFY_API_KEY .*platform\.comfy\.org, or choose --provider offline"):
        open_profile(Profiles.built_in().find("comfy"), {})


# ── pictures it only names ─────────────────────────────────────────────────────────────────────────────────────


def fetched(url: str, *, moved_to: str | None = None) -> list[httpx.Request]:
    """Return the requests for a picture at an address the answer names."""
    gets: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"data": [{"url": url}]})
        gets.append(request)
        if moved_to and len(gets) == 1:
            return httpx.Response(302, headers={"location": moved_to})
        return httpx.Response(200, content=png())

    asyncio.run(service(answer).create(REQUEST))
    return gets


def test_a_picture_at_the_proxy_itself_is_fetched_with_the_key() -> None:
    """A relative address below /proxy/ gets the base URL and the credentials."""
    (get,) = fetched("/proxy/files/1.png")
    assert (str(get.url), get.headers["x-api-key"]) == (f"{BASE}/proxy/files/1.png", KEY)


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/proxy/files/1.png",
        "https://cdn.example/proxy/1.png",
        "//cdn.example/proxy/1.png",
        "/files/1.png",
    ],
)
def test_no_other_address_gets_the_key(url: str) -> None:
    """Absolute ones never, whatever host they name."""
    (get,) = fetched(url)
    assert KEY not in str(get.headers.raw)
    assert "x-api-key" not in get.headers


def test_where_the_proxy_redirects_a_picture_to_the_key_doesnt_go() -> None:
    """The storage behind it has its own signatures."""
    first, second = fetched("/proxy/files/1.png", moved_to="https://cdn.example/1.png")
    assert "x-api-key" in first.headers
    assert second.url.host == "cdn.example"
    assert "x-api-key" not in second.headers


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "setback", "said"),
    [
        (error(401), Setback.REFUSED, "Unauthorized: Please login first to use this node. Set COMFY_API_KEY"),
        (error(402), Setback.NO_MONEY, "Payment Required: Please add credits to your account to use this node."),
        (error(409), Setback.REFUSED, "There is a problem with your account. Please contact support@comfy.org."),
        (error(409, "idempotency_in_flight"), Setback.IN_FLIGHT, "may have charged"),
        (error(409, "idempotency_consumed"), Setback.BLOCKED, "was given out before"),
        (error(409, "idempotency_mismatch"), Setback.BLOCKED, "had this one's idempotency key"),
        (error(429), Setback.RATE_LIMITED, "Rate Limit Exceeded: The server returned 429 after all retry attempts."),
        (error(400, message="no such size"), Setback.REFUSED, "API Error: no such size (Type: an_error)"),
        (error(500), Setback.RECOVERABLE, "API Error: went wrong (Type: an_error)"),
        (error(503, "comfy_cloud_provider_disabled"), Setback.REFUSED, "API Error: went wrong"),
        (httpx.Response(408), Setback.RECOVERABLE, "API Error (status 408)"),
        (httpx.Response(502, text="bad gateway"), Setback.RECOVERABLE, "API Error (raw): bad gateway"),
        (httpx.Response(504, text="x" * 201), Setback.RECOVERABLE, "API Error (status 504)"),
        (httpx.Response(403, text="blocked"), Setback.REFUSED, "API Error (raw): blocked. The account may be blocked"),
    ],
    ids=lambda value: value.name if isinstance(value, Setback) else None,
)
def test_a_refusal_means_and_says_what_the_table_has(reply: httpx.Response, setback: Setback, said: str) -> None:
    """openai-images.md, 3; nothing of OpenAI's settings is named."""
    failed = failure(reply)
    assert failed.setback is setback
    assert said in str(failed.error)
    assert f"image service comfy:{BASE} answered {reply.status_code}" in str(failed.error)
    assert "OPENAI" not in str(failed.error)
    assert failed.error.maybe_billed is (setback.is_lost or setback is Setback.BLOCKED)


def test_the_proxys_own_word_may_be_in_a_header() -> None:
    """X-Comfy-Error-Type tells it where the body doesn't."""
    failed = failure(httpx.Response(409, text="conflict", headers={"X-Comfy-Error-Type": "idempotency_in_flight"}))
    assert (failed.setback, failed.error.code) == (Setback.IN_FLIGHT, "idempotency_in_flight")


def test_moderation_is_told_as_openais() -> None:
    """Where the picture may have been made, it may have been charged."""
    failed = failure(error(400, "moderation_blocked"))
    assert failed.setback is Setback.BLOCKED
    assert "Change the prompt" in str(failed.error)


@pytest.mark.parametrize(
    ("raised", "setback", "said"),
    [
        (httpx.ConnectError("[Errno -2] Name or service not known"), Setback.NOT_SENT, "due to local network issues"),
        (httpx.ConnectError("refused"), Setback.NOT_SENT, f"The API server at {BASE} is currently unreachable."),
        (httpx.ReadTimeout("late"), Setback.RECOVERABLE, "was lost"),
    ],
)
def test_a_lost_connection_is_told_as_its_users_know_it(raised: Exception, setback: Setback, said: str) -> None:
    """Local trouble is told from the proxy's."""
    failed = failure(raised)
    assert failed.setback is setback
    assert said in str(failed.error)


@pytest.mark.parametrize(
    "reply",
    [
        error(401, message=f"the key {KEY} is wrong"),
        httpx.Response(502, text=f"x-api-key: {KEY}"),
        httpx.ReadError(f"while sending {KEY}"),
        good(**{"x-echo": KEY}),
    ],
)
def test_the_key_is_in_nothing_that_is_shown_or_kept(reply: Reply) -> None:
    """Messages, raw answers, headers, tracebacks, the service's own name."""
    comfy = service(Proxy(reply))
    try:
        kept = asyncio.run(comfy.attempt(REQUEST, "call-1"))
        shown = f"{kept!r}{kept.body!r}"
    except AttemptFailed as failed:
        shown = f"{failed.answer!r}{''.join(traceback.format_exception(failed))}{failed.error!r}"
    assert KEY not in shown + repr(comfy) + comfy.identity


# ── what is asked for again ────────────────────────────────────────────────────────────────────────────────────


def waits(setback: Setback, most: int, asked: float | None = None) -> list[float | None]:
    attempts, elapsed, found = Attempts(COMFY_RETRIES), 0.0, list[float | None]()
    while len(found) < most and (not found or found[-1] is not None):
        found.append(attempts.next_wait(setback, asked, elapsed, lambda: 0.5))
        elapsed += found[-1] or 0.0
    return found


def test_what_an_operations_key_protects_is_asked_for_three_times_more() -> None:
    """After 1, 2 and 4 seconds."""
    assert waits(Setback.RECOVERABLE, 9) == [1.0, 2.0, 4.0, None]
    assert waits(Setback.NOT_SENT, 9) == [1.0, 2.0, 4.0, None]


def test_all_kinds_of_loss_share_one_budget() -> None:
    """Three in all, not three of each."""
    attempts = Attempts(COMFY_RETRIES)
    kinds = (Setback.NOT_SENT, Setback.RECOVERABLE, Setback.PARTLY_SENT, Setback.RECOVERABLE)
    assert [attempts.next_wait(kind, None, 0.0, lambda: 0.5) for kind in kinds] == [1.0, 2.0, 4.0, None]


def test_too_many_requests_are_waited_out_sixteen_times() -> None:
    """From 1 second, doubling to 30; a wait that the proxy names is kept, up to 150 seconds."""
    assert waits(Setback.RATE_LIMITED, 99) == [1.0, 2.0, 4.0, 8.0, 16.0, *[30.0] * 11, None]
    (first,) = waits(Setback.RATE_LIMITED, 1, asked=150.0)
    assert first is not None
    assert first >= 150.0
    assert waits(Setback.RATE_LIMITED, 1, asked=151.0) == [None]


def test_a_call_in_flight_is_asked_for_until_the_nodes_time_is_over() -> None:
    """2 seconds, growing by half to 30, for an hour."""
    found = waits(Setback.IN_FLIGHT, 9999)
    assert found[:4] == [2.0, 3.0, 4.5, 6.75]
    assert found[-1] is None
    assert max(wait for wait in found if wait) == 30.0
    assert 3570 <= sum(wait for wait in found if wait) <= 3600


QUICK = RetryPolicy(recoverable=3, first_wait=0.0, jitter=0.0, shared=True, in_flight_patience=60.0, longest_wait=0.0)


def bought(folder: Path, proxy: Proxy) -> tuple[ImageAnswer | ProviderError, Ledger]:
    """Buy by the book."""
    ledger = Ledger(folder)

    async def scene() -> ImageAnswer:
        comfy = service(proxy, retries=QUICK)
        context = RunContext("1", Folders(folder, folder, folder))
        try:
            return await Purchases(comfy, ledger, Errand(), context).create(REQUEST)
        finally:
            await comfy.aclose()

    try:
        return asyncio.run(scene()), ledger
    except ProviderError as refused:
        return refused, ledger


def test_a_lost_answer_is_had_by_asking_again_under_the_same_key(tmp_path: Path) -> None:
    """A gateway's 504, then "in flight", then the picture: one operation, one call in the books."""
    proxy = Proxy(httpx.Response(504), error(409, "idempotency_in_flight"), good(**{"Idempotent-Replayed": "true"}))
    answer, ledger = bought(tmp_path, proxy)
    assert isinstance(answer, ImageAnswer)
    assert answer.files == (png(),)
    assert len({request.headers["idempotency-key"] for request in proxy.requests}) == 1
    assert len({request.content for request in proxy.requests}) == 1
    (call,) = ledger.calls()
    assert (call.state, call.attempts) == (State.DECODED, 3)
    ledger.close()


def test_an_answer_that_stays_lost_is_unknown(tmp_path: Path) -> None:
    """Nobody knows whether it was billed, so it is not bought again unasked."""
    refused, ledger = bought(tmp_path, Proxy(httpx.Response(504)))
    assert isinstance(refused, ProviderError)
    assert refused.maybe_billed
    assert [call.state for call in ledger.calls()] == [State.UNKNOWN]
    ledger.close()


def test_a_key_that_is_used_up_is_final(tmp_path: Path) -> None:
    """One request; the next way on is the user's to choose."""
    proxy = Proxy(error(409, "idempotency_consumed"))
    _refused, ledger = bought(tmp_path, proxy)
    assert len(proxy.requests) == 1
    assert [call.state for call in ledger.calls()] == [State.REFUSED]
    ledger.close()
