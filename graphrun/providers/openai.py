"""The OpenAI Images API: one POST an attempt, and its answer read apart from it.

Keeps no books and repeats nothing that costs money; whoever calls does. Wire form: openai-images.md, 1.2 to 1.8 and 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphrun.errors import LedgerError, PictureError, ProviderError, UsageError
from graphrun.providers.abilities import prepared
from graphrun.providers.advice import OPENAI_ADVICE, Advice, check_owner
from graphrun.providers.api_key import Credentials, header_value
from graphrun.providers.base import ImageAnswer, ImageRequest
from graphrun.providers.base_url import checked_base_url
from graphrun.providers.dialect import OPENAI, Dialect
from graphrun.providers.downloads import DEFAULT_DELAYS, DownloadFailed, Downloads
from graphrun.providers.http import DEFAULT_TIMEOUTS, Http, Timeouts, Undelivered
from graphrun.providers.metered import AttemptFailed, MeteredService, PictureShelf, Reply, Setback
from graphrun.providers.model_map import ModelMap
from graphrun.providers.openai_answers import Address, Answer, Unreadable, checked_picture, read_answer, unpacked
from graphrun.providers.openai_errors import MAY_HAVE_CHARGED, Unsent, as_sentences, provider_error, undelivered_error
from graphrun.providers.openai_requests import WireForm, wire_form
from graphrun.providers.retries import RetryPolicy
from graphrun.providers.tariff import Tariff, tariff_of_url
from graphrun.providers.throttle import Throttle

if TYPE_CHECKING:
    from graphrun.providers.http import AsgiApp, Transport

DEFAULT_CAPACITY = 8  # pictures at once; accounts of the first tiers are refused for more
DEFAULT_RETRIES = RetryPolicy()
_LARGE = 65_536  # bytes of an answer that holds more than addresses


class OpenAIImages(MeteredService):
    """An image service that speaks OpenAI's Images API. Belongs to one event loop; close it with `aclose`.

    ``transport`` or ``app`` (an ASGI application, called in process) stands in for the network. A failed download of
    a finished picture is tried again after each of ``download_delays`` seconds. ``tariff``: whose prices and shutdowns
    apply, by default OpenAI's where the address is. Compatible services have a ``dialect``, other ``credentials`` than
    a bearer token of ``key``, a ``model_map`` of their own, and ``advice`` that names their settings; pictures
    whose addresses begin with ``own_path`` are fetched with the credentials. Raises UsageError for a base URL or key
    that can't be used, without showing the key.
    """

    def __init__(
        self,
        base_url: str,
        key: str | Credentials,
        *,
        identity: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        transport: Transport | None = None,
        app: AsgiApp | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        capacity: int = DEFAULT_CAPACITY,
        retries: RetryPolicy = DEFAULT_RETRIES,
        download_delays: Sequence[float] = DEFAULT_DELAYS,
        tariff: Tariff | None = None,
        dialect: Dialect = OPENAI,
        model_map: ModelMap | None = None,
        advice: Advice = OPENAI_ADVICE,
        own_path: str | None = None,
    ) -> None:
        self._base_url = checked_base_url(advice.base_url, base_url, advice.example)
        self.tariff = tariff or tariff_of_url(self._base_url)
        self.model_map = model_map or ModelMap()
        self._dialect = dialect
        self._advice = advice
        self._key = _credentials(key, advice, self._base_url)
        if self._key.are_in(self._base_url):
            raise UsageError(f"{advice.base_url} holds the key, and would show it in messages: leave it out")
        self._account = _account_headers(organization, project)
        self.identity = identity or f"openai:{self._base_url}"
        self.capacity = capacity
        self.throttle = Throttle(capacity)
        self.retries = retries
        self._http = Http(transport=transport, app=app, timeouts=timeouts, shown=self._key.removed_from_text)
        self._downloads = Downloads(
            self._http, self._base_url, download_delays, own_path=own_path, credentials=self._key.headers
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity!r})"

    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Return the pictures for a request, fewer than asked if the service gave fewer. Raises ProviderError.

        For callers that keep no books: exactly one attempt, because a repeated picture is paid twice.
        """
        ready = self.prepared(request)
        async with self.throttle.images(ready.count):
            try:
                reply = await self.attempt(ready, client_request_id(ready))
            except AttemptFailed as failure:
                raise failure.error from None
        return await self.read(reply, PictureShelf())

    def prepared(self, request: ImageRequest) -> ImageRequest:
        """Return the request as it will be sent: only parameters its model knows. Raises ProviderError."""
        fitted = prepared(self._dialect.without_dropped(request), f"image service {self.identity}")
        return self._dialect.with_added(fitted)

    async def attempt(self, request: ImageRequest, client_request_id: str) -> Reply:
        """Send a prepared request once and return the whole answer. Raises AttemptFailed."""
        reply = await self._post(request, client_request_id)
        if 200 <= reply.status < 300:
            return reply
        try:
            body = self._key.removed_from(unpacked(reply.body, _encoding(reply)))
        except Unreadable as error:
            body = str(error).encode()
        setback, refusal = self._refusal(request, reply, body)
        raise AttemptFailed(setback, refusal, reply.body if refusal.maybe_billed and reply.body else None)

    async def read(self, reply: Reply, pictures: PictureShelf) -> ImageAnswer:
        """Make pictures of an answer; what it only names is fetched, or taken from the shelf.

        Raises ProviderError for whatever can't be read, each with ``maybe_billed``: it has been paid for.
        """
        request_id = reply.headers.get("x-request-id")
        try:
            answer = await _read(reply)
            files = await self._files(answer, pictures)
        except (Unreadable, DownloadFailed) as error:
            said = self._key.removed_from_text(f"image service {self.identity}: {error}")
            raise ProviderError(
                as_sentences([said, MAY_HAVE_CHARGED.capitalize()]),
                status=reply.status,
                request_id=request_id,
                maybe_billed=True,
            ) from None
        return ImageAnswer(files, answer.revised_prompts, answer.usage, request_id)

    async def aclose(self) -> None:
        """Close connections. The next call opens new ones."""
        await self._http.aclose()

    async def _post(self, request: ImageRequest, client_request_id: str) -> Reply:
        try:
            form = await self._form(request, client_request_id)
            url, headers = f"{self._base_url}{form.path}", self._headers(form, client_request_id)
            response = await self._http.post(url, form.body, headers, self._key.headers)
        except (Undelivered, UnicodeEncodeError, PictureError) as error:
            reason = self._key.removed_from_text(str(error))
            raise AttemptFailed(*self._loss(error, reason, client_request_id)) from None
        return self._without_key(response.status, response.headers, response.body)

    async def _form(self, request: ImageRequest, client_request_id: str) -> WireForm:
        if not request.images:  # a prompt is written in less time than a thread takes to begin
            return wire_form(request, client_request_id, self._dialect)
        return await asyncio.to_thread(wire_form, request, client_request_id, self._dialect)

    def _refusal(self, request: ImageRequest, reply: Reply, body: bytes) -> tuple[Setback, ProviderError]:
        """What an answer that is no success means; ``body`` is unpacked and without the key."""
        service = f"image service {self.identity}"
        return provider_error(service, request, reply.status, reply.headers, body, self._advice)

    def _loss(self, error: Unsent, reason: str, client_request_id: str) -> tuple[Setback, ProviderError]:
        """What a request without an answer means; ``reason`` is the error without the key."""
        return undelivered_error(f"image service {self.identity}", error, reason, client_request_id, self._advice)

    def _headers(self, form: WireForm, client_request_id: str) -> dict[str, str]:
        return {**self._account, "Content-Type": form.content_type, "X-Client-Request-Id": client_request_id}

    def _without_key(self, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        """What may be kept and shown. A packed body that holds the key is kept unpacked, without it."""
        shown = {name: self._key.removed_from_text(value) for name, value in headers.items()}
        encoding = shown.get("content-encoding", "")
        try:
            plain = unpacked(body, encoding)
        except Unreadable:
            return Reply(status, shown, self._key.removed_from(body))
        clean = self._key.removed_from(plain)
        if clean == plain:
            return Reply(status, shown, body)
        return Reply(status, {**shown, "content-encoding": "identity"}, clean)

    async def _files(self, answer: Answer, pictures: PictureShelf) -> tuple[bytes, ...]:
        """Every picture's bytes. One that can't be had keeps none of the others from being fetched and kept."""
        fetching = [
            self._fetched(index, picture.url, pictures)
            for index, picture in enumerate(answer.pictures)
            if isinstance(picture, Address)
        ]
        fetched = iter(await asyncio.gather(*fetching, return_exceptions=True))
        files = []
        for picture in answer.pictures:
            file = next(fetched) if isinstance(picture, Address) else picture
            if isinstance(file, BaseException):
                raise file
            files.append(file)
        return tuple(files)

    async def _fetched(self, index: int, url: str, pictures: PictureShelf) -> bytes:
        kept = await pictures.get(index)
        if kept is not None:
            return kept
        response = await self._downloads.fetch(url)
        file = await asyncio.to_thread(_picture, response.body, response.headers.get("content-encoding", ""), url)
        with suppress(OSError, LedgerError):  # no room for it; it may still be of use, and to lose it would be worse
            await pictures.put(index, file)
        return file


def client_request_id(request: ImageRequest) -> str:
    """An id that follows from the request, so that support can find one whose answer was lost.

    The digest includes the seed, which itself is never sent: so the offline service draws another picture for it.
    """
    return f"graphrun-{request.digest[:32]}"


async def _read(reply: Reply) -> Answer:
    """Read an answer: in a thread, unless all it can hold is an address."""
    if len(reply.body) < _LARGE and not _encoding(reply):
        return read_answer(reply.body)
    return await asyncio.to_thread(lambda: read_answer(unpacked(reply.body, _encoding(reply))))


def _encoding(reply: Reply) -> str:
    return reply.headers.get("content-encoding", "")


def _picture(body: bytes, encoding: str, url: str) -> bytes:
    try:
        return checked_picture(unpacked(body, encoding))
    except Unreadable as error:
        raise Unreadable(f"Failed to download generated image: {url} ({error})") from None


def _credentials(key: str | Credentials, advice: Advice, base_url: str) -> Credentials:
    if isinstance(key, Credentials):
        return key
    check_owner(advice.key, key, urlsplit(base_url).hostname or "", is_comfy=False)
    return Credentials.of_key(advice.key, key)


def _account_headers(organization: str | None, project: str | None) -> dict[str, str]:
    headers = {}
    if organization is not None:
        headers["OpenAI-Organization"] = header_value("OPENAI_ORG_ID", organization)
    if project is not None:
        headers["OpenAI-Project"] = header_value("OPENAI_PROJECT_ID", project)
    return headers
