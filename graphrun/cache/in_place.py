"""Tells that a value was changed in place after it was made: by torch's version counters, by content for the rest.

What bypasses the counter (writing through ``tensor.numpy()``) isn't seen here; what the disk tier holds is safe
from that too, because it was encoded before any reader started.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from blake3 import blake3

from graphrun.cache.flat import Group, flatten
from graphrun.cache.heavy import is_array, is_tensor
from graphrun.cache.raw import array_bytes, tensor_bytes

Marks = tuple[tuple[object, ...], ...]


def marks_of(values: Sequence[object]) -> Marks:
    """Return what tells, for each value, whether it is still as it was.

    Raises Uncacheable for a value without end, and for a tensor that has neither a counter nor plain memory.
    """
    return tuple(tuple(_mark(part) for part in flatten(value)) for value in values)


def changed_in_place(values: Sequence[object], marks: Marks) -> tuple[int, ...]:
    """Return the positions of the values that were changed since `marks_of` gave their marks.

    Taken before a node is called and compared afterwards, it names the node that changes its inputs.
    """
    now = marks_of(values)
    return tuple(index for index, (before, after) in enumerate(zip(marks, now, strict=True)) if before != after)


def _mark(part: object) -> object:
    if is_tensor(part):
        # Tensors made under torch.inference_mode() have no counter.
        return blake3(tensor_bytes(part)).digest() if part.is_inference() else part._version
    if is_array(part):
        return id(part) if part.dtype.hasobject else blake3(array_bytes(part)).digest()
    if isinstance(part, Group) or type(part) in (str, bytes, int, bool, type(None)):
        return part
    if type(part) is float:
        return struct.pack("d", part)  # as bits: NaN would always look changed
    return id(part)
