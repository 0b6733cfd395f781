"""Speaks to a person on standard error: errors, warnings and notes, each a line; coloured where that is wanted."""

from __future__ import annotations

from typing import Protocol, TextIO

from graphrun.kernel import events
from graphrun.kernel.events import Event
from graphrun.sinks.wording import cost_lines, one_line, printable, problem_sentences

_RED, _YELLOW, _PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"


class Voice(Protocol):
    """How something is said. ``alert`` answers what the user just did, so that it's said even when quiet."""

    def error(self, text: str) -> None:
        """Say what went wrong."""

    def warning(self, text: str) -> None:
        """Say what the user should know."""

    def note(self, text: str) -> None:
        """Say what happens."""

    def alert(self, text: str) -> None:
        """Answer the user."""


class LineVoice:
    """Writes lines to a stream, which may be None (a closed standard error). ``quiet`` leaves the errors only."""

    def __init__(self, stream: TextIO | None, *, colour: bool = False, quiet: bool = False) -> None:
        self._stream = stream
        self._colour = colour
        self._quiet = quiet

    def error(self, text: str) -> None:
        """Write ``error: text``."""
        self._write("error: ", _RED, text)

    def warning(self, text: str) -> None:
        """Write ``warning: text``, unless quiet."""
        if not self._quiet:
            self._write("warning: ", _YELLOW, text)

    def note(self, text: str) -> None:
        """Write the text, unless quiet."""
        if not self._quiet:
            self._write("", "", text)

    def alert(self, text: str) -> None:
        """Write the text."""
        self._write("", "", text)

    def _write(self, word: str, colour: str, text: str) -> None:
        if self._stream is not None:  # print(file=None) would write to standard output
            coloured = f"{colour}{word}{_PLAIN}" if word and self._colour else word
            try:
                print(f"{coloured}{printable(text)}", file=self._stream, flush=True)
            except OSError:  # `2>&1 | head`: nobody listens any more, and there is nobody to tell
                self._stream = None


def announce(event: Event, voice: Voice) -> None:
    """Say what of an event needs words in every kind of view: problems, costs, warnings, the answer to Ctrl-C."""
    match event:
        case events.RunStarted(problems=problems, refused=refused):
            for sentence in problem_sentences(problems, refused):
                voice.error(sentence)
        case events.CostEstimated() if event.is_paid:
            for line in cost_lines(event):
                voice.note(line)
        case events.Warned(message=message):
            voice.warning(message)
        case events.NodeBlocked(label=label, message=message) if message:
            voice.warning(f"{one_line(label)} was not called: {message}")
        case events.RunStopping():
            voice.alert("stopping: waiting for what runs; press Ctrl-C again to cancel")
