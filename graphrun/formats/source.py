"""Opens a workflow's file and turns its bytes into text. Knows sizes and encodings, not what the text means."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from graphrun.errors import FileFormatError
from graphrun.formats.origin import Origin
from graphrun.imaging.slices import FileSlices, Slices
from graphrun.kernel.workflow import did_you_mean

MAX_BYTES = 32 * 1024 * 1024
"""The largest text that is parsed. The largest real workflow known is far below one megabyte."""


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[tuple[Origin, Slices]]:
    """Open a file whose content is read where it is sliced. Raises FileFormatError, also for what fails inside."""
    origin = Origin(Path(path))
    try:
        with _opened(Path(path), origin) as file:
            status = os.fstat(file.fileno())
            # Pipes and devices can't be sliced, and some files of the system don't know their size.
            sliceable = stat.S_ISREG(status.st_mode) and status.st_size > 0
            yield origin, FileSlices(file) if sliceable else file.read(MAX_BYTES + 1)
    except OSError as error:
        raise origin.refusal("unreadable_file", f"can't be read: {error.strerror or error}") from None


def _opened(path: Path, origin: Origin) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise _no_such_file(origin) from None
    except ValueError as error:  # a NUL in the name
        raise origin.refusal("unreadable_file", f"can't be read: {error}") from None


def _no_such_file(origin: Origin) -> FileFormatError:
    path = origin.path or Path()
    try:
        near = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        near = []
    return origin.refusal("file_not_found", f"there is no file {str(path)!r}{did_you_mean(path.name, near)}")


def decode(content: bytes, origin: Origin) -> str:
    """Return the text without its byte order mark. UTF-8; UTF-16 where a mark says so. Raises FileFormatError."""
    if len(content) > MAX_BYTES:
        raise origin.refusal("too_large", f"the file is larger than {MAX_BYTES >> 20} MB; no workflow is")
    # PowerShell's `>` writes UTF-16 with a mark, so such files do arrive.
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]  # not `content`: the mark at its start is gone here
        mark = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = f"the file is no text in {error.encoding.upper()}: {error.reason}; save it as UTF-8"
        raise origin.refusal("not_text", message, mark) from None
