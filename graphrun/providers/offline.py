"""The offline image service: an honest stand-in that needs no key and no network.

A plain ASGI application that speaks OpenAI's Images API, strictly, and draws pictures that say "offline". Mounted
behind the real client, so multipart, base64, limits and errors on the way are the real code.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from graphrun.kernel.clerk import Clerk
from graphrun.providers.model_table import abilities_of
from graphrun.providers.offline_drawing import DRAWING_VERSION
from graphrun.providers.offline_easel import Order, paint, read_order
from graphrun.providers.offline_rules import Heard, HeardFile, Refused, read_request
from graphrun.providers.offline_type import Fonts
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.tariff import Tariff

__all__ = ["Heard", "HeardFile", "OfflineApp", "offline_images"]

# Enough for 32 requests of eight pictures; each is fetched right after its answer.
_KEPT_BYTES = 256 * 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def offline_images(latency: float = 0.0, heard: Callable[[Heard], None] | None = None, **options: Any) -> OpenAIImages:
    """Return the offline service behind the real client. ``options`` are those of `OpenAIImages`.

    Its identity holds the drawing's version, so that pictures drawn otherwise are not taken from a cache.
    """
    usual = {"identity": f"offline:{DRAWING_VERSION}", "capacity": 32, "tariff": Tariff.FREE}
    app = OfflineApp(latency, heard)
    return OpenAIImages("http://offline.invalid/v1", "offline", **{**usual, **options, "app": app})


class OfflineApp:
    """The service as an ASGI application: POST …/images/generations and …/images/edits, GET for its url answers.

    Each request takes at least ``latency`` seconds, the drawing included; requests overlap. ``heard`` is told of
    every accepted request.
    """

    def __init__(self, latency: float = 0.0, heard: Callable[[Heard], None] | None = None) -> None:
        self._latency = latency
        self._heard = heard
        self._fonts = Fonts()
        self._painter = Clerk(nullcontext)  # one at a time: most of a drawing holds the interpreter's lock
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"the offline image service speaks HTTP, not {scope['type']}")
        try:
            reply = await self._reply(_Call.read(scope, await _body(receive)))
        except Refused as refusal:
            reply = _json_reply(refusal.status, refusal.body())
        await _send(send, reply)

    async def _reply(self, call: _Call) -> _Reply:
        if call.method == "GET" and "/files/" in call.path:
            return self._file(call.path.rpartition("/")[2])
        if call.method != "POST" or not call.path.endswith(("/images/generations", "/images/edits")):
            raise Refused(f"Invalid URL ({call.method} {call.path})", "unknown_url", status=404)
        if not call.headers.get("authorization", "").startswith("Bearer "):
            raise Refused(
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                status=401,
            )
        return await self._create(call)

    async def _create(self, call: _Call) -> _Reply:
        asked = read_request(
            call.path,
            call.headers.get("content-type", ""),
            call.body,
            call.headers.get("x-client-request-id", ""),
        )
        order = await asyncio.to_thread(read_order, asked) if asked.files else read_order(asked)
        if self._heard is not None:
            self._heard(asked)
        files, _ = await asyncio.gather(self._painter.do(paint, order, self._fonts), asyncio.sleep(self._latency))
        return _json_reply(200, self._answer(asked, order, files, call), _request_id(asked))

    def _answer(self, asked: Heard, order: Order, files: list[bytes], call: _Call) -> dict[str, object]:
        is_gpt = abilities_of(asked.model).is_gpt
        as_url = not is_gpt and asked.text("response_format", "url") == "url"
        items = [{"url": self._keep(data, call)} if as_url else _encoded(data) for data in files]
        if asked.model == "dall-e-3":
            items[0]["revised_prompt"] = f"Offline stand-in, not revised: {order.prompt}"
        answer: dict[str, object] = {"created": int(time.time()), "data": items}
        return {**answer, **order.described} if is_gpt else answer

    def _keep(self, data: bytes, call: _Call) -> str:
        """Keep a picture for its download and return the address."""
        name = f"{blake3(data).hexdigest()[:40]}.png"
        self._kept_bytes += len(data) - len(self._kept.pop(name, b""))
        self._kept[name] = data
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return f"{call.origin}{call.path.rpartition('/images/')[0]}/files/{name}"

    def _file(self, name: str) -> _Reply:
        if name not in self._kept:
            raise Refused("This picture is no longer kept.", "not_found", status=404)
        return _Reply(200, self._kept[name], "image/png")


def _encoded(data: bytes) -> dict[str, str]:
    return {"b64_json": base64.b64encode(data).decode()}


def _request_id(asked: Heard) -> str:
    return f"req_offline_{blake3(asked.client_request_id.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class _Call:
    """One HTTP request."""

    method: str
    path: str
    origin: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, scope: Scope, body: bytes) -> _Call:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = f"{scope.get('scheme', 'http')}://{headers.get('host', 'offline.invalid')}"
        return cls(scope["method"], scope["path"], origin, headers, body)


@dataclass(frozen=True, slots=True)
class _Reply:
    """One HTTP answer."""

    status: int
    body: bytes
    media_type: str
    request_id: str = "req_offline"


def _json_reply(status: int, document: Mapping[str, object], request_id: str = "req_offline") -> _Reply:
    return _Reply(status, json.dumps(document).encode(), "application/json", request_id)


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _send(send: Send, reply: _Reply) -> None:
    headers = [
        (b"content-type", reply.media_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-request-id", reply.request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
