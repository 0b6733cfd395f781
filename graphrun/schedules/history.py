"""What became of every fire, and how far each schedule has come: one SQLite file a schedule file.

A fire is written down when it starts and again when it has ended, each durably and whole. So whatever kills the
service, the next one knows what was done, what was begun, and since when nothing was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from graphrun.amounts import plain
from graphrun.schedules.history_file import make_history, open_history, trouble_told

Outcome = Literal["running", "done", "failed", "refused", "stopped", "died", "missed"]
"""``died``: the service was killed under it. ``stopped``: a stop cut it short. ``refused``: by a limit of the user."""

NOTHING = Decimal(0)
_KEPT = 100_000  # fires; beyond that the oldest are forgotten
_COLUMNS = (
    "id, schedule, planned, stands_for, started, ended, outcome, exit_code, seed, seeds, artifacts, report, message, "
    "cost, known_cost"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fire ended. ``report`` is the folder of a batch's run; ``seeds`` are by ``node.input``.

    ``cost`` is what it cost in USD, None where nobody knows all of it, and ``known_cost`` what is known of that.
    """

    outcome: Outcome
    exit_code: int | None = None
    seeds: dict[str, Any] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()
    report: str | None = None
    message: str | None = None
    cost: Decimal | None = None
    known_cost: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Fire:
    """A fire as it is written down. Times are in UTC; ``stands_for`` is how many planned times it is the one of."""

    id: int
    schedule: str
    planned: datetime
    stands_for: int
    started: datetime | None
    ended: datetime | None
    seed: int | None
    end: Ended

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


class History:
    """The file, open. ``History.create`` makes it where there is none. Methods raise UsageError for trouble with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_history(path)

    @classmethod
    def create(cls, path: Path) -> History:
        """Open the history, begun if there is none."""
        make_history(path)
        return cls(path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def since(self, schedule: str, timing: str, now: datetime) -> datetime:
        """Return up to when a schedule has been seen to: its last fire, or ``now`` if it is new or has new times."""
        with self._writing() as db:
            row = db.execute("SELECT timing, since FROM schedules WHERE name = ?", (schedule,)).fetchone()
            if row is not None and row[0] == timing:
                return _moment(row[1])
            db.execute("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?)", (schedule, timing, now.timestamp()))
        return now

    def known_since(self, schedule: str, timing: str) -> datetime | None:
        """Return the same without noting anything; None where it is new."""
        with trouble_told(self._path):
            row = self._db.execute("SELECT timing, since FROM schedules WHERE name = ?", (schedule,)).fetchone()
        return _moment(row[1]) if row is not None and row[0] == timing else None

    def begin(self, schedule: str, planned: datetime, stands_for: int, seed: int | None, now: datetime) -> int:
        """Write down that a fire starts, and that its schedule has come that far. Returns its number."""
        return self._add(schedule, planned, stands_for, Ended("running"), seed=seed, started=now.timestamp())

    def miss(self, schedule: str, missed: Sequence[datetime], message: str) -> int:
        """Write down that times were missed: one entry for all of them, at the latest."""
        return self._add(schedule, max(missed), len(missed), Ended("missed", message=message, cost=NOTHING))

    def end(self, fire: int, ended: Ended, now: datetime) -> None:
        """Write down how a fire ended."""
        with self._writing() as db:
            db.execute(
                "UPDATE fires SET ended = ?, outcome = ?, exit_code = ?, seeds = ?, artifacts = ?, report = ?, "
                "message = ?, cost = ?, known_cost = ? WHERE id = ?",
                (now.timestamp(), *_values(ended), fire),
            )

    def settle_dead(self) -> list[Fire]:
        """Write down that fires without an end have died: their service is gone. For who holds its lock."""
        dead = [fire for fire in self.fires(limit=_KEPT) if fire.end.outcome == "running"]
        with self._writing() as db:
            db.execute(
                "UPDATE fires SET outcome = 'died', message = ? WHERE outcome = 'running'",
                ("the service was killed while it ran",),
            )
            db.execute("DELETE FROM fires WHERE id <= (SELECT max(id) FROM fires) - ?", (_KEPT,))
        return dead

    def fires(self, schedule: str | None = None, limit: int = 20) -> list[Fire]:
        """Return the newest fires, the newest first."""
        of_one = "" if schedule is None else "WHERE schedule = ?"
        with trouble_told(self._path):
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM fires {of_one} ORDER BY id DESC LIMIT ?",
                (*([] if schedule is None else [schedule]), limit),
            ).fetchall()
        return [_fire(row) for row in rows]

    def of_time(self, schedule: str, planned: datetime) -> list[Fire]:
        """Return the fires of one planned time, the newest first: more than one where it was taken up again."""
        with trouble_told(self._path):
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM fires WHERE schedule = ? AND planned = ? AND outcome != 'missed' "
                "ORDER BY id DESC",
                (schedule, planned.timestamp()),
            ).fetchall()
        return [_fire(row) for row in rows]

    def last_seed(self, schedule: str) -> int | None:
        """Return the seed of the newest fire that was given one."""
        with trouble_told(self._path):
            row = self._db.execute(
                "SELECT seed FROM fires WHERE schedule = ? AND seed IS NOT NULL ORDER BY id DESC LIMIT 1", (schedule,)
            ).fetchone()
        return None if row is None else int(row[0])

    def _add(
        self,
        schedule: str,
        planned: datetime,
        stands_for: int,
        ended: Ended,
        *,
        seed: int | None = None,
        started: float | None = None,
    ) -> int:
        with self._writing() as db:
            added = db.execute(
                "INSERT INTO fires (schedule, planned, stands_for, started, seed, outcome, exit_code, seeds, "
                "artifacts, report, message, cost, known_cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (schedule, planned.timestamp(), stands_for, started, seed, *_values(ended)),
            )
            db.execute("UPDATE schedules SET since = max(since, ?) WHERE name = ?", (planned.timestamp(), schedule))
        return int(added.lastrowid or 0)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with trouble_told(self._path):
            self._db.execute("PRAGMA synchronous = FULL")  # fires are rare, and a power cut must not repeat one
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                raise


def read_history(path: Path) -> History | None:
    """Open a history to read it; None where nothing was ever run."""
    return History(path) if path.exists() else None


def _values(ended: Ended) -> tuple[object, ...]:
    seeds, artifacts = json.dumps(ended.seeds, default=str), json.dumps(ended.artifacts)
    cost = None if ended.cost is None else plain(ended.cost)
    told = (ended.outcome, ended.exit_code, seeds, artifacts, ended.report, ended.message)
    return *told, cost, plain(ended.known_cost)


def _fire(row: Sequence[Any]) -> Fire:
    id, schedule, planned, stands_for, started, ended, outcome, code, seed, *told = row
    seeds, artifacts, report, message, cost, known_cost = told
    end = Ended(
        outcome,
        code,
        json.loads(seeds),
        tuple(json.loads(artifacts)),
        report,
        message,
        None if cost is None else Decimal(cost),
        Decimal(known_cost or 0),
    )
    return Fire(id, schedule, _moment(planned), stands_for, _maybe(started), _maybe(ended), seed, end)


def _maybe(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else _moment(timestamp)


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
