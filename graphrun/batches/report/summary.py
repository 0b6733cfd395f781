"""The sum of a run: how many rows came to what, what they cost, and which of their values differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePath

from graphrun.batches.record import RowArtifact
from graphrun.batches.report.entries import COLUMN, Entry, State
from graphrun.batches.run_folder import Manifest

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
_MOST_FAILURES = 20  # different ones; a service that puts a number into each message must not fill the page
_MOST_NAMED = 12  # rows of one failure
_MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One error, how many rows ended in it, and the first of those."""

    error: str
    rows: int
    first: tuple[int, ...]


@dataclass(frozen=True)
class Summary:
    """What is told of a run as a whole.

    ``unrun`` rows were wanted and have no end yet. ``began`` and ``ended`` are Unix times, None where no row ended.
    ``cost`` is the sum of what is known, None where nothing is; of ``unpriced`` rows not all is. ``varied`` names the
    values that differ between rows, ``fixed`` holds those that don't. ``further`` rows ended in failures that are not
    listed. ``pictures`` counts the files that look like pictures.
    """

    title: str
    run: str
    counts: Mapping[State, int]
    unrun: int
    began: float | None
    ended: float | None
    cost: Decimal | None
    unpriced: int
    seeds: str | None
    varied: tuple[str, ...]
    fixed: Mapping[str, object]
    failures: tuple[Failure, ...]
    further: int
    pictures: int

    @property
    def rows(self) -> int:
        """How many rows have ended."""
        return sum(self.counts.values())


def summarised(folder: Path, entries: Iterable[Entry]) -> Summary:
    """Return the sum of a run. Holds no row: a value per input, and a bounded number of errors and seeds."""
    sums, values, failures, seeds = _Sums(), _Values(), _Failures(), _Seeds()
    for entry in entries:
        sums.note(entry)
        values.note(entry.values)
        seeds.note(entry.record.seeds.values())
        if entry.in_trouble:
            failures.note(entry)
    manifest = Manifest.read(folder)
    rows = sums.counts.total()
    folder = folder.absolute()
    return Summary(
        title=folder.parent.name,
        run=folder.name,
        counts=sums.counts,
        unrun=max(0, manifest.rows - rows) if manifest else 0,
        began=sums.began,
        ended=sums.ended,
        cost=sums.cost,
        unpriced=sums.unpriced,
        seeds=seeds.told(),
        varied=values.varied(rows),
        fixed=values.fixed(rows),
        failures=failures.told(),
        further=failures.further,
        pictures=sums.pictures,
    )


def looks_like_a_picture(artifact: RowArtifact) -> bool:
    """Whether a file's name says that it is a picture."""
    return PurePath(artifact.path).suffix.lower() in _PICTURES


@dataclass
class _Sums:
    counts: Counter[State] = field(default_factory=Counter)
    began: float | None = None
    ended: float | None = None
    cost: Decimal | None = None
    unpriced: int = 0
    pictures: int = 0

    def note(self, entry: Entry) -> None:
        record = entry.record
        self.counts[entry.state] += 1
        self.pictures += sum(map(looks_like_a_picture, record.artifacts))
        self.unpriced += entry.unpriced
        if entry.cost is not None:
            self.cost = (self.cost or Decimal(0)) + entry.cost
        if record.started:
            self.began = min(self.began or record.started, record.started)
            self.ended = max(self.ended or 0.0, record.started + record.seconds)


class _Values:
    """Remembers the first value of each name, how many rows had the same, and which columns repeat an input."""

    def __init__(self) -> None:
        self._first: dict[str, object] = {}
        self._alike: Counter[str] = Counter()
        self._repeated: dict[str, set[str]] = {}

    def note(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self._alike[name] += self._first.setdefault(name, value) == value
            if name.startswith(COLUMN):
                equal = {other for other in values if not other.startswith(COLUMN) and values[other] == value}
                self._repeated[name] = self._repeated.get(name, equal) & equal

    def varied(self, rows: int) -> tuple[str, ...]:
        """Of a single row all values are told as if they varied: there is no other to compare it with."""
        return tuple(name for name in self._told() if rows == 1 or self._alike[name] < rows)

    def fixed(self, rows: int) -> dict[str, object]:
        return {name: self._first[name] for name in self._told() if rows > 1 and self._alike[name] == rows}

    def _told(self) -> list[str]:
        """Return the names without those of columns that only say once more what an input is set to."""
        return [name for name in self._first if not self._repeated.get(name)]


class _Failures:
    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._first: dict[str, list[int]] = {}
        self.further = 0

    def note(self, entry: Entry) -> None:
        error = entry.record.error or "no reason is recorded"
        if error not in self._rows and len(self._rows) == _MOST_FAILURES:
            self.further += 1
            return
        self._rows[error] += 1
        first = self._first.setdefault(error, [])
        if len(first) < _MOST_NAMED:
            first.append(entry.record.row)

    def told(self) -> tuple[Failure, ...]:
        """Return the failures, the most frequent first."""
        return tuple(Failure(error, rows, tuple(self._first[error])) for error, rows in self._rows.most_common())


class _Seeds:
    def __init__(self) -> None:
        self._seen: set[int] = set()

    def note(self, seeds: Iterable[object]) -> None:
        if len(self._seen) <= _MOST_SEEDS:
            self._seen.update(seed for seed in seeds if isinstance(seed, int))

    def told(self) -> str | None:
        """Return ``seed 7`` or ``1,000 seeds``; None where there are none."""
        if len(self._seen) > _MOST_SEEDS:
            return f"more than {_MOST_SEEDS:,} seeds"
        if len(self._seen) > 1:
            return f"{len(self._seen):,} seeds"
        return f"seed {min(self._seen)}" if self._seen else None
