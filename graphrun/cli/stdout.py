"""Writes results to standard output, and minds that its reader may leave early (``graphrun nodes list | head``)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO


class OutputLost(Exception):
    """Standard output takes no more, as on a full disk. Not for the engine's callers: only a command has one."""


def put(text: str, stream: TextIO | None = None, encoding: str | None = None) -> None:
    """Write a text and a line end. If nobody reads any more, that is no error. Raises OutputLost.

    ``stream`` is standard output where something else has taken its place for a while. Its encoding is taken unless the
    text is a file of its own, which has one.
    """
    stream = stream or sys.stdout
    if stream is None:
        return
    try:
        stream.buffer.write(_encoded(f"{text}\n", encoding or stream.encoding))
        stream.flush()
    except OSError as error:
        # Or the interpreter, flushing at its end, would complain about the same once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputLost(f"can't write to standard output: {error.strerror}") from error


def _encoded(text: str, encoding: str) -> bytes:
    """File names come out as the bytes the system has; what an old encoding lacks, as escapes."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace")


def put_json(document: Mapping[str, Any]) -> None:
    """Write a JSON object. What JSON doesn't know is written as Python prints it. Raises OutputLost."""
    put(json.dumps(document, indent=2, default=str))
