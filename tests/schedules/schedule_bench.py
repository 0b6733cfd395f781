"""The vocabulary of the schedules' tests: a folder, nodes, and a service that runs until enough has happened."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from graphrun import Engine, NodePack, Settings, Shown, StopSignal
from graphrun.schedules import Timetable, read_timetable
from graphrun.schedules.agenda import timing_key
from graphrun.schedules.history import Fire, History
from graphrun.schedules.logs import EventLog
from graphrun.schedules.service import Clock, Service, utc_now

WORKFLOW = {
    "paint": {"class_type": "Paint", "inputs": {"prompt": "a fox", "seed": 7}},
    "show": {"class_type": "Show", "inputs": {"text": ["paint", 0]}},
}


@dataclass
class Bench:
    """A folder and a pack: ``Paint`` may be slow, ``Show`` shows; ``called`` lists the prompts and seeds painted."""

    folder: Path
    called: list[tuple[str, int]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    stop: StopSignal = field(default_factory=StopSignal)

    def __post_init__(self) -> None:
        self.write("workflow.json", json.dumps(WORKFLOW))

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_text(text)
        return path

    def timetable(self, text: str) -> Timetable:
        """Read a schedule file."""
        return read_timetable(self.write("schedule.yaml", text))

    @property
    def history_file(self) -> Path:
        """Where the history is."""
        return self.folder / "state" / "history.sqlite3"

    def history(self) -> History:
        """Open the history."""
        return History.create(self.history_file)

    def fires(self, schedule: str | None = None) -> list[Fire]:
        """Return all fires, the oldest first."""
        history = self.history()
        try:
            return history.fires(schedule, 1000)[::-1]
        finally:
            history.close()

    def seen_to(self, timetable: Timetable, moment: datetime) -> None:
        """Let the history say that a service ran until then."""
        history = self.history()
        for name, schedule in timetable.schedules.items():
            history.since(name, timing_key(schedule), moment)
        history.close()

    def serve(
        self,
        timetable: Timetable,
        until: Callable[[Counter[str]], bool],
        *,
        clock: Clock = utc_now,
        health: Path | None = None,
    ) -> Counter[str]:
        """Run the service until the counts of its log's events are enough, and return them.

        An event counts under its name, and with its outcome if it has one: ``finished done``.
        """
        self.stop, heard = StopSignal(), Counter[str]()

        def hear(line: str) -> None:
            told = json.loads(line)
            self.lines.append(told)
            heard[" ".join(filter(None, [told["event"], told.get("outcome")]))] += 1
            if not self.stop.requested and until(heard):
                self.stop.stop()

        asyncio.run(self._serve(timetable, hear, clock, health))
        return heard

    async def _serve(
        self, timetable: Timetable, hear: Callable[[str], None], clock: Clock, health: Path | None
    ) -> None:
        history = self.history()
        settings = Settings(cache_dir=self.folder / "cache", data_dir=self.folder / "data")
        try:
            async with asyncio.timeout(30), Engine(settings, packs=[self.pack()]) as engine:
                log = EventLog(hear, clock, as_json=True)
                service = Service(
                    timetable, engine, history, log, stop=self.stop, health=health, clock=clock, beat_seconds=0.05
                )
                await service.run()
        finally:
            history.close()

    def pack(self) -> NodePack:
        """Return the nodes."""
        pack = NodePack("bench", versioned=True)

        @pack.node("Paint", always_run=True)
        async def paint(
            prompt: str = "", seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0, seconds: float = 0.0
        ) -> str:
            self.called.append((prompt, seed))
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            if prompt == "stop":
                self.stop.stop()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.at_once -= 1
            if prompt == "bad":
                raise ValueError("no luck")
            return f"{prompt} {seed}"

        @pack.node("Show", output_node=True)
        def show(text: str) -> Shown[None]:
            return Shown(None, {"text": [text]})

        return pack
