"""What refusals of Comfy's proxy mean, and how to say them, in the words its users know (openai-images.md, 3). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from graphrun.errors import ProviderError
from graphrun.providers.advice import Advice
from graphrun.providers.base import ImageRequest
from graphrun.providers.http import NotSent, Unsendable
from graphrun.providers.openai_errors import (
    MAY_HAVE_CHARGED,
    MODERATED,
    Refusal,
    Unsent,
    as_sentences,
    asked_wait,
    provider_error,
    read_refusal,
    undelivered_error,
)
from graphrun.providers.retries import Setback

COMFY_ADVICE = Advice(
    key="COMFY_API_KEY",
    base_url="COMFY_API_BASE_URL",
    example="https://api.comfy.org",
    check_key="Set COMFY_API_KEY to an account key (comfyui-…) from https://platform.comfy.org",
    check_path="Check COMFY_API_BASE_URL",
    billing="Add credits at https://platform.comfy.org",
    no_model="choose a living model such as gpt-image-2 in the node",
)

_IN_FLIGHT = "idempotency_in_flight"
_SPENT = {
    "idempotency_consumed": "The answer of this very call was given out before",
    "idempotency_mismatch": "Another call had this one's idempotency key before",
}
_SWITCHED_OFF = "comfy_cloud_provider_disabled"
_ASKED_AGAIN = frozenset({408, 500, 502, 503, 504})
_MAYBE_BILLED = frozenset({Setback.RECOVERABLE, Setback.IN_FLIGHT, Setback.BLOCKED})


def comfy_error(
    service: str, request: ImageRequest, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Setback, ProviderError]:
    """Return what an answer that is no success means, and how to say it. Moderation is OpenAI's, and said as theirs."""
    refusal = read_refusal(body)
    kind = _kind(headers, body, refusal)
    openais, error = provider_error(service, request, status, headers, body, COMFY_ADVICE)
    if 300 <= status < 400 or refusal.kinds & MODERATED:
        return openais, error
    setback = _setback(status, kind)
    request_id = headers.get("x-request-id")
    named = " ".join(filter(None, [str(status), kind or refusal.code]))
    sentences = [
        f"{service} answered {named}: {_message(status, refusal, body)}",
        f"Request id {request_id}" if request_id else "",
        _remedy(status, kind),
        MAY_HAVE_CHARGED.capitalize() if setback in _MAYBE_BILLED else "",
    ]
    return setback, ProviderError(
        as_sentences(sentences),
        status=status,
        code=kind or refusal.code,
        request_id=request_id,
        retry_after=asked_wait(headers, refusal),
        maybe_billed=setback in _MAYBE_BILLED,
    )


def comfy_loss(
    service: str, base_url: str, error: Unsent, reason: str, client_request_id: str
) -> tuple[Setback, ProviderError]:
    """Return what a request without an answer means, and how to say it. ``reason`` is the error, fit to be shown."""
    setback, plain = undelivered_error(service, error, reason, client_request_id, COMFY_ADVICE)
    if not isinstance(error, NotSent) or isinstance(error, Unsendable):
        return (Setback.RECOVERABLE if setback is Setback.UNKNOWN else setback), plain
    message = _LOCAL if _LOCAL_SIGNS.search(reason) else _REMOTE.format(base_url)
    return setback, ProviderError(f"{message} ({service}: {reason}; nothing was sent)")


def _setback(status: int, kind: str) -> Setback:
    """The row of section 3's rules. Lost calls are asked for again, since a key makes them one and the same."""
    match status:
        case _ if kind == _SWITCHED_OFF and status >= 500:
            return Setback.REFUSED
        case 409 if kind == _IN_FLIGHT:
            return Setback.IN_FLIGHT
        case 409 if kind in _SPENT:
            # Not "failed": the next try would have the same key, and this answer again.
            return Setback.BLOCKED
        case 402:
            return Setback.NO_MONEY
        case 429:
            return Setback.RATE_LIMITED
        case _ if status in _ASKED_AGAIN:
            return Setback.RECOVERABLE
        case _ if status >= 500:
            return Setback.BLOCKED
    return Setback.REFUSED


def _kind(headers: Mapping[str, str], body: bytes, refusal: Refusal) -> str:
    """The proxy's own word for what went wrong: in its header, or somewhere in its body."""
    own = (_IN_FLIGHT, *_SPENT, _SWITCHED_OFF)
    said = [
        headers.get("x-comfy-error-type", ""),
        refusal.code or "",
        *refusal.kinds,
        body[:4096].decode("utf-8", "replace"),
    ]
    return next((word for text in said for word in own if word in text), headers.get("x-comfy-error-type", ""))


def _message(status: int, refusal: Refusal, body: bytes) -> str:
    match status:
        case 401:
            return "Unauthorized: Please login first to use this node."
        case 402:
            return "Payment Required: Please add credits to your account to use this node."
        case 409:
            return "There is a problem with your account. Please contact support@comfy.org."
        case 429:
            return "Rate Limit Exceeded: The server returned 429 after all retry attempts. Please wait and try again."
    if refusal.structured:
        return f"API Error: {refusal.cause} (Type: {refusal.error_type or 'unknown'})"
    text = body.decode("utf-8", "replace").strip()
    return f"API Error (raw): {text}" if 0 < len(text) <= 200 else f"API Error (status {status})"


def _remedy(status: int, kind: str) -> str:
    if kind in _SPENT:
        return f"{_SPENT[kind]}, so it can't be had again under the same key"
    match status:
        case 401:
            return COMFY_ADVICE.check_key
        case 402:
            return COMFY_ADVICE.billing
        case 403:
            return "The account may be blocked: look at https://platform.comfy.org"
    return ""


_LOCAL = (
    "Unable to connect to the API server due to local network issues. "
    "Please check your internet connection and try again."
)
_REMOTE = "The API server at {} is currently unreachable. The service may be experiencing issues."
_LOCAL_SIGNS = re.compile(
    r"name resolution|name or service|nodename nor servname|getaddrinfo|no address associated|network is unreachable",
    re.IGNORECASE,
)
