"""Any value a slot may carry, how to tell two apart to the bit, and a pack's own type with its codec."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphrun.cache.codec import Codec, decode, encode
from graphrun.cache.raw import tensor_bytes
from graphrun.imaging import Matte, Pictures

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
    torch.bool, torch.complex64,
]  # fmt: skip

numbers = st.none() | st.booleans() | st.integers() | st.integers(min_value=10**30) | st.floats()
leaves = numbers | st.text(st.characters(codec=None)) | st.binary(max_size=20)
plain = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Any bits in any dtype, sometimes transposed so that memory isn't in order."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(shapes)
    if dtype is torch.bool:
        return torch.tensor(draw(hnp.arrays(np.bool_, shape)))
    size = math.prod(shape) * dtype.itemsize
    bits = torch.tensor(list(draw(st.binary(min_size=size, max_size=size))), dtype=torch.uint8)
    tensor = bits.view(dtype).reshape(shape) if size else torch.empty(shape, dtype=dtype)
    return tensor.transpose(0, -1) if tensor.ndim > 1 and draw(st.booleans()) else tensor


arrays = hnp.arrays(
    hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes() | hnp.complex_number_dtypes(), shapes
)
pixels = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 3)] * 3, st.integers(1, 4)))
pictures = st.lists(st.binary(), min_size=1, max_size=3).map(Pictures.from_files) | pixels.map(Pictures.from_pixels)
mattes = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 3)] * 3)).map(Matte)
anything = plain | tensors() | arrays | pictures | mattes


def exact(value: Any) -> object:
    """Return something that compares equal only for equal types and bits; any NaN of Python's equals any other."""
    match value:
        case float():
            return float, "nan" if math.isnan(value) else struct.pack("d", value)
        case list() | tuple():
            return type(value), [exact(item) for item in value]
        case dict():
            return dict, [(exact(key), exact(item)) for key, item in value.items()]
        case torch.Tensor():
            return value.dtype, value.shape, bytes(tensor_bytes(value))
        case np.ndarray() | np.generic():
            return type(value), value.dtype, value.shape, value.tobytes()
        case Pictures():
            return Pictures, value.files or exact(value.pixels())
        case Matte():
            return Matte, exact(value.alpha)
    return type(value), value


def there_and_back(values: list[list[object]], *codecs: Codec) -> list[list[Any]]:
    encoded = encode(values, codecs)
    return decode(encoded.document, [bytes(blob) for blob in encoded.blobs], codecs)


@dataclass(frozen=True)
class Palette:
    """A type of a pack's own."""

    colours: tuple[str, ...]


PALETTE = Codec(
    Palette,
    "palette-1",
    lambda value: json.dumps(value.colours).encode(),
    lambda data: Palette(tuple(json.loads(data))),
)
