"""What refusals and lost answers say: status, code, cause, request id, remedy, and whether they may have cost money."""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback
from typing import Any

import httpx
import pytest

from graphrun import ImageRequest, ProviderError, UsageError
from graphrun.providers.metered import AttemptFailed
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.retries import Setback

KEY = "sk-proj-very-secret-0123456789"
REQUEST = ImageRequest("gpt-image-1", "a fox", {"n": 1}, seed=7)
CHARGED = "The service may have charged for this"


def service_that(reply: httpx.Response | Exception, placeholder: str | None = None) -> OpenAIImages:
    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    return OpenAIImages("https://api.example/v1", placeholder or KEY, transport=httpx.MockTransport(handler))


def refusal(reply: httpx.Response | Exception, placeholder: str | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asyncio.run(service_that(reply, placeholder).create(REQUEST))
    return caught.value


def failure(reply: httpx.Response | Exception) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        asyncio.run(service_that(reply).attempt(REQUEST, "call-1"))
    return caught.value


def openai_error(
    status: int, code: str | None, message: str, headers: dict[str, str] | None = None, **more: Any
) -> Any:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code, **more}
    return httpx.Response(status, json={"error": error}, headers={"x-request-id": "req_42", **(headers or {})})


@pytest.mark.parametrize(
    ("status", "code", "message", "remedy"),
    [
        (401, "invalid_api_key", "Incorrect API key provided.", "Check OPENAI_API_KEY"),
        (403, None, "Your organization must be verified to use the model `gpt-image-1`.", "up to 15 minutes"),
        (403, "unsupported_country_region_territory", "Country not supported", "not offered where this computer is"),
        (429, "insufficient_quota", "You exceeded your current quota.", "organization/billing"),
        (400, "billing_hard_limit_reached", "Billing hard limit has been reached.", "organization/billing"),
        (404, "model_not_found", "The model `gpt-image-1` does not exist.", "has no model 'gpt-image-1'"),
        (400, "invalid_value", "The model `gpt-image-1` has been deprecated.", "has no model 'gpt-image-1'"),
        (429, "rate_limit_exceeded", "Rate limit reached for images per minute.", "wait a minute"),
        (413, None, "Request too large.", "scale them down"),
    ],
)
def test_a_known_refusal_says_what_to_do(status: int, code: str | None, message: str, remedy: str) -> None:
    """Each carries its data in attributes, and all of it in one readable message; none of them was billed."""
    error = refusal(openai_error(status, code, message))
    assert (error.status, error.request_id, error.maybe_billed) == (status, "req_42", False)
    assert error.code == (code or "invalid_request_error")
    for part in (str(status), error.code, message.rstrip("."), "req_42", remedy, "openai:https://api.example/v1"):
        assert part in str(error)
    assert CHARGED not in str(error)


@pytest.mark.parametrize(
    ("stage", "maybe_billed"),
    [("input", False), ("output", True), ("unknown", True)],
    ids=["input", "output", "unknown"],
)
def test_moderation_names_stage_and_categories(stage: str, maybe_billed: bool) -> None:
    """A picture blocked after it was made may have been paid for; a refused prompt was not."""
    details = {"moderation_stage": stage, "categories": ["violence", "self-harm"]}
    error = refusal(
        openai_error(400, "moderation_blocked", "Rejected by the safety system", moderation_details=details)
    )
    assert f"stage: {stage}; categories: violence, self-harm" in str(error)
    assert "the same request will be refused again" in str(error)
    assert error.maybe_billed is maybe_billed
    assert (CHARGED in str(error)) is maybe_billed


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (httpx.Response(422, json={"detail": "n is too big"}), "n is too big"),
        (httpx.Response(422, json={"detail": [{"loc": ["n"], "msg": "too big"}]}), "too big"),
        (httpx.Response(400, json={"error": "bad size"}), "bad size"),
        (httpx.Response(400, json={"message": "no such route"}), "no such route"),
        (httpx.Response(400, json={"error": {"message": None}}), "no reason given"),
        (httpx.Response(400, json=["odd"]), '["odd"]'),
        (httpx.Response(400, html="<style>b{}</style><h1>Bad</h1><p>Request</p>"), "Bad Request"),
        (httpx.Response(400, text="plain words"), "plain words"),
        (httpx.Response(400), "an empty answer"),
        (httpx.Response(400, content=b"\xff\xfe"), "400"),
        (httpx.Response(400, text="x" * 5000), "x…"),
    ],
)
def test_every_form_of_error_body_is_read(reply: httpx.Response, cause: str) -> None:
    """Gateways answer in their own ways."""
    error = refusal(reply)
    assert cause in str(error)
    assert len(str(error)) < 600
    assert not error.maybe_billed


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "slow down", 7),
        ({"retry-after": "0.5"}, "slow down", 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, "slow down", 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "slow down", 0),
        ({}, "Please try again in 12s.", 12),
        ({}, "Please try again after 20 ms", 0.02),
        ({"retry-after": "soon"}, "slow down", None),
        ({}, "slow down", None),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(headers: dict[str, str], message: str, seconds: float | None) -> None:
    """From retry-after-ms, Retry-After in seconds or as a date, or the message itself."""
    error = refusal(openai_error(429, "rate_limit_exceeded", message, headers))
    assert error.retry_after == seconds
    assert seconds is None or f"wait {seconds:g} s" in str(error)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
