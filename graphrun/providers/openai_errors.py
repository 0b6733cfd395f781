"""What a refusal or a lost answer means: from status, headers and body to a setback, and a ProviderError for people.

Pure. The forms and codes are those of openai-images.md, 2.4; what may have been billed, and so what may be sent again,
follows the table at the end of its section 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from graphrun.errors import PictureError, ProviderError
from graphrun.providers.advice import OPENAI_ADVICE, Advice
from graphrun.providers.base import ImageRequest
from graphrun.providers.http import NotSent, PartlySent, Undelivered, Unsendable
from graphrun.providers.retries import Setback

MAY_HAVE_CHARGED = "the service may have charged for this"

Unsent = Undelivered | UnicodeEncodeError | PictureError
"""Why a request brought no answer: it was lost somewhere, or couldn't even be written."""

MAYBE_BILLED = frozenset({Setback.BLOCKED, Setback.UNKNOWN, Setback.SERVER_ERROR})
"""Setbacks after which the service may have charged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, read as far as it can be.

    ``structured`` is False for HTML, an empty body and the like; ``by_service`` is True only of OpenAI's own form,
    which gateways on the way don't use. ``kinds`` are code and type, whichever there are; ``error_type`` is the latter.
    """

    cause: str
    code: str | None = None
    structured: bool = False
    by_service: bool = False
    kinds: frozenset[str] = frozenset()
    error_type: str | None = None
    moderation: Mapping[str, object] = field(default_factory=dict)


def provider_error(
    service: str,
    request: ImageRequest,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    advice: Advice = OPENAI_ADVICE,
) -> tuple[Setback, ProviderError]:
    """Return what an answer that is no success means, and how to say it. ``headers`` are looked up in lower case."""
    refusal = read_refusal(body)
    setback = _setback(status, headers, refusal)
    request_id = headers.get("x-request-id")
    retry_after = asked_wait(headers, refusal)
    named = " ".join(filter(None, [str(status), refusal.code]))
    sentences = [
        f"{service} answered {named}: {refusal.cause.rstrip('.')}{f' (request id {request_id})' if request_id else ''}",
        _moderation_details(refusal),
        _what_was_moderated(request) if refusal.kinds & MODERATED else "",
        _redirection(headers, advice) if 300 <= status < 400 else "",
        _remedy(status, refusal, request.model, retry_after, advice),
        MAY_HAVE_CHARGED.capitalize() if setback in MAYBE_BILLED else "",
    ]
    return setback, ProviderError(
        as_sentences(sentences),
        status=status,
        code=refusal.code,
        request_id=request_id,
        retry_after=retry_after,
        maybe_billed=setback in MAYBE_BILLED,
    )


def undelivered_error(
    service: str, error: Unsent, reason: str, client_request_id: str, advice: Advice = OPENAI_ADVICE
) -> tuple[Setback, ProviderError]:
    """Return what a request without an answer means, and how to say it. ``reason`` is the error, fit to be shown."""
    match error:
        case Unsendable() | UnicodeEncodeError() | PictureError():
            return Setback.REFUSED, ProviderError(f"the request to {service} can't be sent: {reason}")
        case NotSent():
            text = f"{service} can't be reached ({reason}); nothing was sent. Check the network, its proxy settings"
            return Setback.NOT_SENT, ProviderError(f"{text} and {advice.base_url}")
        case PartlySent():
            text = f"the request to {service} broke off before all of it was sent ({reason}). Check the network"
            return Setback.PARTLY_SENT, ProviderError(
                f"{text}, then run it again (client request id {client_request_id})"
            )
    # What to do about it is said by whoever keeps the books: see `Purchases`.
    text = f"the answer of {service} was lost ({reason}), and {MAY_HAVE_CHARGED}"
    return Setback.UNKNOWN, ProviderError(f"{text} (client request id {client_request_id})", maybe_billed=True)


def as_sentences(texts: Iterable[str]) -> str:
    """Join texts, without the empty ones, each but the last closed by a full stop where it isn't closed already."""
    *earlier, last = filter(None, texts)
    return " ".join([*(text if text.endswith((".", "!", "?")) else f"{text}." for text in earlier), last])


