"""Which steps may start now. Pure: runs nothing, waits for nothing, reads no clock.

A step is
  spared    nothing wanted reads it (yet, or any more): its readers are planned hits, or lost, or have a lazy link
  waiting   wanted, and something it reads isn't there
  ready     may start
  running   started
  done      finished; its value is held until its last reader is finished, then released
  lost      it failed, or something it reads did

Among ready steps the one first in the plan starts first: equal finishes give equal starts. A *reader* of a step is a
wanted step with a link to it, lazy or not: a value that a lazy link may still ask for is not released. Kept steps
(targets, and what the caller asked for) are never released. A released value that is needed after all, by new steps or
by a demoted one, is made again.

A step that has not started is spared again when its last reader is lost: nobody should pay for what nobody will read.
Considered and left: priorities by cost or memory, because a run must be explainable.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a step stands; see the module."""

    SPARED = "spared"
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Settled:
    """What followed from a step's end: values to release, and steps lost with the failed one (step, cause)."""

    released: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Settled) -> Settled:
        return Settled(self.released + other.released, self.lost + other.lost)


class Scheduler:
    """The state machine over one plan.

    ``reads`` maps every step, in plan order, to the steps it reads; ``lazy`` to those it may come to need. ``hits``
    are steps whose value is expected without running: they read nothing until demoted.
    """

    def __init__(
        self,
        reads: Mapping[str, Iterable[str]],
        *,
        wanted: Collection[str],
        lazy: Mapping[str, Iterable[str]] | None = None,
        hits: Collection[str] = (),
        kept: Collection[str] = (),
    ) -> None:
        self._reads: dict[str, dict[str, None]] = {}
        self._lazy: dict[str, dict[str, None]] = {}
        self._readers: dict[str, list[str]] = {step: [] for step in reads}
        self._position: dict[str, int] = {}
        self._state: dict[str, State] = {}
        self._missing: dict[str, int] = {}
        self._unread = dict.fromkeys(reads, 0)
        self._held: set[str] = set()
        self._cause: dict[str, str] = {}
        self._hits = set(hits)
        self._kept = set(kept)
        self._own_sake = {*kept, *wanted}
        self._ready: list[tuple[int, str]] = []
        self._open = 0
        self._ready_count = 0
        self._running = 0
        lazy = lazy or {}
        for step, read in reads.items():
            self._enter(step, read, lazy.get(step, ()))
        self._want(wanted)

    @property
    def finished(self) -> bool:
        """Whether no step is waiting, ready or running."""
        return self._open == 0

    @property
    def stuck(self) -> bool:
        """Whether steps wait that nothing running or ready can free: a cycle that only came up in the run."""
        return self._open > 0 and self._running == 0 and not self.ready

    @property
    def ready(self) -> bool:
        """Whether some step may start."""
        return self._ready_count > 0

    def state(self, step: str) -> State:
        """Return where a step stands."""
        return self._state[step]

    def waiting(self) -> list[str]:
        """Return the waiting steps in plan order."""
        return [step for step, state in self._state.items() if state is State.WAITING]

    def requires(self, step: str, source: str) -> bool:
        """Whether a step can count on a source: it is linked strongly, or was required."""
        return source in self._reads[step]

    def cycle(self) -> list[str]:
        """Return waiting steps that wait for one another in a ring, each read by the next. Only where `stuck`."""
        trail: dict[str, None] = {}
        step = self.waiting()[0]
        while step not in trail:
            trail[step] = None
            step = next(source for source in self._reads[step] if self._state[source] is State.WAITING)
        ring = list(trail)
        return ring[ring.index(step) :][::-1]

    def abandon(self, step: str) -> Settled:
        """Lose a waiting step that nothing can free, and every step that reads it."""
        if self._state[step] is not State.WAITING:
            raise ValueError(f"step {step!r} is {self._state[step].value}, not waiting")
        return self._lose(step, step)

    def is_hit(self, step: str) -> bool:
        """Whether the step's value is expected without running it."""
        return step in self._hits

    def start(self, limit: int) -> list[str]:
        """Move up to ``limit`` ready steps to running and return them in plan order."""
        started: list[str] = []
        while self._ready and len(started) < limit:
            _, step = heapq.heappop(self._ready)
            if self._state[step] is State.READY:  # else it is no longer: leaving the heap later is cheaper
                self._state[step] = State.RUNNING
                started.append(step)
        self._ready_count -= len(started)
        self._running += len(started)
        return started

    def done(self, step: str) -> Settled:
        """Record that a running step's value is there."""
        self._leave_running(step)
        self._close(step, State.DONE)
        self._held.add(step)
        for reader in self._readers[step]:
            if self._state[reader] is State.WAITING and step in self._reads[reader]:
                self._met(reader)
        unread = self._release(step) if self._unread[step] == 0 else ()
        return Settled(released=(*unread, *self._let_go([step])))

    def failed(self, step: str) -> Settled:
        """Record that a running step has no value: every wanted step that reads it is lost."""
        self._leave_running(step)
        return self._lose(step, step)

    def require(self, step: str, sources: Iterable[str]) -> Settled:
        """A running step turned out to need lazy ``sources``: it waits for them and is then ready again."""
        self._leave_running(step)
        for source in sources:
            self._strengthen(step, source)
        return self._wait(step)

    def add(
        self,
        parent: str,
        reads: Mapping[str, Iterable[str]],
        *,
        results: Iterable[str],
        wanted: Collection[str] = (),
        lazy: Mapping[str, Iterable[str]] | None = None,
    ) -> Settled:
        """A running step expanded into new steps; it waits for those that give its ``results``.

        ``wanted`` are new steps to run for their own sake (output nodes).
        """
        lazy = lazy or {}
        for step in reads:
            self._readers[step] = []
            self._unread[step] = 0
        for step, read in reads.items():
            self._enter(step, read, lazy.get(step, ()))
        self._own_sake.update(wanted)
        settled = self._want(wanted)
        self._leave_running(parent)
        for result in results:
            self._strengthen(parent, result)
        return settled + self._wait(parent)

    def demote(self, step: str, reads: Iterable[str] = ()) -> Settled:
        """A value turned out to be gone, at its step's turn or when it was read: it is made, from ``reads`` too.

        Its sources come back; readers that counted on it wait again; one that is running calls `require`. A step that
        is to run anyway is left alone.
        """
        if self._state[step] is State.DONE and step in self._held:
            self._withdraw(step)
        elif step in self._hits and self._state[step] is State.RUNNING:
            self._leave_running(step)
        else:
            self._hits.discard(step)
            return Settled()
        self._hits.discard(step)
        for source in self._sources(step):
            self._unread[source] += 1
        for source in reads:
            self._strengthen(step, source)
        return self._wait(step)

    def _withdraw(self, step: str) -> None:
        """Take a held value back."""
        self._held.discard(step)
        self._open += 1
        for reader in self._readers[step]:
            if step in self._reads[reader] and reader not in self._hits:
                if self._state[reader] is State.READY:
                    self._state[reader] = State.WAITING
                    self._ready_count -= 1
                self._missing[reader] = self._missing.get(reader, 0) + 1

    def _enter(self, step: str, reads: Iterable[str], lazy: Iterable[str]) -> None:
        self._reads[step] = dict.fromkeys(reads)
        self._lazy[step] = {source: None for source in lazy if source not in self._reads[step]}
        self._position[step] = len(self._position)
        self._state[step] = State.SPARED
        for source in self._sources(step):
            self._readers[source].append(step)

    def _sources(self, step: str) -> list[str]:
        return [*self._reads[step], *self._lazy[step]]

    def _strengthen(self, step: str, source: str) -> None:
        """Make a wanted step read a source for certain, whether it had a lazy link to it or none."""
        if source in self._reads[step]:
            return
        if source not in self._lazy[step]:
            self._readers[source].append(step)
            self._unread[source] += 1
        self._lazy[step].pop(source, None)
        self._reads[step][source] = None

    def _want(self, steps: Iterable[str]) -> Settled:
        """Make spared steps wanted, and with them what they read, down to hits and held values."""
        pending = list(steps)
        settled = Settled()
        while pending:
            step = pending.pop()
            if self._state[step] is not State.SPARED or not self._is_wanted(step):
                continue
            self._open += 1
            if step not in self._hits:
                for source in self._sources(step):
                    self._unread[source] += 1
            settled += self._put_waiting(step, pending)
        return settled

    def _is_wanted(self, step: str) -> bool:
        return step in self._own_sake or self._unread[step] > 0

    def _wait(self, step: str) -> Settled:
        """Put a step that was running back to waiting, wanting what it reads; or spare it if no one wants it now."""
        if not self._is_wanted(step):
            self._close(step, State.SPARED)
            return Settled(released=self._let_go([step]))
        pending: list[str] = []
        settled = self._put_waiting(step, pending)
        return settled + self._want(pending)

    def _put_waiting(self, step: str, pending: list[str]) -> Settled:
        """Let a step wait, or be ready or lost at once; ``pending`` gains the sources that it makes wanted."""
        self._state[step] = State.WAITING
        if step in self._hits:
            self._missing[step] = 0
        elif lost := [source for source in self._reads[step] if source in self._cause]:
            return self._lose(step, self._cause[lost[0]])
        else:
            pending.extend(self._count_missing(step))
        self._ready_if_met(step)
        return Settled()

    def _count_missing(self, step: str) -> list[str]:
        """Count what a step still misses; return those sources that have to be wanted for it."""
        missing = [source for source in self._reads[step] if source not in self._held]
        self._missing[step] = len(missing)
        for source in missing:
            if self._state[source] is State.DONE:  # released earlier: it has to be made again
                self._state[source] = State.SPARED
        return [source for source in missing if self._state[source] is State.SPARED]

    def _met(self, step: str) -> None:
        self._missing[step] -= 1
        self._ready_if_met(step)

    def _ready_if_met(self, step: str) -> None:
        if self._state[step] is State.WAITING and self._missing[step] == 0:
            self._state[step] = State.READY
            self._ready_count += 1
            heapq.heappush(self._ready, (self._position[step], step))

    def _leave_running(self, step: str) -> None:
        if self._state[step] is not State.RUNNING:
            raise ValueError(f"step {step!r} is {self._state[step].value}, not running")
        self._running -= 1

    def _close(self, step: str, state: State) -> None:
        self._state[step] = state
        self._open -= 1

    def _lose(self, step: str, cause: str) -> Settled:
        """Lose a step because of ``cause``, and every waiting step that reads it, directly or not."""
        gone = [step]
        self._close_lost(step, cause)
        for current in gone:  # grows while it is walked: breadth first without recursion
            for reader in self._readers[current]:
                if self._state[reader] is State.WAITING and current in self._reads[reader]:
                    self._close_lost(reader, cause)
                    gone.append(reader)
        lost = sorted((each for each in gone if each != cause), key=self._position.__getitem__)
        return Settled(self._let_go(gone), tuple((each, cause) for each in lost))

    def _close_lost(self, step: str, cause: str) -> None:
        self._close(step, State.LOST)
        self._cause[step] = cause

    def _let_go(self, ended: Iterable[str]) -> tuple[str, ...]:
        """Count these steps off as readers of their sources. Return the values that no one will read again.

        Sources that have not started and are not wanted for their own sake are spared with what they read in turn.
        """
        released: list[str] = []
        pending = list(ended)
        for reader in pending:  # grows while it is walked
            for source in () if reader in self._hits else self._sources(reader):
                self._unread[source] -= 1
                if self._unread[source] == 0:
                    released += self._release(source)
                    pending += self._spare(source)
        return tuple(released)

    def _release(self, step: str) -> list[str]:
        if step not in self._held or step in self._kept:
            return []
        self._held.remove(step)
        return [step]

    def _spare(self, step: str) -> list[str]:
        """Take back that a step is wanted, unless it started, or is wanted for its own sake."""
        state = self._state[step]
        if self._is_wanted(step) or state not in (State.WAITING, State.READY):
            return []
        self._ready_count -= state is State.READY
        self._close(step, State.SPARED)
        return [step]