@pytest.mark.parametrize("html", [True, False])
def test_a_server_error_may_have_cost_something(status: int, html: bool) -> None:
    """Nobody can say whether a picture was made, so the message says just that."""
    reply = httpx.Response(status, html="<h1>Gateway</h1>") if html else openai_error(status, "server_error", "Oops")
    error = refusal(reply)
    assert error.maybe_billed
    assert CHARGED in str(error)


@pytest.mark.parametrize(
    ("said", "shown"), [("Oops Oops.", "Oops. The service"), ("Oops!", "Oops! The service"), ("Oops", "Oops. The s")]
)
def test_sentences_follow_each_other_as_sentences_do(said: str, shown: str) -> None:
    """One mark at the end of the service's own words, and a capital after it."""
    assert shown in str(refusal(httpx.Response(500, json={"error": {"message": said}})))


def openai_like(status: int, code: str | None, kind: str | None = None, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "no", "type": kind, "code": code, **more}})


def moderated(stage: str | None, code: str = "moderation_blocked") -> httpx.Response:
    details = {} if stage is None else {"moderation_details": {"moderation_stage": stage}}
    return openai_like(400, code, "image_generation_user_error", **details)


HTML = {"html": "<h1>Gateway</h1>"}
FINAL = {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("reply", "setback"),
    [
        (openai_like(429, "rate_limit_exceeded"), Setback.RATE_LIMITED),
        (openai_like(429, "slow_down", "rate_limit_error"), Setback.RATE_LIMITED),
        (httpx.Response(429, **HTML), Setback.RATE_LIMITED),
        (httpx.Response(429, headers=FINAL), Setback.REFUSED),
        (openai_like(429, "insufficient_quota"), Setback.NO_MONEY),
        (openai_like(429, None, "insufficient_quota"), Setback.NO_MONEY),
        (openai_like(429, "other", "insufficient_quota"), Setback.NO_MONEY),
        (openai_like(429, "credit_balance_exhausted"), Setback.NO_MONEY),
        (openai_like(400, "billing_hard_limit_reached"), Setback.NO_MONEY),
        (moderated("input"), Setback.REFUSED),
        (moderated("output"), Setback.BLOCKED),
        (moderated("unknown"), Setback.BLOCKED),
        (moderated(None), Setback.BLOCKED),
        (moderated(None, "content_policy_violation"), Setback.BLOCKED),
        *[(openai_like(status, "server_error"), Setback.SERVER_ERROR) for status in (408, 409, 500, 503)],
        *[(openai_like(status, "server_error"), Setback.UNKNOWN) for status in (501, 502, 504, 520, 522, 524, 599)],
        *[(httpx.Response(status, **HTML), Setback.UNKNOWN) for status in (408, 409, 500, 502, 503, 504, 524)],
        *[(httpx.Response(status), Setback.UNKNOWN) for status in (408, 409, 500, 503)],
        (httpx.Response(500, json={"error": "text"}), Setback.UNKNOWN),
        (httpx.Response(500, json={"detail": "text"}), Setback.UNKNOWN),
        (httpx.Response(500, json={"error": {}}), Setback.UNKNOWN),
        (httpx.Response(500, json={"error": {"message": "x"}}, headers=FINAL), Setback.BLOCKED),
        (httpx.Response(502, headers=FINAL), Setback.BLOCKED),
        *[
            (httpx.Response(status, **HTML), Setback.REFUSED)
            for status in (301, 307, 400, 401, 402, 403, 404, 413, 422)
        ],
        *[(openai_like(status, "any"), Setback.REFUSED) for status in (400, 401, 403, 404, 413, 422)],
        (httpx.Response(400, headers={"x-should-retry": "true"}), Setback.REFUSED),
        (httpx.ConnectError("x"), Setback.NOT_SENT),
        (httpx.ConnectTimeout("x"), Setback.NOT_SENT),
        (httpx.ProxyError("x"), Setback.NOT_SENT),
        (httpx.WriteError("x"), Setback.PARTLY_SENT),
        (httpx.WriteTimeout("x"), Setback.PARTLY_SENT),
        (httpx.ReadTimeout("x"), Setback.UNKNOWN),
        (httpx.ReadError("x"), Setback.UNKNOWN),
        (httpx.RemoteProtocolError("x"), Setback.UNKNOWN),
        (httpx.UnsupportedProtocol("x"), Setback.REFUSED),
    ],
)
def test_every_failure_has_its_row_in_the_retry_table(reply: httpx.Response | Exception, setback: Setback) -> None:
    """openai-images.md, section 5; and only three rows may have cost something."""
    failed = failure(reply)
    assert failed.setback is setback
    assert failed.error.maybe_billed is (setback in {Setback.BLOCKED, Setback.UNKNOWN, Setback.SERVER_ERROR})
    assert (CHARGED.lower() in str(failed).lower()) is failed.error.maybe_billed


