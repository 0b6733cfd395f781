"""A schedule file as a command finds it: read, with its history beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from graphrun.engine import Engine
from graphrun.kernel.context import StopSignal
from graphrun.schedules import Schedule, Timetable, read_timetable
from graphrun.schedules.agenda import Planned, coming, timing_key
from graphrun.schedules.history import Fire, History, read_history
from graphrun.schedules.logs import EventLog, Write
from graphrun.schedules.service import Service, utc_now
from graphrun.schedules.state import StateFiles
from graphrun.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands: its next time, and its last fire."""

    schedule: Schedule
    next: datetime | None
    last: Fire | None


@dataclass(frozen=True)
class Desk:
    """What the commands about one schedule file work with. ``history`` is None where nothing was ever run."""

    timetable: Timetable
    settings: Settings
    files: StateFiles
    history: History | None

    @classmethod
    @contextmanager
    def opened(cls, file: Path, settings: Settings, state: Path | None) -> Iterator[Desk]:
        """Read the file and open its history, if it has one. Raises FileFormatError and UsageError."""
        files = StateFiles.of(file, state or settings.data_folder() / "schedules")
        timetable = read_timetable(file)
        history = read_history(files.history)
        try:
            yield cls(timetable, settings, files, history)
        finally:
            if history is not None:
                history.close()

    async def serve(self, stop: StopSignal, health: Path | None, write: Write, *, as_json: bool) -> None:
        """Run the service. Raises as `Service.run` does, and UsageError where another has the file."""
        with self.files.locked():
            history = History.create(self.files.history)
            try:
                async with Engine(self.settings) as engine:
                    log = EventLog(write, utc_now, as_json=as_json)
                    service = Service(
                        self.timetable, engine, history, log, stop=stop, health=health or self.files.health
                    )
                    await service.run()
            finally:
                history.close()

    def standings(self) -> list[Standing]:
        """Return how each schedule stands."""
        return [
            Standing(schedule, next((each.time for each in self.coming(name)), None), next(self._last(name), None))
            for name, schedule in self.timetable.schedules.items()
        ]

    def coming(self, name: str | None = None) -> Iterator[Planned]:
        """Yield the fires to come, of one schedule or all. Raises UsageError where none has that name."""
        chosen = self.timetable.schedules.values() if name is None else [self.timetable.named(name)]
        return coming([(schedule, self._since(schedule)) for schedule in chosen], utc_now())

    def fires(self, name: str | None, limit: int) -> list[Fire]:
        """Return the newest fires. A schedule that is in the file no more still has its history."""
        return [] if self.history is None else self.history.fires(name, limit)

    def _last(self, name: str) -> Iterator[Fire]:
        return iter(self.fires(name, 1))

    def _since(self, schedule: Schedule) -> datetime | None:
        return None if self.history is None else self.history.known_since(schedule.name, timing_key(schedule))
