"""HTTP/1.1 on asyncio streams, as much as a service on loopback needs: requests in, answers out, in any bad manner."""

from __future__ import annotations

import asyncio
import math
import re
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from graphrun.testing.replies import Ending, Reply

Delivery = Literal["answered", "cut", "hung up"]

_PIECE = 65536
_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")


class BadRequest(Exception):
    """What arrived is no HTTP request."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a request. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def keeps_alive(self) -> bool:
        """Whether the client may send another request on this connection."""
        return self.headers.get("connection", "").lower() != "close"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the head of the next request, or None where the client closed instead. Raises BadRequest."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest("the request is cut off inside its headers") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("the headers of the request are longer than 64 KiB") from None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1":
        raise BadRequest(f"{first[:80]!r} is no HTTP/1.1 request line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Head(words[0], words[1], headers)


async def read_body(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the whole body. Raises BadRequest, and IncompleteReadError where the client hangs up."""
    if head.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = head.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise BadRequest(f"Content-Length is {length[:40]!r}")
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := _size(await _line(reader)):
        parts.append(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("a chunk of the body is longer than it says")
    while await _line(reader) != b"\r\n":  # trailers, which say nothing we want
        pass
    return b"".join(parts)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequest("a line between the chunks of the body is longer than 64 KiB") from None


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not _SIZE.fullmatch(digits):
        raise BadRequest(f"a chunk of the body has the size {digits[:40]!r}")
    return int(digits, 16)


async def some_of_the_body(reader: asyncio.StreamReader) -> bytes:
    """Return the first bytes of a body that is not going to be read whole."""
    return await reader.read(_PIECE)


async def deliver(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Delivery:
    """Write an answer in its manner, and tell how it ended. Where it ends early, the connection is done for."""
    try:
        if await client_leaves(reader, reply.latency):
            return "hung up"
        for number, piece in enumerate(reply.pieces()):
            if number and await client_leaves(reader, reply.pause):
                return "hung up"
            writer.write(piece)
            await writer.drain()
        if reply.stop is None:
            return "answered"
        if reply.stop.ending == "hang" and await client_leaves(reader, math.inf):
            return "hung up"
    except ConnectionError:
        return "hung up"
    cut(writer, reply.stop.ending)
    return "cut"


async def client_leaves(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait ``seconds`` (inf: for ever). Return True as soon as the client hangs up meanwhile."""
    if seconds <= 0:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(seconds) else seconds):
            # A byte instead of the end would be the next request already, before the answer to this one: no client
            # of ours sends that, so it may be lost.
            await reader.read(1)
            return True
    return False


def cut(writer: asyncio.StreamWriter, ending: Ending) -> None:
    """End the connection in an orderly way, or with a reset."""
    if ending == "reset":
        connection = writer.get_extra_info("socket")
        # Zero seconds to linger: the kernel then says RST where it would have said FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
