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

    def __call__(self, event: Event) -> None:
        announce_batch(event, self._voice)
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


def announce_batch(event: Event, voice: Voice) -> None:
    """Say what of an event needs words in every kind of view: failures, warnings, the answer to Ctrl-C."""
    match event:
        case events.RowFinished(state="failed" | "open" as state, row=row, error=error):
            voice.error(f"row {row}{' is left open' if state == 'open' else ''}: {one_line(error or 'failed')}")
        case events.RowWarned(row=row, message=message):
            voice.warning(f"row {row}: {message}")
        case Warned(message=message):
            voice.warning(message)
        case events.BatchStopping():
            voice.alert("stopping: waiting for what runs; press Ctrl-C again to cancel")


def _files(number: int) -> str:
    return f", {counted(number, 'file')}" if number else ""
