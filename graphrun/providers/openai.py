"""The OpenAI Images API over HTTP: one POST a request, never repeated, its answer on disk before it is decoded.

The only module that speaks HTTP. httpx is imported at the first call. Wire form: openai-images.md, 1.2 to 1.8 and 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from graphrun.errors import ProviderError, UsageError
from graphrun.imaging.lazy import lazy_import
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService, Upload
from graphrun.providers.openai_answers import Address, Answer, Unreadable, checked_picture, read_answer, unpacked
from graphrun.providers.openai_errors import MAY_HAVE_CHARGED, as_sentences, may_have_charged, provider_error
from graphrun.providers.raw_answers import Place, reserve

if TYPE_CHECKING:
    import httpx
else:
    httpx = lazy_import("httpx")

OPENAI_BASE_URL = "https://api.openai.com/v1"
DEFAULT_CAPACITY = 8  # calls at once; accounts of the first tiers are refused for more
# A 3840x2160 RGBA picture has 33 MB uncompressed: whatever is larger than this is no picture of ours.
_LARGEST_DOWNLOAD = 256 * 1024 * 1024
_ROOM_PER_PICTURE = 8 * 1024 * 1024  # of an answer; most pictures have two or three megabytes as base64

AsgiApp = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Reading takes long on purpose: nothing arrives on the wire before a picture is finished."""

    connect: float = 10.0
    write: float = 120.0
    read: float = 600.0


DEFAULT_TIMEOUTS = Timeouts()


