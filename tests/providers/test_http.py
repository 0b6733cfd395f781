"""How far a request came when no answer did, shown with real sockets; and what the client keeps to itself."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from graphrun.providers.http import (
    Http,
    Lost,
    NotSent,
    PartlySent,
    Response,
    Timeouts,
    TooLarge,
    Undelivered,
    Unsendable,
)

KEY = "sk-very-secret-0123456789"
QUICK = Timeouts(connect=5, write=5, read=5, total=5)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A server on this machine; the value is its address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def request_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
    return head, await reader.readexactly(length)


def posted(serve: Serve, body: bytes = b"{}", timeouts: Timeouts = QUICK) -> Response:
    async def scene() -> Response:
        async with server(serve) as url:
            return await post(url, body, timeouts)

    return asyncio.run(scene())


async def post(url: str, body: bytes = b"{}", timeouts: Timeouts = QUICK, **options: Any) -> Response:
    http = Http(timeouts=timeouts, **options)
    try:
        return await http.post(f"{url}/images", body, {"X-Own": "1"}, lambda: {"Authorization": f"Bearer {KEY}"})
    finally:
        await http.aclose()


def failed(serve: Serve, body: bytes = b"{}", timeouts: Timeouts = QUICK) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        posted(serve, body, timeouts)
    return caught.value


def cut(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset, as a crashed server does."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


def test_an_answer_comes_back_whole_and_as_it_was_on_the_wire() -> None:
    """Status, headers in lower case, and bytes nobody has unpacked."""
    heard = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await request_of(reader))
        writer.write(b"HTTP/1.1 207 Fine\r\nX-One: 1\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8babc")
        await writer.drain()

    body = bytes(range(256)) * 1000
    reply = posted(serve, body)
    assert (reply.status, reply.headers["x-one"], reply.body) == (207, "1", b"\x1f\x8babc")
    ((head, came),) = heard
    assert came == body
    assert b"x-own: 1" in head.lower()
    assert b"Authorization: Bearer " + KEY.encode() in head


def test_nobody_there_means_not_sent() -> None:
    """Refused: nothing has left."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(NotSent) as caught:
            asyncio.run(post(url))
    assert not isinstance(caught.value, Unsendable)


def test_failing_to_agree_on_encryption_means_not_sent() -> None:
    """The key hasn't left either."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"I speak no TLS\r\n")
        await writer.drain()

    async def scene() -> None:
        async with server(serve) as url:
            await post(url.replace("http:", "https:"))

    with pytest.raises(NotSent):
        asyncio.run(scene())


def test_a_connection_cut_while_the_body_is_written_means_partly_sent() -> None:
    """The server can't have read the request whole."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        cut(writer)

    assert type(failed(serve, b"x" * 50_000_000)) is PartlySent


def test_a_body_nobody_takes_means_partly_sent() -> None:
    """The write timeout is about progress, not about the whole upload."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1)

    error = failed(serve, b"x" * 50_000_000, Timeouts(connect=5, write=0.1, read=5, total=5))
    assert type(error) is PartlySent


def test_a_refusal_that_comes_before_the_body_is_complete_is_an_answer() -> None:
    """413 is said while the upload still runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await writer.drain()
        await reader.read()

    assert posted(serve, b"x" * 3_000_000).status == 413


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_connection_cut_while_waiting_means_lost(reset: bool) -> None:
    """The whole request was read; what became of it nobody knows."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        if reset:
            cut(writer)

    assert type(failed(serve)) is Lost


def test_an_answer_that_breaks_off_means_lost() -> None:
    """Half an answer is none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()

    assert type(failed(serve)) is Lost


def test_an_answer_that_is_no_http_means_lost() -> None:
    """Whatever it was, the request had been read."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HELLO\r\n\r\n")
        await writer.drain()

    assert type(failed(serve)) is Lost


def test_silence_beyond_the_read_timeout_means_lost() -> None:
    """The picture may be in the making."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await asyncio.sleep(1)

    assert type(failed(serve, timeouts=Timeouts(connect=5, write=5, read=0.05, total=5))) is Lost


