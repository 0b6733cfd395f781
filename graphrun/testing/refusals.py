"""Answers that refuse, in OpenAI's words and in those of gateways (reference openai-images.md, 2.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import responses
from typing import Literal

from graphrun.testing.answer import Answer, Asked
from graphrun.testing.replies import Reply, html_reply, json_reply

# {"error": {...}}, {"detail": "text"}, {"error": "text"}, {"message": "text"}, a page, nothing at all.
Form = Literal["openai", "detail", "error", "message", "html", "empty"]


def refusal(status: int, form: Form, error: Mapping[str, object]) -> Reply:
    """Return an error answer; only OpenAI's own form holds more than the message."""
    message = error["message"]
    match form:
        case "openai":
            return json_reply(status, {"error": {"type": None, "param": None, "code": None, **error}})
        case "html":
            return html_reply(status, f"{status} {responses.get(status, 'Error')}")
        case "empty":
            return Reply(status, b"")
    return json_reply(status, {form: message})


@dataclass(frozen=True, kw_only=True)
class Refusal(Answer):
    """Any refusal; what the classes below don't say can be said with this one."""

    status: int = 400
    code: str | None = None
    type: str | None = "invalid_request_error"
    message: str = "The request was refused."
    param: str | None = None
    form: Form = "openai"

    def make(self, asked: Asked) -> Reply:
        """Return the error body."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return refusal(self.status, self.form, error)


@dataclass(frozen=True, kw_only=True)
class Moderated(Answer):
    """400 moderation_blocked. A prompt blocked at the "input" is free; pictures blocked at the "output" were made.

    ``stage`` None leaves the details out, as older answers do.
    """

    stage: Literal["input", "output", "unknown"] | None = "input"
    categories: tuple[str, ...] = ("violence",)
    code: str = "moderation_blocked"

    def make(self, asked: Asked) -> Reply:
        """Return the error body with its moderation details."""
        message = (
            "Your request was rejected by the safety system. If you believe this is an error, contact us at "
            f"help.openai.com and include the request ID req_faulty_{asked.number}. "
            f"safety_violations=[{', '.join(self.categories)}]."
        )
        error: dict[str, object] = {"message": message, "type": "image_generation_user_error", "code": self.code}
        if self.stage is not None:
            error["moderation_details"] = {"moderation_stage": self.stage, "categories": list(self.categories)}
        return refusal(400, "openai", error)


@dataclass(frozen=True, kw_only=True)
class RateLimited(Answer):
    """429, saying when to come back in any of the ways there are, or in none.

    ``retry_after`` is the header's text: whole seconds or, as OpenAI does, fractions. ``retry_at`` is the same
    header as an HTTP date, so many seconds ahead of the answer, rounded up. ``retry_after_ms`` is a header
    too, ``in_words`` a number of seconds in the message, ``should_retry`` the header x-should-retry.
    """

    retry_after: str | None = None
    retry_at: float | None = None
    retry_after_ms: int | None = None
    in_words: float | None = None
    should_retry: bool | None = None
    code: str = "rate_limit_exceeded"
    type: str = "requests"
    of: str = "images per minute"
    form: Form = "openai"

    def make(self, asked: Asked) -> Reply:
        """Return the error body and the headers that were asked for."""
        message = f"Rate limit reached for {asked.heard.model} on {self.of}: Limit 5, Used 5, Requested 1."
        if self.in_words is not None:
            message += f" Please try again after {self.in_words:g} seconds."
        reply = refusal(429, self.form, {"message": message, "type": self.type, "code": self.code})
        return replace(reply, headers={**reply.headers, **self._advice()})

    def _advice(self) -> dict[str, str]:
        return {
            name: text
            for name, text in {
                "retry-after": _http_date(self.retry_at) if self.retry_at is not None else self.retry_after,
                "retry-after-ms": None if self.retry_after_ms is None else str(self.retry_after_ms),
                "x-should-retry": None if self.should_retry is None else str(self.should_retry).lower(),
            }.items()
            if text is not None
        }


def _http_date(seconds: float) -> str:
    # A date has no fractions: rounded up, so that whoever obeys it doesn't come too early.
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return format_datetime(datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC), usegmt=True)


@dataclass(frozen=True, kw_only=True)
class OutOfMoney(Answer):
    """No money: a 429 that must not be repeated, or the 400 of a budget that is used up."""

    code: Literal["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"] = "insufficient_quota"

    def make(self, asked: Asked) -> Reply:
        """Return the error body."""
        if self.code == "billing_hard_limit_reached":
            error = {"message": "Billing hard limit has been reached.", "type": "invalid_request_error"}
            return refusal(400, "openai", {**error, "code": self.code})
        message = "You exceeded your current quota, please check your plan and billing details."
        return refusal(429, "openai", {"message": message, "type": self.code, "code": self.code})


@dataclass(frozen=True, kw_only=True)
class ServerError(Answer):
    """5xx: OpenAI's JSON says that nothing was made; the page of a gateway on the way says nothing at all."""

    status: int = 500
    form: Form = "openai"
    code: str | None = None

    def make(self, asked: Asked) -> Reply:
        """Return the error body."""
        message = (
            "An error occurred while processing your request. You can retry your request, or contact us through our "
            f"help center at help.openai.com if the error persists, with the request ID req_faulty_{asked.number}."
        )
        return refusal(self.status, self.form, {"message": message, "type": "server_error", "code": self.code})


@dataclass(frozen=True, kw_only=True)
class Redirect(Answer):
    """A redirect of the POST, which a client that was given a key must not follow to somewhere else."""

    location: str = "http://elsewhere.invalid/v1/images/generations"
    status: int = 307

    def make(self, asked: Asked) -> Reply:
        """Return the redirect."""
        return Reply(self.status, b"", {"location": self.location})
