"""What a node's function may know about the run it is part of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from graphrun.errors import Stopped
from graphrun.kernel.folders import Folders

T = TypeVar("T")


class Service(Protocol):
    """Something outside the workflow that nodes use, such as an image service."""

    @property
    def identity(self) -> str:
        """What distinguishes results made with this service; part of cache keys, never a secret."""


@runtime_checkable
class AttentiveService(Protocol):
    """A service that wants to know for which step of which run it is used."""

    def on_behalf_of(self, context: RunContext) -> object:
        """Return the service as that step uses it."""


class StopSignal:
    """Asks a run to stop. The first `stop` starts nothing new and lets running nodes finish; the second cancels.

    May be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        self._level = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._level > 0

    @property
    def cancelled(self) -> bool:
        """Whether running nodes are to be cancelled too."""
        return self._level > 1

    def stop(self) -> None:
        """Ask once: finish what runs. Ask again: cancel it."""
        self._level += 1
        for listener in tuple(self._listeners):
            listener()

    def listen(self, loop: asyncio.AbstractEventLoop, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on ``loop`` at each `stop`. Returns the way to end that."""

        def relay() -> None:
            loop.call_soon_threadsafe(listener)

        self._listeners.append(relay)
        return lambda: self._listeners.remove(relay)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Injected into node functions that have a parameter of this type; it is no input.

    ``label`` names the node as a person knows it. ``refreshed``: the user wants this made again although it was made
    before. ``metadata`` is what saved pictures carry (``prompt``, ``workflow``), empty where the user switched it off.
    ``report`` receives (value, maximum, text).
    """

    node_id: str
    folders: Folders
    label: str = ""
    refreshed: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)
    services: Mapping[type, object] = field(default_factory=dict)
    stop: StopSignal = field(default_factory=StopSignal)
    report: Callable[[float, float, str], None] = lambda value, maximum, text: None
    warn: Callable[[str], None] = lambda message: None

    def service(self, kind: type[T]) -> T:
        """Return the service of this kind, which the node type declared. KeyError where it didn't."""
        found = self.services[kind]
        if isinstance(found, AttentiveService):
            found = found.on_behalf_of(self)
        assert isinstance(found, kind)
        return found

    def progress(self, value: float, maximum: float, text: str = "") -> None:
        """Report how far the node is, and let a stop take effect."""
        self.check_stopped()
        self.report(value, maximum, text)

    def check_stopped(self) -> None:
        """Raise Stopped if running nodes are to be cancelled. Long loops call this."""
        if self.stop.cancelled:
            raise Stopped(f"stopped while node {self.node_id} was running")
