"""The only module that speaks HTTP: sends a request once, and where no answer comes, says how far the request came.

NotSent              nothing of it has left: trying again costs nothing
├── Unsendable       nor ever will: its address, or the proxy settings, can't be used
PartlySent           it broke off before its body was complete
Lost                 it was sent whole; what became of it is unknown
└── TooLarge         more came back than any answer has

httpx is imported at the first request. No exception of its own leaves here: its frames hold the headers with the key.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.request import getproxies, proxy_bypass

from graphrun.imaging.lazy import lazy_import
from graphrun.providers.http_logs import HttpLogs

if TYPE_CHECKING:
    import httpx
else:
    httpx = lazy_import("httpx")

Transport: TypeAlias = "httpx.AsyncBaseTransport"
AsgiApp = Callable[[Any, Any, Any], Any]
Secrets = Callable[[], Mapping[str, str]]
"""Gives the headers that hold a key, at the moment they are needed."""

_LARGEST_ANSWER = 1024 * 1024 * 1024  # ten 4K pictures have a few hundred megabytes as base64
_CHUNK = 64 * 1024
# What is kept is what was said: pictures don't get smaller by packing anyway.
_UNPACKED = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Reading takes long on purpose: nothing arrives on the wire before a picture is finished.

    ``total`` bounds the whole request, because an answer that drips in keeps every other limit from being reached.
    """

    connect: float = 10.0
    write: float = 120.0
    read: float = 600.0
    total: float = 1800.0


DEFAULT_TIMEOUTS = Timeouts()
DOWNLOAD_TIMEOUTS = Timeouts(write=30.0, read=60.0, total=300.0)  # of a finished picture, which nobody waits for


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: headers in lower case, the body as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Undelivered(Exception):
    """No whole answer came. The message is the reason, in a few words."""


class NotSent(Undelivered):
    """Nothing of the request's body has left: DNS, refused, TLS, connect timeout, proxy refused."""


class Unsendable(NotSent):
    """The request can't be put on the wire, today or tomorrow."""


class PartlySent(Undelivered):
    """The request broke off before its body was complete."""


class Lost(Undelivered):
    """The request was sent whole, and no whole answer came."""


class TooLarge(Lost):
    """More came back than an answer of this kind can have."""


class CancelledUnsent(asyncio.CancelledError):
    """Cancelled before anything of the request's body had left."""