def test_a_refusal_that_may_have_cost_something_is_handed_over_without_the_key() -> None:
    """What the service said word by word, for the talk with its support."""
    failed = failure(httpx.Response(500, text=f"Oops {KEY}, after the picture"))
    assert failed.answer == b"Oops [key], after the picture"
    assert "kept" not in str(failed.error)
    assert failed.error.answer_path is None


def test_a_packed_refusal_is_read_and_handed_over_without_the_key() -> None:
    """The key doesn't hide in what has to be unpacked first."""
    body = gzip.compress(f"Oops {KEY}".encode())
    failed = failure(httpx.Response(500, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(body)))
    assert failed.answer == b"Oops [key]"
    assert "Oops [key]" in str(failed.error)


@pytest.mark.parametrize(
    "reply",
    [openai_error(400, None, "bad size"), httpx.Response(502), httpx.ReadTimeout("")],
    ids=["400", "502", "lost"],
)
def test_nothing_is_handed_over_where_nothing_is_worth_keeping(reply: httpx.Response | Exception) -> None:
    """A free refusal, an empty and a lost answer."""
    assert failure(reply).answer is None


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout(""),
        httpx.ReadError("reset by peer"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
)
def test_a_lost_answer_is_unknown_not_failed(failure: Exception) -> None:
    """After the body was sent, the message names the doubt and the id to look it up by."""
    error = refusal(failure)
    assert error.maybe_billed
    assert CHARGED.lower() in str(error).lower()
    assert f"graphrun-{REQUEST.digest[:32]}" in str(error)
    assert type(failure).__name__ in str(error)


def test_a_request_that_broke_off_names_the_id_to_look_it_up_by() -> None:
    """Nothing can be made of half a request, but nobody promises that."""
    error = refusal(httpx.WriteError("broken pipe"))
    assert "broke off before all of it was sent (WriteError: broken pipe)" in str(error)
    assert f"graphrun-{REQUEST.digest[:32]}" in str(error)
    assert not error.maybe_billed


def test_text_that_is_no_unicode_is_never_sent() -> None:
    """Half a surrogate pair comes from broken files."""
    request = ImageRequest("gpt-image-1", "a \ud800 fox", {})
    with pytest.raises(ProviderError, match="can't be sent"):
        asyncio.run(service_that(httpx.ConnectError("x")).create(request))


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("connection refused"), httpx.ConnectTimeout(""), httpx.ProxyError("403 Forbidden")]
)
def test_what_was_never_sent_was_never_billed(failure: Exception) -> None:
    """Without a connection nothing can have been charged."""
    error = refusal(failure)
    assert not error.maybe_billed
    assert "nothing was sent" in str(error)


def told(error: BaseException) -> str:
    """Everything a log or traceback would show, local variables included."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format()) + repr(error) + repr(vars(error))


@pytest.mark.parametrize(
    "reply",
    [
        openai_error(401, "invalid_api_key", f"Incorrect API key provided: {KEY}."),
        httpx.Response(401, html=f"<p>bad key {KEY}</p>"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.Response(200, json={"data": []}),
        openai_error(401, None, "bad key", {"x-request-id": f"req-{KEY}", "retry-after": KEY}),
        httpx.Response(200, json={"data": []}, headers={"x-request-id": KEY}),
        httpx.Response(200, json={"data": [{"url": f"ftp://cdn.example/{KEY}"}]}),
    ],
    ids=["quoted", "html", "lost", "refused", "empty", "headers", "id of a success", "address"],
)
def test_the_key_is_in_no_error(reply: httpx.Response | Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Not in messages that quote it back, not in causes, tracebacks or logs."""
    caplog.set_level(logging.DEBUG)
    error = refusal(reply)
    assert KEY not in told(error)
    assert KEY not in caplog.text


def test_the_key_is_in_nothing_the_service_shows_of_itself() -> None:
    """Not in its text, nor in its attributes when they are printed."""
    service = OpenAIImages("https://api.example/v1", KEY)
    assert KEY not in repr(service) + str(service) + service.identity + repr(vars(service))


@pytest.mark.parametrize("key", ["sk-a\nb", "“sk-quoted”", "sk a", ""])
def test_a_mangled_key_is_refused_before_the_http_library_can_show_it(key: str) -> None:
    """Line breaks and typographic quotes come from copying; the message names the variable only."""
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        OpenAIImages("https://api.example/v1", key)
    assert not key or key not in str(caught.value)


def test_a_placeholder_key_does_not_blank_words_out_of_messages() -> None:
    """Local servers take any key; "none" must not vanish from what they say."""
    assert "none of the sizes" in str(refusal(openai_error(400, None, "none of the sizes"), placeholder="none"))
