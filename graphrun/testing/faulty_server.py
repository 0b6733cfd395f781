"""The asyncio side of the faulty service: one task per connection, request after request, each answered by script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from graphrun.providers.offline_rules import Heard, Refused, read_request
from graphrun.testing.answer import Answer, Asked
from graphrun.testing.arrivals import Arrivals
from graphrun.testing.connections import CutUpload
from graphrun.testing.downloads import Downloads
from graphrun.testing.replies import Reply, json_reply
from graphrun.testing.script import Script
from graphrun.testing.wire import BadRequest, Head, cut, deliver, read_body, read_head, some_of_the_body

_ENDPOINTS = ("/v1/images/generations", "/v1/images/edits")


class FaultyServer:
    """Answers by ``script``, which may be replaced at any time. ``fault`` is the first exception a script raised."""

    def __init__(self, script: Script, arrivals: Arrivals) -> None:
        self.script = script
        self.fault: BaseException | None = None
        self._arrivals = arrivals
        self._accepted = 0
        self._downloads = Downloads()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, port: int, ready: Callable[[int], None], stop: asyncio.Event) -> None:
        """Serve on loopback until ``stop`` is set. ``ready`` is told the port. Raises OSError for a port in use."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        async with server:
            ready(server.sockets[0].getsockname()[1])
            await stop.wait()
            server.close()
            await self._end_connections()
        self._arrivals.stop()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine function for start_server: its own task would log the cancellation that ends it.
        writer.transport.set_write_buffer_limits(high=0)  # so that drained means handed to the kernel
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(partial(self._disconnected, writer))

    def _disconnected(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        # Here and not in the task: one that is cancelled before its first step has no `finally`.
        self._tasks.discard(task)
        if task.cancelled():
            writer.transport.abort()  # a client that doesn't read would keep an orderly close waiting
            return
        writer.close()
        self.fault = self.fault or task.exception()

    async def _end_connections(self) -> None:
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except BadRequest as error:
            writer.write(b"".join(json_reply(400, {"error": {"message": str(error)}}).pieces()))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone, and the log says so

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it. Returns whether the connection can take another."""
        head = await read_head(reader)
        if head is None:
            return False
        number = self._arrivals.add(head.method, head.path, head.headers)
        if head.method == "POST" and (cut_upload := self.script.cut_upload()):
            await self._cut_upload(cut_upload, number, reader, writer)
            return False
        reply = self._reply(head, await self._body(head, number, reader, writer), number)
        outcome = await deliver(reply, reader, writer)
        self._arrivals.end(number, outcome, reply.status if reply.shows_status and outcome != "hung up" else None)
        return outcome == "answered" and reply.keeps_alive and head.keeps_alive

    async def _cut_upload(
        self, answer: CutUpload, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._arrivals.change(number, body=await some_of_the_body(reader), answer=answer)
        cut(writer, "reset")
        self._arrivals.end(number, "cut", None)

    async def _body(self, head: Head, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        try:
            body = await read_body(head, reader, writer)
        except BadRequest:
            self._arrivals.end(number, "answered", 400)
            raise
        except (asyncio.IncompleteReadError, ConnectionError):
            self._arrivals.end(number, "hung up", None)
            raise
        self._arrivals.change(number, body=body, outcome="open")
        return body

    def _reply(self, head: Head, body: bytes, number: int) -> Reply:
        try:
            return self._scripted(head, body, number)
        except Refused as refusal:
            return json_reply(refusal.status, refusal.body())
        except Exception as error:
            # The script's own fault: the test shall fail with it, not with what its client makes of a 500.
            self.fault = self.fault or error
            return json_reply(500, {"error": {"message": f"the script failed: {error!r}", "type": "script_error"}})

    def _scripted(self, head: Head, body: bytes, number: int) -> Reply:
        if head.method == "GET" and (download := self._downloads.reply(head.path)) is not None:
            return download
        heard = _accepted(head, body)
        self._accepted += 1
        self._arrivals.change(number, heard=heard)
        answer = self.script.choose(heard, self._accepted)
        if not isinstance(answer, Answer):
            raise TypeError(f"a script returns an Answer such as Good(), not {answer!r}")
        self._arrivals.change(number, answer=answer)
        origin = f"http://{head.headers.get('host', '127.0.0.1')}"
        return answer.reply(Asked(heard, self._accepted, partial(self._downloads.publish, origin)))


def _accepted(head: Head, body: bytes) -> Heard:
    """Return the request if OpenAI would accept it. Raises Refused."""
    path = head.path.partition("?")[0]
    if head.method != "POST" or path not in _ENDPOINTS:
        raise Refused(f"Invalid URL ({head.method} {path})", "unknown_url", status=404)
    if not head.headers.get("authorization", "").startswith("Bearer "):
        raise Refused("You didn't provide an API key.", status=401)
    content_type, own_id = head.headers.get("content-type", ""), head.headers.get("x-client-request-id", "")
    return read_request(path, content_type, body, own_id)
