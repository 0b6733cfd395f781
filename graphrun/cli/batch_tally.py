"""What is known of a batch at a moment: rows by what became of them, and when the end is to be expected. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from graphrun.batches import events
from graphrun.kernel.events import Event

_FEW = 3  # rows that had to be made, before their pace says anything about the others


@dataclass(slots=True)
class Tally:
    """Counts of rows. ``done`` ones include those ``from_cache``; ``skipped`` were done in an earlier session."""

    rows: int = 0
    running: int = 0
    done: int = 0
    from_cache: int = 0
    failed: int = 0
    open: int = 0
    skipped: int = 0
    began: float = 0.0
    is_over: bool = False

    def note(self, event: Event, now: float) -> None:
        """Take in an event that happened ``now``, in seconds on any clock."""
        match event:
            case events.BatchStarted(rows=rows):
                self.rows, self.began = rows, now
            case events.RowsSkipped(rows=rows):
                self.skipped += rows
            case events.RowStarted():
                self.running += 1
            case events.RowFinished(state=state, ran=ran):
                self.running -= 1
                self._end(state, from_cache=state == "done" and not ran)
            case events.BatchFinished():  # a stop lets go of rows that had paid for nothing, without a word
                self.running, self.is_over = 0, True

    @property
    def ended(self) -> int:
        """How many rows need no more work."""
        return self.done + self.failed + self.open + self.skipped

    def seconds_left(self, now: float) -> float | None:
        """Return in how many seconds the last row should end; None while that can't be told.

        By the pace of the rows that had to be made: what came from the cache says nothing about the others.
        """
        made = self.done + self.failed + self.open - self.from_cache
        if made < _FEW or self.is_over:
            return None
        return (now - self.began) / made * (self.rows - self.ended)

    def told(self) -> list[tuple[int, str]]:
        """Return the counts that aren't zero, in the order they are told."""
        counts = [
            (self.done, "done"),
            (self.from_cache, "cached"),
            (self.skipped, "done before"),
            (self.failed, "failed"),
            (self.open, "open"),
            (self.running, "running"),
        ]
        return [(number, name) for number, name in counts if number]

    def _end(self, state: str, *, from_cache: bool) -> None:
        self.done += state == "done"
        self.failed += state == "failed"
        self.open += state == "open"
        self.from_cache += from_cache
