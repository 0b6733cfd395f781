"""The vocabulary of the batches' tests: nodes that tell when they are called, and jobs that are run to their end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from graphrun import Engine, Event, NodePack, RowResult, RunContext, Settings, Shown


@dataclass
class Bench:
    """A folder, a pack and what was called: ``Load`` and ``Resize`` feed ``Paint``, whose text ``Write`` writes."""

    folder: Path
    called: Counter[str] = field(default_factory=Counter)
    heard: list[Event] = field(default_factory=list)
    pack: NodePack = field(init=False)

    def __post_init__(self) -> None:
        self.pack = _made_pack(self)

    def settings(self) -> Settings:
        """Return settings that keep to the folder."""
        return Settings(
            cache_dir=self.folder / "cache",
            data_dir=self.folder / "data",
            input_dir=self.folder,
            output_dir=self.folder / "output",
        )

    def run(self, job: Any, **options: Any) -> list[RowResult]:
        """Run a job in an engine of its own and return its rows in their order."""
        return asyncio.run(self._run(job, options))

    async def _run(self, job: Any, options: Any) -> list[RowResult]:
        async with Engine(self.settings(), packs=[self.pack]) as engine:
            rows = [row async for row in engine.batch(job, emit=self.heard.append, **options)]
        return sorted(rows, key=lambda row: row.index)

    def taken(self) -> dict[str, int]:
        """Return how often each class was called since the last time."""
        called = dict(self.called)
        self.called.clear()
        return called

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def _made_pack(bench: Bench) -> NodePack:
    pack = NodePack("bench", versioned=True)

    @pack.node("Load", api_node=True)
    def load(file: str = "a") -> str:
        bench.called["Load"] += 1
        return f"load {file}"

    @pack.node("Resize")
    def resize(text: str, width: Annotated[int, Field(ge=1, le=100)] = 10) -> str:
        bench.called["Resize"] += 1
        return f"{text}@{width}"

    @pack.node("Paint", api_node=True)
    def paint(text: str = "", prompt: str = "", seed: Annotated[int, Field(ge=0, le=10**6)] = 0, steps: int = 1) -> str:
        bench.called["Paint"] += 1
        if prompt == "bad":
            raise ValueError("no luck")
        return f"{text}|{prompt}|{seed}|{steps}"

    @pack.node("Write", output_node=True)
    def write(context: RunContext, text: str, filename_prefix: str = "out") -> Shown[None]:
        bench.called["Write"] += 1
        folder = context.folders.output
        path = folder / f"{filename_prefix}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        name = {"filename": path.name, "subfolder": str(Path(filename_prefix).parent), "type": "output"}
        return Shown(None, {"texts": [name]})

    return pack


def node(class_type: str, title: str | None = None, **inputs: object) -> dict[str, Any]:
    """Write a node as the API format has it."""
    return {"class_type": class_type, "inputs": inputs, **({"_meta": {"title": title}} if title else {})}


WORKFLOW: dict[str, Any] = {
    "load": node("Load", file="a"),
    "size": node("Resize", text=["load", 0], width=10),
    "paint": node("Paint", "Painter", text=["size", 0], prompt="a fox", seed=7, steps=1),
    "save": node("Write", text=["paint", 0], filename_prefix="out"),
}


def texts(rows: list[RowResult]) -> list[str]:
    """Return what the rows wrote."""
    return [path.read_text() for row in rows for path in row.artifacts]
