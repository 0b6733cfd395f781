"""Keys that differ whenever the work differs, and agree in every process.

A key is BLAKE3 over a canonical encoding in which every value starts with a tag naming its type, so ``1``, ``1.0``,
``True`` and ``"1"`` differ, and a length, so neighbours can't run together. A step's key holds its producers' keys,
never their ids: relabelling or reordering a file changes no key, and each key costs O(1).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType

from blake3 import blake3

from graphrun.errors import Uncacheable
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import BoundFile

CacheKey = NewType("CacheKey", str)


def encode(value: object) -> bytes:
    """Return bytes that differ whenever the value or its type differs. A tuple is a list: JSON has one of them.

    Raises Uncacheable for a value that has no canonical form (NaN, or a type not named here). Iterative, so the
    depth of a value is no matter.
    """
    parts: list[bytes] = []
    pending = [value]
    while pending:
        current = pending.pop()
        scalar = _SCALARS.get(type(current))
        if scalar is not None:
            parts.append(scalar(current))
        else:
            head, children = _encode_container(current)
            parts.append(head)
            pending.extend(reversed(children))
    return b"".join(parts)


def _tagged(tag: bytes, body: bytes) -> bytes:
    return b"%b%d:%b" % (tag, len(body), body)


def _encode_float(value: float) -> bytes:
    if math.isnan(value):
        raise Uncacheable("NaN never equals itself")
    return b"g" + struct.pack(">d", value)


def _encode_file(file: BoundFile) -> bytes:
    """By content, and by what is done to it: a key is wanted before anyone decodes a picture."""
    content = _tagged(b"f", blake3(file.original()).digest())
    return content if file.change is None else _tagged(b"c", content + file.change.identity)


# By exact type: True is an int, and an enum's member may be one too.
_SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"0",
    bool: lambda value: b"b1" if value else b"b0",
    int: lambda value: _tagged(b"i", b"%x" % value),  # decimal digits stop at 4300
    float: _encode_float,
    str: lambda value: _tagged(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: _tagged(b"y", value),
    BoundFile: _encode_file,
}


def _encode_container(value: object) -> tuple[bytes, list[object]]:
    """Return the tag and size of a list or mapping, and what it holds."""
    if isinstance(value, list | tuple):
        return b"l%d:" % len(value), list(value)
    if isinstance(value, Mapping):
        return b"d%d:" % len(value), _sorted_items(value)
    raise Uncacheable(f"a {type(value).__qualname__} has no canonical form")


def _sorted_items(value: Mapping[object, object]) -> list[object]:
    if not all(isinstance(key, str) for key in value):
        raise Uncacheable("a mapping with keys that are no text has no canonical form")
    return [part for key in sorted(value, key=str) for part in (key, value[key])]


@dataclass(frozen=True, slots=True)
class KeyInputs:
    """All that decides what a step gives.

    ``links`` maps inputs to their producer's key and slot; a producer without a key leaves its readers without one.
    ``services`` are identities, never secrets. ``node_id`` is given only where the node's own id matters.
    """

    node_type: NodeType
    literals: Mapping[str, object]
    links: Mapping[str, tuple[CacheKey | None, int]]
    fingerprint: object = None
    services: Sequence[str] = ()
    node_id: str | None = None


def step_key(inputs: KeyInputs) -> CacheKey | None:
    """Return the key of a step, or None where it can't be keyed and must always run."""
    node_type = inputs.node_type
    if node_type.always_run or any(key is None for key, _ in inputs.links.values()):
        return None
    identity = [node_type.pack, node_type.name, node_type.version, node_type.source, inputs.node_id, inputs.services]
    try:
        return CacheKey(blake3(encode([identity, inputs.literals, inputs.links, inputs.fingerprint])).hexdigest())
    except Uncacheable:
        return None


def key_parts(inputs: KeyInputs) -> dict[str, str]:
    """Return what a key is made of, by name, each as a short text: two keys differ where their parts do."""
    node_type = inputs.node_type
    parts = {"class": f"{node_type.pack}: {node_type.name}", "version": str(node_type.version)}
    parts |= {f"input {name}": _short(value) for name, value in inputs.literals.items()}
    parts |= {f"link {name}": f"output {slot} of {(key or 'none')[:16]}" for name, (key, slot) in inputs.links.items()}
    parts |= {f"service {index}": identity for index, identity in enumerate(inputs.services)}
    outside = {"source": node_type.source or None, "content": inputs.fingerprint, "node id": inputs.node_id}
    return parts | {name: _short(value) for name, value in outside.items() if value is not None}


def _short(value: object) -> str:
    """Return a value as it is if that is short, else a digest of it."""
    if isinstance(value, str | int | float | bool) and len(text := repr(value)) <= 60:
        return text
    try:
        return f"#{blake3(encode(value)).hexdigest()[:16]}"
    except Uncacheable:
        return "not comparable"


def path_digest(path: Path) -> str:
    """Return the BLAKE3 of a file's content as hex. Raises OSError."""
    return blake3(path.read_bytes()).hexdigest()
