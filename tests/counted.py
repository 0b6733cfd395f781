"""The vocabulary of the cache's tests: nodes that tell when they are called, and runs that say what was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from blake3 import blake3

from graphrun import Blocked, Engine, Event, Folders, Lazy, NodePack, RunContext, RunResult, Settings, Socket, Workflow
from graphrun.kernel.events import Warned

Data = Annotated[bytes, Socket("DATA")]
"""What the made-up nodes pass on: bytes, which the disk tier keeps in a blob each."""


@dataclass
class Counted:
    """A pack whose nodes note their ids when they are called. ``paid`` ones are kept on disk however quick they are.

    Leaf → Join … → Show. A leaf is told by its value, a join by what it reads: equal digests mean equal ancestry.
    """

    paid: bool = True
    called: list[str] = field(default_factory=list)
    pack: NodePack = field(init=False)

    def __post_init__(self) -> None:
        self.pack = _made_pack(self)

    def taken(self) -> list[str]:
        """Return who was called since the last time, in order of the ids."""
        called = sorted(self.called)
        self.called.clear()
        return called


def _made_pack(counted: Counted) -> NodePack:
    pack = NodePack("counted", versioned=True)
    flags: dict[str, Any] = {"api_node": counted.paid}

    def note(context: RunContext) -> None:
        counted.called.append(context.node_id)

    @pack.node("Leaf", **flags)
    def leaf(context: RunContext, value: Any = 0, seed: int = 0) -> Data:
        note(context)
        return mixed(repr(value).encode(), b"%d" % seed)

    @pack.node("Join", **flags)
    def join(context: RunContext, **parts: Any) -> Data:
        note(context)
        return mixed(*(parts[name] for name in sorted(parts)))

    @pack.node("Show", output_node=True, **flags)
    def show(context: RunContext, value: Data) -> Data:
        note(context)
        return value

    @pack.node("Pick", needs=lambda arguments: ["a" if arguments["first"] else "b"], **flags)
    def pick(
        context: RunContext, first: bool, a: Annotated[Data, Lazy()] = b"", b: Annotated[Data, Lazy()] = b""
    ) -> Data:
        note(context)
        return a if first else b

    @pack.node("ReadFile", fingerprint=_digest, **flags)
    def read_file(context: RunContext, file: str) -> Data:
        note(context)
        return context.folders.read(file)

    @pack.node("Always", always_run=True, **flags)
    def always(context: RunContext, value: Data = b"") -> Data:
        note(context)
        return mixed(value)

    @pack.node("NotANumber", fingerprint=lambda arguments, folders: float("nan"), **flags)
    def not_a_number(context: RunContext, value: Data = b"") -> Data:
        note(context)
        return mixed(value)

    @pack.node("Fail", **flags)
    def fail(context: RunContext, value: Data = b"") -> Data:
        note(context)
        raise ZeroDivisionError("no luck")

    @pack.node("Block", **flags)
    def block(context: RunContext, value: Data = b"") -> Data | Blocked:
        note(context)
        return Blocked("not today")

    return pack


def _digest(arguments: Mapping[str, object], folders: Folders) -> str:
    return blake3(folders.read(str(arguments["file"]))).hexdigest()


def mixed(*parts: bytes) -> bytes:
    """Return bytes that tell these apart from all others."""
    return blake3(b"".join(b"%d:%b" % (len(part), part) for part in parts)).digest()


def node(class_type: str, **inputs: object) -> dict[str, Any]:
    """Write a node in the API form; a link is ``["id", 0]``."""
    return {"class_type": class_type, "inputs": inputs}


def settings_in(folder: Path, **different: Any) -> Settings:
    """Return the settings of an engine whose cache and files lie in a folder."""
    given = {"cache_dir": folder / "cache", "input_dir": folder, "output_dir": folder / "output", **different}
    return Settings(**given)


def run_fresh(folder: Path, pack: NodePack | None, workflow: Any, **options: Any) -> RunResult:
    """Run in an engine of its own, which knows of earlier runs only what is on disk."""
    given = options.pop("settings", None) or settings_in(folder)

    async def once() -> RunResult:
        async with Engine(given, packs=None if pack is None else [pack], **options.pop("engine", {})) as engine:
            return await engine.run(workflow, **options)

    return asyncio.run(once())


def run_twice(folder: Path, pack: NodePack, *workflows: Any, **options: Any) -> list[RunResult]:
    """Run one workflow after the other in one engine."""

    async def all_of_them() -> list[RunResult]:
        async with Engine(options.pop("settings", None) or settings_in(folder), packs=[pack]) as engine:
            return [await engine.run(workflow, **options) for workflow in workflows]

    return asyncio.run(all_of_them())


def states(result: RunResult) -> dict[str, str]:
    """Return what became of each node."""
    return {node_id: each.state for node_id, each in result.nodes.items()}


def warnings_in(told: list[Event]) -> list[str]:
    """Return what was warned of."""
    return [event.message for event in told if isinstance(event, Warned)]


def descendants(workflow: Workflow, node_id: str) -> set[str]:
    """Return a node and all that depends on it."""
    found = {node_id}
    while (
        more := {reader for reader, each in workflow.nodes.items() if found & {link.node_id for _, link in each.links}}
        - found
    ):
        found |= more
    return found