class Http:
    """A client that repeats nothing, follows no redirects and keeps no cookies. Belongs to one event loop at a time.

    ``transport`` or ``app`` (an ASGI application, called in process) stands in for the network. Proxies are those of
    the environment, as httpx reads them. ``shown`` is applied to what the libraries underneath log meanwhile.
    """

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        app: AsgiApp | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        shown: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._transport = transport
        self._app = app
        self._timeouts = timeouts
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._logs = HttpLogs(shown)
        weakref.finalize(self, self._logs.end)  # a client nobody closed must not leave its filter to the process

    @property
    def has_network(self) -> bool:
        """Whether names are resolved and sockets opened at all."""
        return self._transport is None and self._app is None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], credentials: Secrets) -> Response:
        """Send ``body`` once and return the whole answer, whatever its status. Raises Undelivered."""
        upload = _Upload(body)
        # Without the length httpx would send the body in chunks.
        sized = {**_UNPACKED, **headers, "Content-Length": str(len(body))}

        def sending() -> AbstractAsyncContextManager[httpx.Response]:
            client, limits = self._client(direct=False), _limits(self._timeouts)
            return client.stream("POST", url, content=upload, headers=sized, auth=_signing(credentials), timeout=limits)

        return await _answer(sending, upload, self._timeouts.total, _LARGEST_ANSWER)

    async def get(
        self, url: str, host: str | None = None, *, largest: int, credentials: Secrets | None = None
    ) -> Response:
        """Fetch ``url``, with ``credentials`` if there are any. Raises Undelivered, TooLarge beyond ``largest`` bytes.

        With ``host``, the URL's own host is an address of it, which is connected to without any proxy: the name is
        then only told (Host header, TLS), never resolved again.
        """
        limits, extensions = _limits(DOWNLOAD_TIMEOUTS), {} if host is None else {"sni_hostname": _bare(host)}

        def sending() -> AbstractAsyncContextManager[httpx.Response]:
            headers = _UNPACKED if host is None else {**_UNPACKED, "Host": host}
            client, auth = self._client(direct=host is not None), _signing(credentials or dict)
            return client.stream("GET", url, headers=headers, auth=auth, timeout=limits, extensions=extensions)

        return await _answer(sending, _Upload(b""), DOWNLOAD_TIMEOUTS.total, largest)

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Every address a name resolves to, in the order to try them. Raises OSError."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, proto=6)  # TCP
        except UnicodeError as error:  # a label too long, or empty
            raise OSError(str(error)) from error
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def is_proxied(self, scheme: str, host: str) -> bool:
        """Whether a proxy will resolve the name, and not we."""
        proxies = getproxies()
        return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)

    async def aclose(self) -> None:
        """Close connections. The next request opens new ones."""
        self._logs.end()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    def _client(self, *, direct: bool) -> httpx.AsyncClient:
        self._logs.begin()
        if direct not in self._clients:
            self._clients[direct] = self._new_client(direct)
        return self._clients[direct]

    def _new_client(self, direct: bool) -> httpx.AsyncClient:
        bypassing: dict[str, httpx.AsyncBaseTransport | None] = {"all://": None, "http://": None, "https://": None}
        try:
            return httpx.AsyncClient(
                transport=httpx.ASGITransport(self._app) if self._app is not None else self._transport,
                headers={"User-Agent": "graphrun"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                # A connection that the server closes while it idles would make a paid request look lost.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                mounts=bypassing if direct else None,
                follow_redirects=False,
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise Unsendable(f"the proxy settings can't be used: {error}") from None


class _Upload:
    """A body on its way, piece by piece, so that it is known how much of it has left."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_begun = False
        self.is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_begun = True
        for start in range(0, len(self._body), _CHUNK):
            yield self._body[start : start + _CHUNK]
        self.is_whole = True

    def failure(self, reason: str) -> Undelivered:
        """What has become of the request, by how much of its body was taken."""
        if not self.is_begun:
            return NotSent(reason)
        return Lost(reason) if self.is_whole else PartlySent(reason)


def _signing(credentials: Secrets) -> Callable[[httpx.Request], httpx.Request]:
    def sign(request: httpx.Request) -> httpx.Request:
        # Asked for here, so that the key is in no header of the client and no variable that outlives this line.
        request.headers.update(credentials())
        return request

    return sign


async def _answer(
    sending: Callable[[], AbstractAsyncContextManager[httpx.Response]], upload: _Upload, total: float, largest: int
) -> Response:
    try:
        async with asyncio.timeout(total), sending() as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Response(response.status_code, headers, await _body(response, largest))
    except asyncio.CancelledError as error:
        raise error if upload.is_begun else CancelledUnsent() from None
    except TimeoutError:
        failure = upload.failure(f"no complete answer within {total:g} s")
    except (httpx.RequestError, httpx.InvalidURL, UnicodeError) as error:
        failure = _failure(error, upload)
    # Raised here, not above, so that it has neither cause nor context: see the module's first lines.
    raise failure


def _failure(error: Exception, upload: _Upload) -> Undelivered:
    """The kind of failure. The progress of the upload decides wherever httpx's own name for it leaves that open."""
    reason = ": ".join(filter(None, [type(error).__name__, str(error)]))
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL | UnicodeError):
        return Unsendable(reason)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return NotSent(reason)
    if isinstance(error, httpx.WriteError | httpx.WriteTimeout):
        return PartlySent(reason)
    return upload.failure(reason)


async def _body(response: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    # Not `aiter_raw`: that refuses responses which a transport made in memory, as those of tests are.
    async for chunk in cast("AsyncIterable[bytes]", response.stream):
        body += chunk
        if len(body) > largest:
            raise TooLarge(f"more than {largest} bytes came")
    return bytes(body)


def _limits(timeouts: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=timeouts.connect, write=timeouts.write, read=timeouts.read, pool=None)


def _bare(host: str) -> str:
    """A Host header's value without its port."""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