class OpenAIImages(ImageService):
    """An image service that speaks OpenAI's Images API. Belongs to one event loop; close it with `aclose`.

    ``transport`` or ``app`` (an ASGI application, called in process) stands in for the network. Raw answers are kept
    in ``answers_dir``, if there is one; nothing is asked for while it has no room. A failed download of a finished
    picture is tried again after each of ``download_delays`` seconds. Raises UsageError for a base URL or key that
    can't be used, without showing the key.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        identity: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        app: AsgiApp | None = None,
        answers_dir: Path | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        capacity: int = DEFAULT_CAPACITY,
        download_delays: Sequence[float] = (1, 2, 4, 8, 16),
    ) -> None:
        self._base_url = _checked_base_url(base_url)
        self._key = SecretStr(_header_value("OPENAI_API_KEY", key))
        self._account = _account_headers(organization, project)
        self.identity = identity or f"openai:{self._base_url}"
        self.capacity = capacity
        self._transport = transport
        self._app = app
        self._answers_dir = answers_dir
        self._timeouts = timeouts
        self._download_delays = tuple(download_delays)
        self._open_client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity!r})"

    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Return the pictures for a request, fewer than asked if the service gave fewer. Raises ProviderError.

        Sends exactly one POST: making a picture is not idempotent, and a repeated one is paid twice.
        """
        place = await self._place(request)
        try:
            reply = await self._post(request)
        except BaseException:  # a cancelled run too
            if place is not None:
                place.release()
            raise
        if not 200 <= reply.status < 300:
            raise await self._refused(request, reply, place)
        return await self._settle(reply, await self._keep(place, reply.body))

    async def aclose(self) -> None:
        """Close connections. The next call opens new ones."""
        client, self._open_client = self._open_client, None
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        if self._open_client is None:
            limits = self._timeouts
            self._open_client = httpx.AsyncClient(
                transport=httpx.ASGITransport(self._app) if self._app is not None else self._transport,
                timeout=httpx.Timeout(connect=limits.connect, write=limits.write, read=limits.read, pool=None),
                headers={"User-Agent": "graphrun"},
                follow_redirects=False,
                event_hooks={"request": [_http_only]},
            )
        return self._open_client

    async def _place(self, request: ImageRequest) -> Place | None:
        """Reserve room for the answer while nothing is paid yet. None where no folder keeps answers."""
        if self._answers_dir is None:
            return None
        try:
            return await asyncio.to_thread(reserve, self._answers_dir, request.digest, _room(request))
        except OSError as error:
            raise ProviderError(
                f"nothing was sent: the raw answer could not be kept in {self._answers_dir} "
                f"({error.strerror or error}); free some room or set GRAPHRUN_DATA_DIR"
            ) from error

    async def _post(self, request: ImageRequest) -> _Reply:
        url, content = (
            (f"{self._base_url}/images/edits", _multipart(request))
            if request.images
            else (f"{self._base_url}/images/generations", {"json": _json_fields(request)})
        )
        # Unpacked, so that what is kept is what was said: pictures don't get smaller anyway.
        own = {"Accept-Encoding": "identity", "X-Client-Request-Id": _client_request_id(request)}
        sending = self._client().stream("POST", url, **content, headers={**self._account, **own}, auth=self._sign)
        try:
            async with sending as response:
                headers = {name.lower(): self._redacted(value) for name, value in response.headers.items()}
                return _Reply(response.status_code, headers, await _raw(response))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._unreachable(error) from error
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise ProviderError(f"the request to {self.identity} can't be sent: {error}") from error
        except httpx.RequestError as error:
            raise self._lost(request, error) from error

    def _sign(self, request: httpx.Request) -> httpx.Request:
        # As a callable, so that the key is in no header of the client, no local variable, and no download.
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return request

    def _unreachable(self, error: Exception) -> ProviderError:
        reason = str(error) or type(error).__name__
        return ProviderError(
            f"image service {self.identity} can't be reached ({reason}); nothing was sent. "
            "Check the network, its proxy settings and OPENAI_BASE_URL"
        )

    def _lost(self, request: ImageRequest, error: Exception) -> ProviderError:
        reason = ": ".join(filter(None, [type(error).__name__, str(error)]))
        return ProviderError(
            f"the answer of image service {self.identity} was lost ({reason}), and {MAY_HAVE_CHARGED}. "
            f"Look at its usage page before running this again (client request id {_client_request_id(request)})",
            maybe_billed=True,
        )

    def _without_key(self, body: bytes) -> bytes:
        """Services quote a wrong key back. Keys under 8 characters are placeholders, which prose may well contain."""
        key = self._key.get_secret_value().encode()
        return body.replace(key, b"[key]") if len(key) >= 8 else body

    def _redacted(self, text: str) -> str:
        return self._without_key(text.encode("utf-8", "replace")).decode()

    async def _refused(self, request: ImageRequest, reply: _Reply, place: Place | None) -> ProviderError:
        """The error for an answer that is no success; the answer is kept where it may have cost something."""
        try:
            body = self._without_key(reply.unpacked())
        except Unreadable as error:
            body = str(error).encode()
        kept = _Kept(None, "")
        if reply.body and may_have_charged(reply.status, body):
            kept = await self._keep(place, self._without_key(reply.body))
        elif place is not None:
            place.release()
        service = f"image service {self.identity}"
        return provider_error(service, request.model, reply.status, reply.headers, body, kept.path)

    async def _settle(self, reply: _Reply, kept: _Kept) -> ImageAnswer:
        """Make pictures of an answer that is kept; whatever fails here has been paid for and says so."""
        request_id = reply.headers.get("x-request-id")
        try:
            answer = await asyncio.to_thread(lambda: read_answer(reply.unpacked()))
            files = await self._files(answer)
        except Unreadable as error:
            said = self._redacted(f"image service {self.identity}: {error}")
            raise ProviderError(
                as_sentences([said, f"{kept}, and {MAY_HAVE_CHARGED}"]),
                status=reply.status,
                request_id=request_id,
                maybe_billed=True,
                answer_path=kept.path,
            ) from None
        return ImageAnswer(files, answer.revised_prompts, answer.usage, request_id)

    async def _keep(self, place: Place | None, body: bytes) -> _Kept:
        if place is None:
            return _Kept(None, "No folder keeps raw answers")
        try:
            path = await asyncio.to_thread(place.fill, body)
        except OSError as error:
            # Larger than its room on a full disk. The pictures may still be fine: to lose them would be worse.
            return _Kept(None, f"Its raw answer could not be kept in {self._answers_dir} ({error.strerror or error})")
        return _Kept(path, f"Its raw answer is kept in {path}")

    async def _files(self, answer: Answer) -> tuple[bytes, ...]:
        """Every picture's bytes, fetched where the answer holds only an address."""
        files = []
        for picture in answer.pictures:
            files.append(await self._download(picture.url) if isinstance(picture, Address) else picture)
        return tuple(files)

    async def _download(self, url: str) -> bytes:
        """Fetch a finished picture without credentials. Only this is ever repeated. Raises Unreadable."""
        clock = asyncio.get_running_loop().time
        started = clock()
        for delay in self._download_delays:
            try:
                return await self._fetch(url)
            except _Unavailable:
                await asyncio.sleep(delay)
        try:
            return await self._fetch(url)
        except _Unavailable as error:
            tries = len(self._download_delays) + 1
            raise Unreadable(f"{error}; tried {tries} times in {clock() - started:.0f} s") from error

    async def _fetch(self, url: str) -> bytes:
        try:
            async with self._client().stream("GET", url, follow_redirects=True) as response:
                if response.status_code != 200:
                    temporary = response.status_code in (408, 429) or response.status_code >= 500
                    problem = f"Failed to download generated image: {url} answered {response.status_code}"
                    raise _Unavailable(problem) if temporary else Unreadable(problem)
                return checked_picture(await _capped(response))
        except httpx.InvalidURL as error:
            raise Unreadable(f"Failed to download generated image: {url} is no http address") from error
        except httpx.RequestError as error:
            reason = ": ".join(filter(None, [type(error).__name__, str(error)]))
            raise _Unavailable(f"Failed to download generated image: {url} ({reason})") from error