def test_an_answer_that_drips_in_ends_with_the_total_deadline() -> None:
    """Each drop comes in time for the read timeout; all together don't."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    error = failed(serve, timeouts=Timeouts(connect=5, write=5, read=5, total=0.2))
    assert type(error) is Lost
    assert str(error) == "no complete answer within 0.2 s"


def test_a_cancelled_request_is_cancelled() -> None:
    """The deadline doesn't take other people's cancellations for its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async def scene() -> None:
        async with server(serve) as url:
            task = asyncio.create_task(post(url))
            await asyncio.sleep(0.05)
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scene())


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("http://host:port", {}),
        ("gopher://x", {}),
        ("http://api.example", {"ALL_PROXY": "carrier-pigeon://127.0.0.1"}),
    ],
    ids=["no address", "no protocol", "no proxy"],
)
def test_what_can_never_be_sent_says_so(url: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again wouldn't help."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unsendable):
        asyncio.run(post(url))


def test_a_proxy_that_refuses_means_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tunnel was never there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def scene() -> None:
        async with server(serve) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            await post("https://api.example")

    with pytest.raises(NotSent):
        asyncio.run(scene())


def mocked(failure: Exception) -> Undelivered:
    def handler(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(Undelivered) as caught:
        asyncio.run(post("https://api.example", transport=httpx.MockTransport(handler)))
    return caught.value


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("x"), NotSent),
        (httpx.ConnectTimeout("x"), NotSent),
        (httpx.PoolTimeout("x"), NotSent),
        (httpx.ProxyError("x"), NotSent),
        (httpx.UnsupportedProtocol("x"), Unsendable),
        (httpx.LocalProtocolError("x"), Unsendable),
        (httpx.WriteError("x"), PartlySent),
        (httpx.WriteTimeout("x"), PartlySent),
        (httpx.ReadError("x"), Lost),
        (httpx.ReadTimeout("x"), Lost),
        (httpx.CloseError("x"), Lost),
        (httpx.RemoteProtocolError("x"), Lost),
        (httpx.DecodingError("x"), Lost),
    ],
)
def test_every_failure_of_the_library_has_its_kind(failure: Exception, kind: type[Undelivered]) -> None:
    """By name where the name says it, else by how much of the body was taken."""
    error = mocked(failure)
    assert type(error) is kind
    assert str(error) == f"{type(failure).__name__}: x"


def test_the_key_is_in_no_failure() -> None:
    """Not even in the local variables of the frames behind it, where the library had the headers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        cut(writer)

    error = failed(serve)
    assert error.__cause__ is error.__context__ is None
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert KEY not in "".join(shown.format())


def test_a_cookie_of_one_answer_goes_with_no_other_request() -> None:
    """They are no business of a program's."""
    cookies = []

    def handler(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"set-cookie": "a=b; Path=/"})

    async def scene() -> None:
        http = Http(transport=httpx.MockTransport(handler))
        for _ in range(2):
            await http.post("https://api.example/x", b"", {}, lambda: {"Authorization": "Bearer x"})
        await http.get("https://api.example/x", largest=10)
        await http.aclose()

    asyncio.run(scene())
    assert cookies == [None, None, None]


def fetched(scene: Callable[[Http], Coroutine[Any, Any, Response]]) -> Response:
    async def run() -> Response:
        http = Http()
        try:
            return await scene(http)
        finally:
            await http.aclose()

    return asyncio.run(run())


def test_a_get_connects_to_the_address_and_tells_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, and past any proxy: what was checked is what is asked."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async def scene(http: Http) -> Response:
        async with server(serve) as url:
            return await http.get(f"{url}/fox.png", "cdn.example:81", largest=10)

    assert fetched(scene).body == b"ok"
    assert b"host: cdn.example:81\r\n" in heads[0]
    assert b"authorization" not in heads[0]


def test_a_get_ends_where_too_much_comes() -> None:
    """A cap, whatever the headers promise."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
        await writer.drain()

    async def scene(http: Http) -> Response:
        async with server(serve) as url:
            return await http.get(url, largest=1000)

    with pytest.raises(TooLarge):
        fetched(scene)


def test_a_name_of_this_machine_resolves_to_addresses_of_it() -> None:
    """All of them, each once."""

    async def scene() -> tuple[str, ...]:
        return await Http().addresses("localhost", 80)

    found = asyncio.run(scene())
    assert found
    assert set(found) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("name", ["a" * 70 + ".example", ".example"])
def test_a_name_that_can_not_be_resolved_is_an_os_error(name: str) -> None:
    """Also where it is no name at all."""
    with pytest.raises(OSError):  # noqa: PT011 - its text is the system's
        asyncio.run(Http().addresses(name, 80))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://proxy:3128"}, True),
        ({"HTTP_PROXY": "http://proxy:3128"}, False),
        ({"ALL_PROXY": "http://proxy:3128"}, True),
        ({"ALL_PROXY": "http://proxy:3128", "NO_PROXY": "cdn.example"}, False),
    ],
)
def test_it_knows_when_a_proxy_resolves_names(
    environ: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variables that httpx heeds."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Http().is_proxied("https", "cdn.example") is expected