def read_refusal(body: bytes) -> Refusal:
    """Read an error body in any of the forms services use; what can't be read is quoted, shortened."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal(_prose(text))
    match document:
        case {"error": dict(error)}:
            return _openai_error(error)
        case {"error": str(cause)} | {"detail": str(cause)} | {"message": str(cause)}:
            return Refusal(cause, _text(document.get("code")), structured=True)
        case {"detail": detail}:
            return Refusal(_shortened(json.dumps(detail, ensure_ascii=False)), structured=True)
    return Refusal(_shortened(text))


def _openai_error(error: Mapping[str, object]) -> Refusal:
    details = error.get("moderation_details")
    kinds = [kind for kind in (_text(error.get("code")), _text(error.get("type"))) if kind]
    cause = _text(error.get("message"))
    return Refusal(
        cause=cause or "no reason given",
        code=kinds[0] if kinds else None,
        structured=True,
        by_service=bool(cause or kinds),
        kinds=frozenset(kinds),
        error_type=_text(error.get("type")),
        moderation=details if isinstance(details, dict) else {},
    )


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _prose(text: str) -> str:
    """What an HTML page or plain text says, without its tags."""
    plain = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text[:20_000], flags=re.DOTALL | re.IGNORECASE)
    return _shortened(" ".join(plain.split())) or "an empty answer"


def _shortened(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:299]}…"


_FIRST_WORDS = 80  # characters of a prompt by which a person knows it
MODERATED = {"moderation_blocked", "content_policy_violation", "contentFilter"}  # the last is Azure's
_NO_MONEY = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"}


def _setback(status: int, headers: Mapping[str, str], refusal: Refusal) -> Setback:
    """The row of the retry table. ``x-should-retry: false`` ends it; ``true`` is not heeded, for it knows no prices."""
    final = headers.get("x-should-retry", "").strip().lower() == "false"
    if refusal.kinds & MODERATED:
        return Setback.REFUSED if refusal.moderation.get("moderation_stage") == "input" else Setback.BLOCKED
    if refusal.kinds & _NO_MONEY:
        return Setback.NO_MONEY
    if status == 429:
        return Setback.REFUSED if final else Setback.RATE_LIMITED
    if status in (408, 409, 500, 503) and refusal.by_service:
        return Setback.BLOCKED if final else Setback.SERVER_ERROR
    if status in (408, 409) or status >= 500:
        return Setback.BLOCKED if final else Setback.UNKNOWN
    return Setback.REFUSED


def _moderation_details(refusal: Refusal) -> str:
    stage, categories = refusal.moderation.get("moderation_stage"), refusal.moderation.get("categories")
    parts = [f"stage: {stage}"] if stage else []
    parts += [f"categories: {', '.join(map(str, categories))}"] if isinstance(categories, list) and categories else []
    return f"Blocked by moderation, {'; '.join(parts)}" if parts else ""


def _what_was_moderated(request: ImageRequest) -> str:
    """Which prompt it was, since one node may send many; and what no longer has to be tried."""
    words = " ".join(request.prompt.split())
    prompt = f'The prompt was "{words[:_FIRST_WORDS].rstrip()}{"…" if len(words) > _FIRST_WORDS else ""}"'
    least = request.parameters.get("moderation") == "low"
    return f"{prompt}, sent with moderation: low, the least there is" if least else prompt


def _redirection(headers: Mapping[str, str], advice: Advice) -> str:
    """A request that carries a key and may be paid follows nobody."""
    aim = f" to {_shortened(headers['location'])}" if headers.get("location") else ""
    return f"It redirects{aim}, which is not followed: check {advice.base_url}"


def _remedy(status: int, refusal: Refusal, model: str, retry_after: float | None, advice: Advice) -> str:
    """The next step for the user, where the refusal is a well-known one."""
    said = refusal.cause.lower()
    if refusal.kinds & MODERATED:
        return "Change the prompt or the pictures: the same request will be refused again"
    if refusal.kinds & _NO_MONEY:
        return advice.billing
    if refusal.code == "model_not_found" or (status in (400, 404) and _says_model_is_gone(said)):
        return f"The service has no model {model!r}: {advice.no_model}"
    if status == 403 and "verif" in said:
        return f"{advice.verification}; it takes up to 15 minutes to take effect"
    return _remedy_by_status(status, refusal, retry_after, advice)


def _says_model_is_gone(said: str) -> bool:
    return "model" in said and any(words in said for words in ("deprecated", "does not exist", "shut down"))


def _remedy_by_status(status: int, refusal: Refusal, retry_after: float | None, advice: Advice) -> str:
    match status:
        case 401:
            return advice.check_key
        case 403 if refusal.code == "unsupported_country_region_territory":
            return "The service is not offered where this computer is"
        case 404 if not refusal.structured:
            return advice.check_path
        case 413:
            return "The pictures are too large for the way there: scale them down or send fewer"
        case 429 if retry_after is not None:
            return f"Too many requests: wait {retry_after:g} s, then run again"
        case 429:
            return "Too many requests: wait a minute, then run again"
        case 502 | 504 | 520 | 521 | 522 | 523 | 524:
            return (
                "A gateway on the way gave up waiting; a picture can take minutes, so raise its read timeout "
                "(nginx: proxy_read_timeout)"
            )
    return ""


_TRY_AGAIN = re.compile(r"try again (?:after|in) (?P<amount>\d+(?:\.\d+)?) ?(?P<unit>ms|s|sec|m|min)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60}


def asked_wait(headers: Mapping[str, str], refusal: Refusal) -> float | None:
    """Seconds the service asks to wait: ``retry-after-ms``, else ``Retry-After``, else what the message says."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after", "")
    said = _TRY_AGAIN.search(refusal.cause)
    in_words = float(said["amount"]) * _SECONDS[said["unit"].lower()] if said else None
    return next((wait for wait in (_number(after), _until(after), in_words) if wait is not None), None)


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d+)?", text.strip()) else None


def _until(text: str) -> float | None:
    """Seconds until an HTTP date; a date without a zone is UTC by the standard."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
