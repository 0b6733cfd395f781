"""Tells a batch in plain lines, for pipes, log files and cron mails: a line per row that ended."""

from __future__ import annotations

from graphrun.batches import events
from graphrun.kernel.events import Event, Warned
from graphrun.sinks.voice import Voice
from graphrun.sinks.wording import counted, duration, one_line


class BatchLines:
    """A line per row."""

    name = "the progress display"

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._announce = Announcer()

    def __call__(self, event: Event) -> None:
        self._announce(event, self._voice)
        match event:
            case events.BatchStarted(rows=rows, folder=folder, resumed=resumed):
                self._voice.note(f"{counted(rows, 'row')} {'of' if resumed else 'into'} {folder}")
            case events.RowsSkipped(rows=rows):
                self._voice.note(f"{counted(rows, 'row')} done before")
            case events.RowFinished(state="done", row=row, ran=0, artifacts=files):
                self._voice.note(f"row {row}: cached{_files(len(files))}")
            case events.RowFinished(state="done", row=row, seconds=seconds, artifacts=files):
                self._voice.note(f"row {row}: done in {duration(seconds)}{_files(len(files))}")

    def close(self) -> None:
        """Nothing is held."""


class Announcer:
    """Says what of an event needs words in every kind of view: failures, warnings, the answer to Ctrl-C.

    Rows that are left open for one reason, as a cap that is reached, are told by the first of them and a count.
    """

    def __init__(self) -> None:
        self._reason: str | None = None
        self._alike = 0

    def __call__(self, event: Event, voice: Voice) -> None:
        """Say it to ``voice``."""
        match event:
            case events.RowFinished(state="open", row=row, error=error):
                self._left_open(row, error or "stopped", voice)
            case events.RowFinished(state="failed", row=row, error=error):
                voice.error(f"row {row}: {one_line(error or 'failed')}")
            case events.RowWarned(row=row, message=message):
                voice.warning(f"row {row}: {message}")
            case Warned(message=message):
                voice.warning(message)
            case events.BatchStopping():
                voice.alert("stopping: waiting for what runs; press Ctrl-C again to cancel")
            case events.BatchFinished():
                self._tell_alike(voice)

    def _left_open(self, row: int, error: str, voice: Voice) -> None:
        if error == self._reason:
            self._alike += 1
            return
        self._tell_alike(voice)
        self._reason = error
        voice.error(f"row {row} is left open: {one_line(error)}")

    def _tell_alike(self, voice: Voice) -> None:
        if self._alike:
            voice.error(f"{counted(self._alike, 'more row')} left open for the same reason")
        self._alike = 0


def _files(number: int) -> str:
    return f", {counted(number, 'file')}" if number else ""
