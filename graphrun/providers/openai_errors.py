"""What an image service's refusal means: from status, headers and body to a ProviderError that says what to do.

Pure. The forms and codes are those of openai-images.md, 2.4; what may have been billed follows its section 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from graphrun.errors import ProviderError

MAY_HAVE_CHARGED = "the service may have charged for this"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, read as far as it can be. ``structured`` is False for HTML, an empty body and the like."""

    cause: str
    code: str | None = None
    structured: bool = False
    moderation: Mapping[str, object] = field(default_factory=dict)


def provider_error(
    service: str, model: str, status: int, headers: Mapping[str, str], body: bytes, answer_path: Path | None = None
) -> ProviderError:
    """Return the error for an answer that is no success. ``headers`` are looked up in lower case.

    ``answer_path`` is where the answer is kept, if it is.
    """
    refusal = read_refusal(body)
    request_id = headers.get("x-request-id")
    retry_after = _retry_after(headers, refusal)
    maybe_billed = _maybe_billed(status, refusal)
    named = " ".join(filter(None, [str(status), refusal.code]))
    sentences = [
        f"{service} answered {named}: {refusal.cause.rstrip('.')}{f' (request id {request_id})' if request_id else ''}",
        _moderation_details(refusal),
        _remedy(status, refusal, model, retry_after),
        MAY_HAVE_CHARGED.capitalize() if maybe_billed else "",
        f"Its raw answer is kept in {answer_path}" if answer_path else "",
    ]
    return ProviderError(
        as_sentences(sentences),
        status=status,
        code=refusal.code,
        request_id=request_id,
        retry_after=retry_after,
        maybe_billed=maybe_billed,
        answer_path=answer_path,
    )


def as_sentences(texts: Iterable[str]) -> str:
    """Join texts, without the empty ones, each but the last closed by a full stop where it isn't closed already."""
    *earlier, last = filter(None, texts)
    return " ".join([*(text if text.endswith((".", "!", "?")) else f"{text}." for text in earlier), last])


def may_have_charged(status: int, body: bytes) -> bool:
    """Whether the call that was refused like this may have cost something all the same."""
    return _maybe_billed(status, read_refusal(body))


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
    return Refusal(
        cause=_text(error.get("message")) or "no reason given",
        code=_text(error.get("code")) or _text(error.get("type")),
        structured=True,
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


_MODERATED = {"moderation_blocked", "content_policy_violation"}
_NO_MONEY = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"}


def _maybe_billed(status: int, refusal: Refusal) -> bool:
    """Whether the call may have cost something. A picture blocked after it was made may; a refused prompt didn't."""
    if refusal.code in _MODERATED:
        return refusal.moderation.get("moderation_stage") != "input"
    return status in (408, 409) or status >= 500


def _moderation_details(refusal: Refusal) -> str:
    stage, categories = refusal.moderation.get("moderation_stage"), refusal.moderation.get("categories")
    parts = [f"stage: {stage}"] if stage else []
    parts += [f"categories: {', '.join(map(str, categories))}"] if isinstance(categories, list) and categories else []
    return f"Blocked by moderation, {'; '.join(parts)}" if parts else ""


def _remedy(status: int, refusal: Refusal, model: str, retry_after: float | None) -> str:
    """The next step for the user, where the refusal is a well-known one."""
    said = refusal.cause.lower()
    if refusal.code in _MODERATED:
        return "Change the prompt or the pictures: the same request will be refused again"
    if refusal.code in _NO_MONEY:
        return "Add money or raise the limit at https://platform.openai.com/settings/organization/billing"
    if refusal.code == "model_not_found" or (status in (400, 404) and _says_model_is_gone(said)):
        return (
            f"The service has no model {model!r}: OpenAI has shut down dall-e-2, dall-e-3 and gpt-image-1; choose a "
            "living model such as gpt-image-2 in the node, or a service that still has it (OPENAI_BASE_URL)"
        )
    if status == 403 and "verif" in said:
        return (
            "Verify the organization at https://platform.openai.com/settings/organization/general; "
            "it takes up to 15 minutes to take effect"
        )
    return _remedy_by_status(status, refusal, retry_after)


def _says_model_is_gone(said: str) -> bool:
    return "model" in said and any(words in said for words in ("deprecated", "does not exist", "shut down"))


def _remedy_by_status(status: int, refusal: Refusal, retry_after: float | None) -> str:
    match status:
        case 401:
            return "Check OPENAI_API_KEY (and OPENAI_ORG_ID, OPENAI_PROJECT_ID): https://platform.openai.com/api-keys"
        case 403 if refusal.code == "unsupported_country_region_territory":
            return "The service is not offered where this computer is"
        case 404 if not refusal.structured:
            return "Check OPENAI_BASE_URL: for OpenAI it ends in /v1"
        case 413:
            return "The pictures are too large for the way there: scale them down or send fewer"
        case 429 if retry_after is not None:
            return f"Too many requests: wait {retry_after:g} s, then run again"
        case 429:
            return "Too many requests: wait a minute, then run again"
        case 502 | 504 | 520 | 521 | 522 | 523 | 524:
            return "A gateway on the way gave up waiting; a picture can take minutes, so raise its read timeout"
    return ""


_TRY_AGAIN = re.compile(r"try again (?:after|in) (?P<amount>\d+(?:\.\d+)?) ?(?P<unit>ms|s|sec|m|min)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60}


def _retry_after(headers: Mapping[str, str], refusal: Refusal) -> float | None:
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
