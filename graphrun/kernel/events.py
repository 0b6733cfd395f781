"""What happened in a run, as data. Console, log file and test listen to the same stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graphrun.errors import Problem


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; ``event`` is the class name."""
        return {"event": type(self).__name__, **asdict(self, dict_factory=_json_dict)}


@dataclass(frozen=True, slots=True)
class NodeEvent(Event):
    """Something about one node. ``label`` names it as a person knows it."""

    node_id: str
    label: str


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The plan stands; ``steps`` nodes will run. ``nodes`` maps their ids to labels, in plan order.

    ``problems`` and ``refused`` (a sentence per output, by its id) tell what can't run, before anything does.
    """

    steps: int
    nodes: Mapping[str, str] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeCost:
    """What one node will cost in USD, as decimal numbers, None where nobody knows; ``remark`` says what of, or why."""

    node_id: str
    label: str
    low: str | None
    high: str | None
    remark: str


@dataclass(frozen=True, slots=True)
class CostEstimated(Event):
    """What the run will cost in USD, told before anything is bought: from the cheapest to the dearest.

    ``low`` and ``high`` are decimal numbers, without the ``unknown`` nodes whose price nobody knows. ``as_of`` is the
    date of the prices. Not told where no node is paid for.
    """

    low: str
    high: str
    unknown: int
    as_of: str | None
    nodes: tuple[NodeCost, ...] = ()

    @property
    def is_paid(self) -> bool:
        """Whether anything may have to be paid."""
        return self.high != "0" or self.unknown > 0


@dataclass(frozen=True, slots=True)
class NodeStarted(NodeEvent):
    """The node's function is about to be called: a thread is free for it, and a place under its limit."""


@dataclass(frozen=True, slots=True)
class NodeProgress(NodeEvent):
    """The node reports how far it is: ``value`` of ``maximum``."""

    value: float
    maximum: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class NodeFinished(NodeEvent):
    """The node's outputs are there. ``seconds`` is the time since its function was first called."""

    seconds: float
    ui: Mapping[str, Sequence[object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeCached(NodeEvent):
    """The node's outputs were there already, from an earlier run or an equal node of this one."""

    ui: Mapping[str, Sequence[object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeFailed(NodeEvent):
    """The node raised."""

    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NodeSkipped(NodeEvent):
    """The node could not run because ``because`` (a node id) failed."""

    because: str


@dataclass(frozen=True, slots=True)
class NodeStopped(NodeEvent):
    """The run was stopped before the node could finish, or start its call."""


@dataclass(frozen=True, slots=True)
class NodeBlocked(NodeEvent):
    """A blocker reached the node and it was not called. ``message`` may be empty."""

    message: str


@dataclass(frozen=True, slots=True)
class ArtifactWritten(NodeEvent):
    """A file was written (``kind``: output or temp)."""

    path: Path
    kind: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something the user should know that is no failure."""

    message: str
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunStopping(Event):
    """A stop was asked for: nothing new starts, what runs may finish."""


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run is over. ``cached`` nodes were there already, ``spared`` ones nobody needed.

    ``cost`` is what the run did cost in USD, a decimal number, None where that is not known. The kernel knows no money:
    the engine fills it in before its caller is told.
    """

    ok: bool
    ran: int
    cached: int
    spared: int
    failed: int
    skipped: int
    seconds: float
    stopped: bool = False
    cost: str | None = None


Emit = Callable[[Event], None]


def _json_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in pairs}
