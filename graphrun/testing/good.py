"""Answers with pictures: good ones, odd ones a client has to put up with, and ones that can't be read."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from graphrun.providers.offline_rules import Heard
from graphrun.providers.offline_usage import made_up_usage
from graphrun.testing.answer import Answer, Asked
from graphrun.testing.downloads import Download
from graphrun.testing.replies import Reply, json_reply
from graphrun.testing.small_pictures import MEDIA_TYPES, Kind, colour_of, picture

# What is made where "auto" is asked for, or nothing: an answer names what was made.
_MADE = {"background": "opaque", "quality": "low"}


@dataclass(frozen=True, kw_only=True)
class Good(Answer):
    """Pictures as asked for, unless a field says otherwise. Different requests get different colours.

    ``count`` is how many come back (None: as many as asked); ``size`` (width, height) in pixels replaces the asked one;
    ``unequal`` makes each picture 16 pixels wider than the one before; ``kind`` replaces the asked output format.
    ``as_url``: None answers as the model would, which for DALL-E is a url unless base64 is asked for. ``usage``
    "counted" follows from the request, quality and size included, as at the offline service; None leaves it out.
    ``data_url``, ``padding`` and ``line_breaks`` are the liberties that gateways take with base64 (reference,
    section 5).
    """

    as_url: bool | None = None
    count: int | None = None
    size: tuple[int, int] | None = None
    unequal: bool = False
    kind: Kind | None = None
    usage: Mapping[str, object] | Literal["counted"] | None = "counted"
    revised_prompt: str | None = None
    data_url: bool = False
    padding: bool = True
    line_breaks: bool = False

    def make(self, asked: Asked) -> Reply:
        """Return the pictures in the shape of OpenAI's answer (reference, 2.2)."""
        kind = self.kind or cast("Kind", asked.heard.text("output_format", "png"))
        files = list(self._files(asked.heard, kind))
        as_url = _wants_url(asked.heard) if self.as_url is None else self.as_url
        items = [self._address(asked, data, kind) if as_url else self._encoded(data, kind) for data in files]
        if self.revised_prompt is not None:
            items = [{**item, "revised_prompt": self.revised_prompt} for item in items]
        return json_reply(200, {"created": 1795190400, "data": items, **self._described(asked.heard, kind, len(items))})

    def _files(self, heard: Heard, kind: Kind) -> Iterator[bytes]:
        width, height = self.size or _asked_size(heard)
        for index in range(_asked_count(heard) if self.count is None else self.count):
            colour = colour_of(heard.text("prompt", ""), heard.client_request_id, str(index))
            yield self.file(kind, (width + 16 * index * self.unequal, height), colour)

    def file(self, kind: Kind, size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
        """Return one picture file."""
        return picture(kind, size, colour)

    def text(self, data: bytes) -> str:
        """Return a file as base64."""
        return base64.b64encode(data).decode()

    def address(self, data: bytes, media_type: str) -> Download:
        """Return how a file can be downloaded."""
        return Download(data, media_type)

    def _address(self, asked: Asked, data: bytes, kind: Kind) -> dict[str, str]:
        return {"url": asked.publish(self.address(data, MEDIA_TYPES[kind]))}

    def _encoded(self, data: bytes, kind: Kind) -> dict[str, str]:
        text = self.text(data)
        text = text if self.padding else text.rstrip("=")
        text = "\n".join(textwrap.wrap(text, 76)) if self.line_breaks else text
        return {"b64_json": f"data:{MEDIA_TYPES[kind]};base64,{text}" if self.data_url else text}

    def _described(self, heard: Heard, kind: Kind, count: int) -> dict[str, object]:
        if heard.model.startswith("dall-e"):
            return {}
        made = {
            name: usual if heard.text(name, "auto") == "auto" else heard.text(name, "") for name, usual in _MADE.items()
        }
        size = self.size or _asked_size(heard)
        described: dict[str, object] = {**made, "output_format": kind, "size": f"{size[0]}x{size[1]}"}
        usage = self.usage
        if usage == "counted":
            usage = _counted(heard, made["quality"], size, count)
        return described if usage is None else {**described, "usage": usage}


@dataclass(frozen=True, kw_only=True)
class ExpiringUrl(Good):
    """Addresses whose downloads fail: first ``busy`` times with 503, then ``cut`` times in the middle.

    Then ``fetches`` downloads succeed (None: all), and the rest get ``gone``, which is 404 or 403.
    """

    as_url: bool | None = True
    busy: int = 0
    cut: int = 0
    fetches: int | None = 0
    gone: int = 404

    def address(self, data: bytes, media_type: str) -> Download:
        """Return an address that is good for so long only."""
        return Download(data, media_type, self.busy, self.cut, self.fetches, self.gone)


@dataclass(frozen=True, kw_only=True)
class TruncatedPng(Good):
    """PNGs of which ``kept`` of the bytes are there, in sound base64."""

    kept: float = 0.5

    def file(self, kind: Kind, size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
        """Return the beginning of a PNG."""
        whole = picture("png", size, colour)
        return whole[: int(len(whole) * self.kept)]


@dataclass(frozen=True, kw_only=True)
class BadBase64(Good):
    """Base64 with characters that don't belong there, in the middle."""

    as_url: bool | None = False
    damage: str = "*!"

    def text(self, data: bytes) -> str:
        """Return damaged base64."""
        sound = super().text(data)
        middle = len(sound) // 2
        return sound[:middle] + self.damage + sound[middle:]


@dataclass(frozen=True, kw_only=True)
class NoPictures(Good):
    """An answer with ``data: []``, as a gateway gives that fell back to another model."""

    count: int | None = 0


@dataclass(frozen=True, kw_only=True)
class NotJson(Answer):
    """A success that is no JSON: a login page of a proxy, say."""

    text: str = "<html><body>Please log in to the network.</body></html>"
    media_type: str = "text/html"

    def make(self, asked: Asked) -> Reply:
        """Return the text."""
        return Reply(200, self.text.encode(), {"content-type": self.media_type})


def _wants_url(heard: Heard) -> bool:
    return heard.model.startswith("dall-e") and heard.text("response_format", "url") == "url"


def _asked_count(heard: Heard) -> int:
    return int(heard.text("n", "1"))


def _asked_size(heard: Heard) -> tuple[int, int]:
    width, _, height = heard.text("size", "auto").partition("x")
    return (int(width), int(height)) if height else (1024, 1024)


def _counted(heard: Heard, quality: str, size: tuple[int, int], count: int) -> dict[str, object]:
    return made_up_usage(
        heard.model,
        heard.text("prompt", ""),
        quality=quality,
        size=size,
        count=count,
        references=len(heard.images),
    )
