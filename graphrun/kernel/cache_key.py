"""Keys that differ whenever the work differs, and agree in every process.

A key is BLAKE3 over a canonical encoding in which every value starts with a tag naming its type, so ``1``, ``1.0``,
``True`` and ``"1"`` differ, and a length, so neighbours can't run together. A step's key holds its producers' keys,
never their ids: relabelling or reordering a file changes no key, and each key costs O(1).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NewType

from blake3 import blake3

from graphrun.errors import Uncacheable
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import BoundFile

CacheKey = NewType("CacheKey", str)


def encode(value: object) -> bytes:
    """Return bytes that differ whenever the value or its type differs.

    Raises Uncacheable for a value that has no canonical form (NaN, or a type not named here). Iterative, so the
    depth of a value is no matter.
    """
    parts: list[bytes] = []
    pending = [value]
    while pending:
        head, children = _encode_one(pending.pop())
        parts.append(head)
        pending.extend(reversed(children))
    return b"".join(parts)


def _encode_one(value: object) -> tuple[bytes, list[object]]:
    """Return the tagged head of a value and the children that follow it."""
    match value:
        case None:
            return _tagged(b"0", b""), []
        case bool():  # before int: True is an int
            return _tagged(b"b", b"1" if value else b"0"), []
        case int():
            return _tagged(b"i", b"%d" % value), []
        case float():
            return _encode_float(value), []
        case str():
            return _tagged(b"s", value.encode("utf-8", "surrogatepass")), []
        case bytes():
            return _tagged(b"y", value), []
        case list() | tuple():
            return b"l%d:" % len(value), list(value)
        case Mapping():
            return b"d%d:" % len(value), _sorted_items(value)
        case BoundFile():
            return _tagged(b"f", _content_digest(value)), []
    raise Uncacheable(f"a {type(value).__qualname__} has no canonical form")


def _tagged(tag: bytes, body: bytes) -> bytes:
    return b"%b%d:%b" % (tag, len(body), body)


def _encode_float(value: float) -> bytes:
    if math.isnan(value):
        raise Uncacheable("NaN never equals itself")
    return b"g" + struct.pack(">d", value)


def _sorted_items(value: Mapping[object, object]) -> list[object]:
    if not all(isinstance(key, str) for key in value):
        raise Uncacheable("a mapping with keys that are no text has no canonical form")
    return [part for key in sorted(value, key=str) for part in (key, value[key])]


def _content_digest(file: BoundFile) -> bytes:
    return blake3(file.read()).digest()


def step_key(
    node_type: NodeType,
    literals: Mapping[str, object],
    links: Mapping[str, tuple[CacheKey | None, int]],
    *,
    fingerprint: object = None,
    services: Iterable[str] = (),
    node_id: str | None = None,
) -> CacheKey | None:
    """Return the key of a step, or None where it can't be keyed and must always run.

    ``links`` maps inputs to their producer's key and slot; a producer without a key leaves its readers without one.
    ``services`` are identities, never secrets. ``node_id`` is given only where the node's own id matters.
    """
    if node_type.always_run or any(key is None for key, _ in links.values()):
        return None
    identity = [node_type.pack, node_type.name, node_type.version, node_id, list(services)]
    try:
        return CacheKey(blake3(encode([identity, literals, links, fingerprint])).hexdigest())
    except Uncacheable:
        return None


def path_digest(path: Path) -> str:
    """Return the BLAKE3 of a file's content as hex. Raises OSError."""
    return blake3(path.read_bytes()).hexdigest()
