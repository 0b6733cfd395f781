"""Standard error: where people are spoken to, and whether they sit at a terminal."""

from __future__ import annotations

import os
import sys

from graphrun.sinks.voice import LineVoice


def standard_error(*, quiet: bool = False) -> LineVoice:
    """Return the voice for this command: colours on a terminal, unless NO_COLOR is set (no-color.org)."""
    return LineVoice(sys.stderr, colour=on_terminal() and not os.environ.get("NO_COLOR"), quiet=quiet)


def on_terminal() -> bool:
    """Whether a person sees standard error, on a terminal that can do more than print."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
