"""What a command that runs something sets up around it: the file of events, and standard output kept for results."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from graphrun.errors import UsageError
from graphrun.sinks import JsonLines, Sink


def event_file(path: Path | None) -> list[Sink]:
    """Return the sink of ``--events``, if it was given. Raises UsageError where the file can't be made."""
    try:
        return [JsonLines(path)] if path else []
    except OSError as error:
        raise UsageError(f"--events {path}: can't be written: {error.strerror}") from None


@contextmanager
def strangers_print_to_stderr() -> Iterator[None]:
    """Keep what nodes of other people print out of our results."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(sys.stderr or nowhere):  # noqa: PTH123 - devnull is no path
        yield
