"""Files whose metadata is JSON: safetensors and .latent, GLB (workflow-formats.md, 4.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_TEXT, Entry
from graphrun.imaging.slices import Slices


def read_safetensors(data: Slices) -> Iterator[Entry]:
    """Yield the ``__metadata__`` of the header."""
    length = int.from_bytes(data[:8], "little")
    match _parsed(data[8 : 8 + length] if length <= MAX_TEXT else b""):
        case {"__metadata__": dict() as texts}:
            yield from _entries(texts)


def read_glb(data: Slices) -> Iterator[Entry]:
    """Yield ``asset.extras`` of the first chunk, which holds JSON."""
    length = int.from_bytes(data[12:16], "little")
    match _parsed(data[20 : 20 + length] if length <= MAX_TEXT else b""):
        case {"asset": {"extras": dict() as texts}}:
            yield from _entries(texts)


def _entries(texts: dict[str, object]) -> Iterator[Entry]:
    """JSON as text, or as it is."""
    for name in ("prompt", "workflow"):
        match texts.get(name):
            case str() as text:
                yield Entry(name, text)
            case dict() as value:
                yield Entry(name, json.dumps(value))


def _parsed(text: bytes) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed
