"""Reads a workflow's bytes and turns them into text. Knows sizes and encodings, not what the text means."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from graphrun.errors import FileFormatError
from graphrun.formats.origin import Origin
from graphrun.kernel.workflow import did_you_mean

MAX_BYTES = 32 * 1024 * 1024
"""The largest text that is parsed. The largest real workflow known is far below one megabyte."""


def read_file(path: str | os.PathLike[str]) -> tuple[Origin, bytes]:
    """Return at most MAX_BYTES + 1 bytes of a file: enough to see that it is too large. Raises FileFormatError."""
    origin = Origin(Path(path))
    try:
        with Path(path).open("rb") as file:  # read, not stat: this also works for pipes and devices
            return origin, file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _no_such_file(origin) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise origin.refusal("unreadable_file", f"can't be read: {reason}") from None


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