def openai_from_environment(
    environ: Mapping[str, str],
    *,
    answers_dir: Path | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    capacity: int = DEFAULT_CAPACITY,
) -> OpenAIImages:
    """Return the service that OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID and OPENAI_PROJECT_ID describe.

    Raises UsageError, naming both ways on, where there is no key.
    """
    key = environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        raise UsageError(
            "no image service is set up: set OPENAI_API_KEY to your OpenAI key, "
            "or choose --provider offline, which draws stand-in pictures and needs no key"
        )
    return OpenAIImages(
        environ.get("OPENAI_BASE_URL", "").strip() or OPENAI_BASE_URL,
        key,
        organization=environ.get("OPENAI_ORG_ID", "").strip() or None,
        project=environ.get("OPENAI_PROJECT_ID", "").strip() or None,
        answers_dir=answers_dir,
        transport=transport,
        capacity=capacity,
    )


class _Unavailable(Unreadable):
    """A finished picture couldn't be fetched just now."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back for the POST: headers in lower case and without the key, the body as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def unpacked(self) -> bytes:
        return unpacked(self.body, self.headers.get("content-encoding", ""))


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the raw answer is, and how to say it."""

    path: Path | None
    text: str

    def __str__(self) -> str:
        return self.text


def _json_fields(request: ImageRequest) -> dict[str, str | int]:
    return {"model": request.model, "prompt": request.prompt, **request.parameters}


def _multipart(request: ImageRequest) -> dict[str, Any]:
    """Fields by name, each as its text, then the pictures, then the mask (openai-images.md, 1.5)."""
    fields = {name: str(value) for name, value in sorted(_json_fields(request).items())}
    part_name = "image" if len(request.images) == 1 else "image[]"
    files = [(part_name, _part(upload)) for upload in request.images]
    if request.mask is not None:
        files.append(("mask", _part(request.mask)))
    return {"data": fields, "files": files}


def _part(upload: Upload) -> tuple[str, bytes, str]:
    return upload.file_name, upload.data, upload.media_type


def _room(request: ImageRequest) -> int:
    """Bytes to reserve for the answer. No service gives more than ten pictures at once."""
    asked = request.parameters.get("n")
    return _ROOM_PER_PICTURE * (min(max(asked, 1), 10) if isinstance(asked, int) else 1)


def _client_request_id(request: ImageRequest) -> str:
    # Deterministic. The digest includes the seed, which itself is never sent: so the offline service can draw
    # another picture for another seed, and support can find a request whose answer was lost.
    return f"graphrun-{request.digest[:32]}"


async def _http_only(request: httpx.Request) -> None:
    """Refuse other addresses, also those a download is redirected to, whatever the transport would make of them."""
    if request.url.scheme not in ("http", "https"):
        raise Unreadable(f"Failed to download generated image: {request.url} is no http address")


async def _raw(response: httpx.Response) -> bytes:
    # Not `aiter_raw`: that refuses responses which a transport made in memory, as those of tests are.
    return b"".join([chunk async for chunk in cast("AsyncIterable[bytes]", response.stream)])


async def _capped(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_DOWNLOAD:
            raise Unreadable(f"Failed to download generated image: {response.url} is too large to be one")
    return bytes(body)


def _checked_base_url(base_url: str) -> str:
    """The base URL becomes part of cache keys and messages, so nothing secret may be in it."""
    try:
        url = urlsplit(base_url)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname or not base_url.isprintable():
        raise UsageError(f"OPENAI_BASE_URL is no address of an image service: one looks like {OPENAI_BASE_URL}")
    if url.username is not None or url.query or url.fragment:
        raise UsageError(f"OPENAI_BASE_URL for {url.hostname} holds a user, a query or a fragment: leave them out")
    return base_url.rstrip("/")


def _account_headers(organization: str | None, project: str | None) -> dict[str, str]:
    headers = {}
    if organization is not None:
        headers["OpenAI-Organization"] = _header_value("OPENAI_ORG_ID", organization)
    if project is not None:
        headers["OpenAI-Project"] = _header_value("OPENAI_PROJECT_ID", project)
    return headers


def _header_value(variable: str, value: str) -> str:
    """Refused here, because the HTTP library's own complaint would show the value."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"{variable} is empty or holds a space, line break or special quote: copy it again")
    return value
