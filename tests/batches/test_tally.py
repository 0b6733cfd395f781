"""What a progress display knows of a batch."""

from __future__ import annotations

from pathlib import Path

from graphrun.batches.events import BatchStarted, RowFinished, RowsSkipped, RowStarted
from graphrun.cli.batch_tally import Tally


def finished(row: int, state: str = "done", ran: int = 1) -> RowFinished:
    """Return the end of a row."""
    return RowFinished(row, state, 1.0, ran, 0, ())  # type: ignore[arg-type]


def test_the_end_is_expected_by_the_pace_of_rows_that_were_made() -> None:
    """Cached rows, and those done in an earlier session, say nothing about the others."""
    tally = Tally()
    tally.note(BatchStarted(100, Path(), resumed=True), 0.0)
    tally.note(RowsSkipped(50), 0.1)
    for row in range(51, 61):
        tally.note(finished(row, ran=0), 0.2)
    assert tally.seconds_left(0.2) is None
    for row in range(61, 71):
        tally.note(RowStarted(row), 0.3)
        tally.note(finished(row), 10.0)
    assert tally.seconds_left(10.0) == 30.0


def test_the_counts_are_told() -> None:
    """Those that are not zero."""
    tally = Tally()
    tally.note(BatchStarted(4, Path(), resumed=False), 0.0)
    for row, state in enumerate(("done", "failed", "open"), 1):
        tally.note(RowStarted(row), 0.0)
        tally.note(finished(row, state), 1.0)
    tally.note(RowStarted(4), 1.0)
    assert tally.told() == [(1, "done"), (1, "failed"), (1, "open"), (1, "running")]
