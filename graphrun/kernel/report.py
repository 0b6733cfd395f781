"""What is told of a run while it goes on, and what is reported of it afterwards."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from graphrun.errors import GraphrunError, NodeError
from graphrun.kernel import events
from graphrun.kernel.calls import Values
from graphrun.kernel.events import Emit, Event
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, Step

NodeState = Literal["ran", "cached", "spared", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What became of one node. ``because`` names the node whose end kept it from running: it failed, or was stopped."""

    state: NodeState
    seconds: float = 0.0
    ui: Mapping[str, Sequence[object]] = field(default_factory=dict)
    error: NodeError | None = None
    because: str | None = None


@dataclass(frozen=True)
class RunReport:
    """What became of a run: a report per node, the values that were kept, per node and slot, and every warning."""

    nodes: Mapping[str, NodeReport]
    values: Mapping[str, Sequence[Values]]
    seconds: float
    stopped: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UiFile:
    """A file named in a UI payload: ``{"filename", "subfolder", "type"}`` (image-mask-nodes.md, 1.11)."""

    filename: str
    subfolder: str
    kind: str

    def path(self, folders: Folders) -> Path:
        """Return where the file is, below the folder of its kind."""
        return folders.named(self.kind) / self.subfolder / self.filename


def artifacts_in(ui: Mapping[str, Sequence[object]]) -> list[UiFile]:
    """Return the output and temp files a UI payload names, in order."""
    return [
        UiFile(str(item["filename"]), str(item.get("subfolder", "")), str(item["type"]))
        for items in ui.values()
        for item in items
        if isinstance(item, Mapping) and "filename" in item and item.get("type") in ("output", "temp")
    ]


class Reporter:
    """Tells what happens to each step, and remembers it. `tell` and `started` may be called in any thread.

    All else belongs on the event loop. Listeners hear every event on the loop's thread and in order, wherever it came
    from; nothing after `RunFinished`.
    """

    def __init__(self, emit: Emit, folders: Folders) -> None:
        self._emit = emit
        self._folders = folders
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._over = False
        self._started = time.perf_counter()
        self._began: dict[str, float] = {}
        self._nodes: dict[str, NodeReport] = {}
        self._warnings: list[str] = []

    def begin(self, plan: Plan) -> None:
        """Tell the plan, and its warnings."""
        labels = {node_id: step.label for node_id, step in plan.steps.items()}
        self._hear(events.RunStarted(len(labels), labels, plan.problems, plan.refused))
        for warning in plan.warnings:
            self._hear(events.Warned(warning))

    def started(self, step: Step) -> None:
        """A step's function is about to be called, maybe not for the first time. In any thread."""
        if step.node_id not in self._began:
            self._began[step.node_id] = time.perf_counter()
            self.tell(events.NodeStarted(step.node_id, step.label))

    def ran(self, step: Step, ui: Mapping[str, Sequence[object]]) -> None:
        """A step's outputs are there, perhaps without a call: there may have been nothing to do."""
        self.started(step)
        seconds = self._seconds(step)
        self._nodes[step.node_id] = NodeReport("ran", seconds, ui)
        for file in artifacts_in(ui):
            self._hear(events.ArtifactWritten(step.node_id, step.label, file.path(self._folders), file.kind))
        self._hear(events.NodeFinished(step.node_id, step.label, seconds, ui))

    def cached(self, step: Step, ui: Mapping[str, Sequence[object]]) -> None:
        """A step's outputs were there already."""
        self._nodes[step.node_id] = NodeReport("cached", 0.0, ui)
        self._hear(events.NodeCached(step.node_id, step.label, ui))

    def failed(self, step: Step, error: BaseException) -> None:
        """A step raised, or could not be called."""
        self.started(step)
        seconds = self._seconds(step)
        message = _told(error)
        failure = NodeError(step.node_id, step.type.name, step.title, message)
        failure.__cause__ = error
        self._nodes[step.node_id] = NodeReport("failed", seconds, error=failure)
        self._hear(events.NodeFailed(step.node_id, step.label, message, seconds))

    def stopped(self, step: Step, *, cancelled: bool) -> None:
        """A step could not finish because the run was stopped.

        Only where it was ``cancelled`` may its call have been on its way: at the first stop, a step that waits for its
        turn gives up by itself and has sent nothing.
        """
        if cancelled and step.type.api_node and step.node_id in self._began:
            message = "cancelled while its call was under way: the service may have charged for it"
            self._hear(events.Warned(f"{step.label}: {message}", step.node_id))
        self._nodes[step.node_id] = NodeReport("skipped", self._seconds(step))
        self._hear(events.NodeStopped(step.node_id, step.label))

    def skipped(self, step: Step, because: str) -> None:
        """A step can't run because of another one."""
        self._nodes[step.node_id] = NodeReport("skipped", because=because)
        self._hear(events.NodeSkipped(step.node_id, step.label, because))

    def tell(self, event: Event) -> None:
        """Tell something from wherever a node's function runs."""
        if threading.get_ident() == self._thread:
            self._hear(event)
        else:
            with suppress(RuntimeError):  # a cancelled call may go on in its thread after the loop is closed
                self._loop.call_soon_threadsafe(self._hear, event)

    def finish(
        self, plan: Plan, unreported: Mapping[str, NodeState], values: Mapping[str, Sequence[Values]], *, stopped: bool
    ) -> RunReport:
        """Tell the end and return the report. ``unreported`` gives the state of each step that nothing was told of."""
        nodes = {node_id: self._nodes.get(node_id) or NodeReport(state) for node_id, state in unreported.items()}
        seconds = time.perf_counter() - self._started
        report = RunReport(nodes, values, seconds, stopped, tuple(self._warnings))
        count = Counter(node.state for node in nodes.values())
        ok = not (count["failed"] or stopped or plan.problems)
        self._hear(
            events.RunFinished(
                ok,
                ran=count["ran"],
                cached=count["cached"],
                spared=count["spared"],
                failed=count["failed"],
                skipped=count["skipped"],
                seconds=report.seconds,
                stopped=stopped,
            )
        )
        self._over = True
        return report

    def _hear(self, event: Event) -> None:
        if not self._over:
            if isinstance(event, events.Warned):
                self._warnings.append(event.message)
            self._emit(event)

    def _seconds(self, step: Step) -> float:
        """Return how long a step took, and forget that it began: its value may have to be made again."""
        now = time.perf_counter()
        return now - self._began.pop(step.node_id, now)


def _told(error: BaseException) -> str:
    """Return what an exception says, with its kind where only that says what went wrong.

    A ValueError is how nodes refuse a value, in a sentence for people.
    """
    said = str(error)
    if said and (isinstance(error, GraphrunError) or type(error) is ValueError):
        return said
    return ": ".join(filter(None, [type(error).__name__, said]))
