"""What happened in a batch, as data: what ``--events`` writes and progress displays read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graphrun.batches.record import RowState
from graphrun.kernel.events import Event


@dataclass(frozen=True, slots=True)
class BatchStarted(Event):
    """The rows are checked and counted. ``resumed``: an earlier session began the run that ``folder`` holds."""

    rows: int
    folder: Path
    resumed: bool


@dataclass(frozen=True, slots=True)
class RowStarted(Event):
    """A row is about to run."""

    row: int


@dataclass(frozen=True, slots=True)
class RowsSkipped(Event):
    """So many more rows were done in an earlier session and are passed over."""

    rows: int


@dataclass(frozen=True, slots=True)
class RowWarned(Event):
    """Something the user should know of a row that is no failure."""

    row: int
    message: str


@dataclass(frozen=True, slots=True)
class RowFinished(Event):
    """A row has its end, and its record is written. ``ran`` and ``cached`` count nodes.

    ``cost`` is in USD, None where that is not known.
    """

    row: int
    state: RowState
    seconds: float
    ran: int
    cached: int
    artifacts: tuple[Path, ...]
    error: str | None = None
    cost: str | None = "0"


@dataclass(frozen=True, slots=True)
class BatchStopping(Event):
    """A stop was asked for: no row starts any more, what runs may finish."""


@dataclass(frozen=True, slots=True)
class BatchFinished(Event):
    """The batch is over. ``from_cache`` of the ``done`` rows needed nothing made; ``skipped`` ones were done before.

    ``open`` rows wait for a limit or a decision; rows in none of the counts were not run. ``complete``: none is left.
    ``refused`` rows met a limit. ``cost`` is what this session cost in USD, without the ``unpriced`` rows.
    """

    folder: Path
    rows: int
    done: int
    from_cache: int
    failed: int
    open: int
    skipped: int
    seconds: float
    stopped: bool
    complete: bool
    refused: int = 0
    cost: str = "0"
    unpriced: int = 0


Emit = Callable[[Event], None]
