"""One HTTP answer and how it is delivered, as plain data: what is written, how slowly, and where it breaks off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import Literal

# When the delivery ends: with no byte written, inside the head, in the middle of the body, behind the whole answer.
Stage = Literal["before", "headers", "during", "after"]
# Behind its last byte: an orderly close (FIN), a reset (RST), or silence on an open connection.
Ending = Literal["close", "reset", "hang"]
# How the client knows where the body ends. "until close" is what makes a body that was cut look whole.
Framing = Literal["length", "chunked", "until close"]

_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a delivery ends too early, and how."""

    stage: Stage
    ending: Ending


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``latency`` and ``pause`` are seconds, before the first byte and between pieces of ``piece`` bytes."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    framing: Framing = "length"
    piece: int | None = None
    pause: float = 0.0
    stop: Stop | None = None

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can take another request afterwards."""
        return self.stop is None and self.framing != "until close"

    @property
    def shows_status(self) -> bool:
        """Whether the client is told the status at all."""
        return self.stop is None or self.stop.stage in ("during", "after")

    def pieces(self) -> Iterator[bytes]:
        """Yield what is written, pause by pause, up to where the delivery stops."""
        sent = self._sent()
        step = self.piece or len(sent) or 1
        for start in range(0, len(sent), step):
            yield sent[start : start + step]

    def _sent(self) -> bytes:
        head, body = self._head(), self._framed_body()
        match self.stop.stage if self.stop else "after":
            case "before":
                return b""
            case "headers":
                return head[: len(head) // 2]
            case "during":
                return head + body[: len(body) // 2]
        return head + body

    def _head(self) -> bytes:
        framing = {
            "length": {"content-length": str(len(self.body))},
            "chunked": {"transfer-encoding": "chunked"},
            "until close": {"connection": "close"},
        }[self.framing]
        lines = [f"{name}: {value}\r\n" for name, value in {**self.headers, **framing}.items()]
        return f"HTTP/1.1 {self.status} {responses.get(self.status, '')}\r\n{''.join(lines)}\r\n".encode("latin-1")

    def _framed_body(self) -> bytes:
        if self.framing != "chunked":
            return self.body
        parts = [self.body[start : start + _CHUNK] for start in range(0, len(self.body), _CHUNK)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def json_reply(status: int, document: object) -> Reply:
    """Return a JSON answer."""
    return Reply(status, json.dumps(document).encode(), {"content-type": "application/json"})


def html_reply(status: int, text: str) -> Reply:
    """Return a page as a gateway on the way answers with it."""
    page = f"<html><head><title>{text}</title></head><body><center><h1>{text}</h1></center><hr>nginx</body></html>"
    return Reply(status, page.encode(), {"content-type": "text/html"})
