"""Values as bytes and back, without pickle: what is read back can never run code.

The value lists of a step become a document (JSON: one flat list in prefix order) and blobs, to which the document
refers by number. JSON's own values stand for themselves; everything else is a tagged list:

``["list", n]`` ``["tuple", n]`` ``["dict", n]``  n parts follow
``["int", hex]``                                  beyond 64 bits: decimal has a limit of digits
``["bytes", blob]``
``["files", [blob, …]]``                          Pictures as they came
``["pixels", blob, shape]``  ``["matte", blob, shape]``
``["tensor", blob]``                              safetensors
``["unit", blob, shape]``                         a float32 tensor of which every value is exactly k/255, as uint8
``["array", blob, dtype, shape]``  ``["scalar", blob, dtype]``
``["codec", name, blob]``                         a type of a pack's own
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphrun.cache import tensors
from graphrun.cache.flat import Group, flatten, rebuild
from graphrun.cache.heavy import is_array, is_numpy_scalar, is_tensor
from graphrun.cache.raw import array_bytes
from graphrun.errors import Uncacheable
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.pictures import Matte, Pictures
from graphrun.kernel.calls import Values

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy_import("numpy")

Buffer = bytes | memoryview

_FORMS: dict[str, type] = {"list": list, "tuple": tuple, "dict": dict}
_NUMBERS = "biufc"  # numpy's kinds that are plain numbers; the others hold objects or text


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of a pack's own type are stored. ``name`` stands in the store: change it when the form changes.

    ``decode`` is given exactly the bytes that ``encode`` returned, and must run nothing that they contain.
    """

    type: type[Any]
    name: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


class CodecFailed(Uncacheable):
    """A pack's codec raised; its own exception is the cause."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The value lists of a step as a document and the blobs it refers to."""

    document: bytes
    blobs: Sequence[Buffer]

    @property
    def nbytes(self) -> int:
        """Bytes it takes to store."""
        return len(self.document) + sum(memoryview(blob).nbytes for blob in self.blobs)


def codec_for(value: object, codecs: Sequence[Codec]) -> Codec | None:
    """Return the codec of exactly the value's type."""
    return next((codec for codec in codecs if codec.type is type(value)), None)


def encode(values: Sequence[Values], codecs: Sequence[Codec] = ()) -> Encoded:
    """Return the value lists of a step as bytes. Blobs may share memory with the values: write them at once.

    Raises Uncacheable for a value that has no stored form, and CodecFailed.
    """
    writer = _Writer(codecs)
    flat = [writer.token(part) for part in flatten([list(slot) for slot in values])]
    return Encoded(json.dumps(flat, separators=(",", ":")).encode("ascii"), writer.blobs)


def decode(document: bytes, blobs: Sequence[bytes], codecs: Sequence[Codec] = ()) -> list[list[Any]]:
    """Return the value lists again. What is no document of ours raises whatever comes first: catch Exception."""
    reader = _Reader(blobs, {codec.name: codec for codec in codecs})
    return rebuild([reader.part(token) for token in json.loads(document)])  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class _Writer:
    codecs: Sequence[Codec]
    blobs: list[Buffer] = field(default_factory=list)

    def token(self, part: object) -> object:
        if codec := codec_for(part, self.codecs):
            return ["codec", codec.name, self._blob(encode_foreign(codec, part))]
        kind = type(part)
        if isinstance(part, Group):
            return [part.form.__name__, part.size]
        if kind in (type(None), bool, float, str):
            return part
        if kind is int:
            return part if -(2**63) <= part < 2**63 else ["int", hex(part)]  # type: ignore[arg-type, operator]
        if kind is bytes:
            return ["bytes", self._blob(part)]  # type: ignore[arg-type]
        return self._picture(part) or self._numbers(part)

    def _picture(self, part: object) -> object:
        if type(part) is Pictures and part.files is not None:
            return ["files", [self._blob(file) for file in part.files]]
        if type(part) is Pictures:
            return ["pixels", self._array(part.pixels()), part.pixels().shape]
        if type(part) is Matte:
            return ["matte", self._array(part.alpha), part.alpha.shape]
        return None

    def _numbers(self, part: object) -> object:
        if is_tensor(part) and (levels := tensors.exact_levels(part)) is not None:
            return ["unit", self._array(levels), levels.shape]
        if is_tensor(part):
            return ["tensor", self._blob(tensors.to_safetensors(part))]
        if is_array(part) and type(part) is np.ndarray and part.dtype.kind in _NUMBERS:
            return ["array", self._array(part), part.dtype.str, part.shape]
        if is_numpy_scalar(part) and part.dtype.kind in _NUMBERS:
            return ["scalar", self._blob(part.tobytes()), part.dtype.str]
        raise Uncacheable(f"a {type(part).__qualname__} has no stored form")

    def _array(self, array: npt.NDArray[Any]) -> int:
        return self._blob(array_bytes(array))

    def _blob(self, blob: Buffer) -> int:
        self.blobs.append(blob)
        return len(self.blobs) - 1


def encode_foreign(codec: Codec, value: object) -> bytes:
    """Return a value of a pack's own type as bytes. Raises CodecFailed."""
    try:
        return bytes(codec.encode(value))
    except Exception as error:
        raise CodecFailed(f"codec {codec.name!r} can't encode its {codec.type.__qualname__}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    blobs: Sequence[bytes]
    codecs: dict[str, Codec]

    def part(self, token: Any) -> object:
        if not isinstance(token, list):
            return token
        match token:
            case ["list" | "tuple" | "dict" as form, int(size)]:
                return Group(_FORMS[form], size)
            case ["int", str(digits)]:
                return int(digits, 16)
            case ["bytes", int(blob)]:
                return self.blobs[blob]
            case ["files", list(files)]:
                return Pictures.from_files([self.blobs[blob] for blob in files])
            case ["codec", str(name), int(blob)]:
                return self.codecs[name].decode(self.blobs[blob])
        return self._numbers(token)

    def _numbers(self, token: list[Any]) -> object:
        match token:
            case ["pixels", int(blob), shape]:
                return Pictures.from_pixels(self._array(blob, "|u1", shape))
            case ["matte", int(blob), shape]:
                return Matte(self._array(blob, "|u1", shape))
            case ["unit", int(blob), shape]:
                return tensors.from_levels(self._array(blob, "|u1", shape))
            case ["tensor", int(blob)]:
                return tensors.from_safetensors(self.blobs[blob])
            case ["array", int(blob), str(dtype), shape]:
                return self._array(blob, dtype, shape).copy()  # one that its reader may write to, as it was
            case ["scalar", int(blob), str(dtype)]:
                return self._array(blob, dtype, [1])[0]
        raise ValueError(f"unknown tag in a stored document: {token[:1]}")

    def _array(self, blob: int, dtype: str, shape: Sequence[int]) -> npt.NDArray[Any]:
        return np.frombuffer(self.blobs[blob], dtype).reshape(shape)
