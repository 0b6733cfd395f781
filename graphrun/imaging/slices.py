"""Bytes that are read where they are sliced: parsers of chunks walk over a large file without loading it."""

from __future__ import annotations

from io import SEEK_END
from typing import BinaryIO, Protocol


class Slices(Protocol):
    """What a parser needs of a file's content; ``bytes`` has it. A slice may be shorter than asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, wanted: slice, /) -> bytes: ...


class FileSlices:
    """An open file, sliced like bytes. Not mapped into memory: a file cut off meanwhile would kill the process."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice, /) -> bytes:
        """Return the bytes from start to stop. Raises OSError where the file can't be read."""
        start, stop, _ = wanted.indices(self._size)
        self._file.seek(start)
        return self._file.read(max(stop - start, 0))
