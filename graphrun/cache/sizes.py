"""How much memory values take, told without running code of theirs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from graphrun.cache.flat import Group, flatten
from graphrun.cache.heavy import is_array, is_tensor
from graphrun.imaging.pictures import Matte, Pictures

PER_PART = 64  # what Python takes for any object, about
UNKNOWN = 1024  # an object that can't be asked: its __sizeof__ is someone else's code


def size_of(values: object) -> int:
    """Return bytes of memory, a tensor's storage counted once. Raises Uncacheable for endless values."""
    return size_of_parts(flatten(values))


def size_of_parts(parts: Sequence[object]) -> int:
    """Return `size_of` of what `flatten` took apart."""
    storages: dict[int, int] = {}
    total = PER_PART * len(parts)
    for part in parts:
        if is_tensor(part):
            storages |= _storage(part)
        else:
            total += _leaf_size(part)
    return total + sum(storages.values())


def _storage(tensor: object) -> dict[int, int]:
    """Return a tensor's whole memory by address: a slice keeps alive all it was cut from."""
    try:
        storage = tensor.untyped_storage()  # type: ignore[attr-defined]
        return {storage.data_ptr(): storage.nbytes()}
    except (NotImplementedError, RuntimeError):  # sparse tensors and the like
        return {id(tensor): UNKNOWN}


def _leaf_size(part: object) -> int:
    if isinstance(part, Group):
        return 8 * part.size
    if type(part) in (str, bytes, bytearray, int, float, bool, type(None)):
        return sys.getsizeof(part)
    if isinstance(part, Pictures | Matte) or is_array(part):
        return part.nbytes
    return UNKNOWN
