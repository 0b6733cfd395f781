"""The digest of a value list by its content: equal in every process for equal content and types."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from blake3 import blake3

from graphrun.cache.codec import Buffer, Codec, codec_for, encode_foreign
from graphrun.cache.flat import Group, flatten
from graphrun.cache.heavy import is_array, is_numpy_scalar, is_tensor
from graphrun.cache.raw import array_bytes, tensor_bytes
from graphrun.errors import Uncacheable
from graphrun.imaging.pictures import Matte, Pictures


def content_digest(values: Sequence[object], codecs: Sequence[Codec] = ()) -> str:
    """Return BLAKE3, as hex, over the type-tagged content of a value list.

    One picture as encoded files, as 8-bit pixels and as floats is three contents. Raises Uncacheable for a value
    whose content can't be told: an object without a codec, or a blocker.
    """
    hasher = blake3()
    for part in flatten(list(values), sort_keys=True):
        for chunk in _content(part, codecs):
            hasher.update(
                b"%d:" % memoryview(chunk).nbytes
            )  # a length before each chunk: neighbours can't run together
            hasher.update(chunk)
    return hasher.hexdigest()


def _content(part: object, codecs: Sequence[Codec]) -> Iterator[Buffer]:
    """Yield a tag and what follows it; the tag says how many chunks that is, or the first of them does."""
    match part:
        case Group(form, size):
            yield from (form.__name__.encode(), b"%d" % size)
        case _ if type(part) in _SCALARS:
            yield from (type(part).__name__.encode(), _SCALARS[type(part)](part))
        case Pictures(files=tuple(files)):
            yield from (b"files", b"%d" % len(files), *files)
        case Pictures():
            pixels = part.pixels()
            yield from (b"pixels", repr(pixels.shape).encode(), array_bytes(pixels))
        case Matte():
            yield from (b"matte", repr(part.alpha.shape).encode(), array_bytes(part.alpha))
        case _:
            yield from _foreign_content(part, codecs)


def _foreign_content(part: object, codecs: Sequence[Codec]) -> Iterator[Buffer]:
    if codec := codec_for(part, codecs):
        yield from (b"codec", codec.name.encode(), encode_foreign(codec, part))
    elif is_tensor(part):
        yield from (b"tensor", str(part.dtype).encode(), repr(tuple(part.shape)).encode(), tensor_bytes(part))
    elif is_numpy_scalar(part) or (is_array(part) and not part.dtype.hasobject):
        yield from (b"array", part.dtype.str.encode(), repr(part.shape).encode(), part.tobytes())
    else:
        raise Uncacheable(f"the content of a {type(part).__qualname__} can't be told")


_SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"",
    bool: lambda value: b"1" if value else b"0",
    int: lambda value: hex(value).encode(),  # hex: decimal has a limit of digits
    # One NaN for all: JSON, in which the store keeps numbers, has no other.
    float: lambda value: struct.pack(">d", math.nan if math.isnan(value) else value),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: lambda value: value,
}
