"""What is known of each node at a moment of a run, and which nodes are worth the lines a screen has.

A node is waiting, running, done, cached, spared, failed, skipped or stopped. Pure: events and the time come in, rows go
out. If all nodes fit, all are shown, in the order of the plan; else those that ended last, on at least a third of the
lines, and below them those that run.
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from graphrun.kernel import events
from graphrun.kernel.events import Event

State = Literal["waiting", "running", "done", "cached", "spared", "failed", "skipped", "stopped"]

_TALLEST_SCREEN = 500


@dataclass(slots=True)
class Row:
    """One node. ``since`` is when it started, ``seconds`` how long it took, ``progress`` (value, maximum)."""

    label: str
    state: State = "waiting"
    since: float = 0.0
    seconds: float | None = None
    progress: tuple[float, float] | None = None
    remark: str = ""

    def elapsed(self, now: float) -> float | None:
        """Return the seconds it took, or has taken so far; None where it never started."""
        return now - self.since if self.state == "running" else self.seconds


class Board:
    """The rows of one run."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.counts: Counter[State] = Counter()
        self._running: dict[str, Row] = {}
        self._ended: deque[Row] = deque(maxlen=_TALLEST_SCREEN)

    def note(self, event: Event, now: float) -> None:
        """Take in an event that happened ``now``, in seconds on any clock."""
        match event:
            case events.RunStarted(nodes=nodes):
                self.rows = {node_id: Row(label) for node_id, label in nodes.items()}
                self.counts["waiting"] = len(self.rows)
            case events.NodeStarted():
                self._start(event, now)
            case events.NodeProgress(value=value, maximum=maximum, text=text):
                row = self._row(event)
                row.progress, row.remark = (value, maximum), text
            case events.NodeFinished(seconds=seconds):
                self._end(event, "done", seconds)
            case events.NodeCached():
                self._end(event, "cached", None, "cached")
            case events.NodeFailed(seconds=seconds, message=message):
                self._end(event, "failed", seconds, message)
            case events.NodeSkipped(because=because):
                self._end(event, "skipped", None, f"needs {because}")
            case events.NodeStopped():
                self._end(event, "stopped", self._row(event).elapsed(now))
            case events.RunFinished(spared=spared):
                self._spare(spared)

    def visible(self, lines: int) -> list[Row]:
        """Return the rows for so many lines. Of too many running ones those that started first are shown."""
        if len(self.rows) <= lines:
            return list(self.rows.values())
        ended = min(len(self._ended), max(lines // 3, lines - len(self._running)))
        running = islice(self._running.values(), lines - ended)
        return [*islice(self._ended, len(self._ended) - ended, None), *running]

    def _row(self, event: events.NodeEvent) -> Row:
        """Return the row of a node, a new one for a node that came up in the run."""
        if event.node_id not in self.rows:
            self.rows[event.node_id] = Row(event.label)
            self.counts["waiting"] += 1
        return self.rows[event.node_id]

    def _start(self, event: events.NodeEvent, now: float) -> None:
        row = self._row(event)
        if row.state == "cached":  # its value has gone since, so it is made after all
            with suppress(ValueError):
                self._ended.remove(row)
            row.remark = ""
        row.since = now
        self._running[event.node_id] = row
        self._count(row, "running")

    def _end(self, event: events.NodeEvent, state: State, seconds: float | None, remark: str = "") -> None:
        row = self._row(event)
        row.seconds, row.progress, row.remark = seconds, None, remark
        self._running.pop(event.node_id, None)
        self._ended.append(row)
        self._count(row, state)

    def _spare(self, number: int) -> None:
        """Mark the nodes that nobody needed, of which no event tells; unless others never started for other reasons."""
        if self.counts["waiting"] == number:
            for row in self.rows.values():
                if row.state == "waiting":
                    row.remark = "spared"
                    self._count(row, "spared")

    def _count(self, row: Row, state: State) -> None:
        self.counts[row.state] -= 1
        self.counts[state] += 1
        row.state = state
