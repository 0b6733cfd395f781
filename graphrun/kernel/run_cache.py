"""What one run does with its cache: starts from what is there, keeps what it makes, makes nothing twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from graphrun.errors import Stopped, Uncacheable
from graphrun.kernel.cache_key import CacheKey, path_digest
from graphrun.kernel.calling import Executor
from graphrun.kernel.calls import Merged, Values
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.clerk import Clerk
from graphrun.kernel.context import StopSignal
from graphrun.kernel.node_types import Blocked
from graphrun.kernel.plan import Plan, Step, make_key, parts_of_key
from graphrun.kernel.recall import Memory, Recalled
from graphrun.kernel.report import artifacts_in
from graphrun.kernel.store import CacheStore, Entry, FileRecord
from graphrun.kernel.waiting import to_its_end
from graphrun.kernel.workflow import BoundFile

# Seconds between two tries for a lock that another process holds: short beside what it protects.
_POLL = 0.05

NOT_ALLOWED = "not in the cache, and only cached results are allowed; run without --cached-only to make it"
"""Why a step isn't made that `RunCache.allows` refuses."""

_UNKNOWN = ""  # the digest of an output whose content can't be told
_IMMUTABLE = (type(None), bool, int, float, str, bytes)


class Lock(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Let others have it."""


@dataclass(frozen=True)
class CacheUse:
    """How a run uses a store. ``digest`` tells the content of a value list, or raises Uncacheable.

    ``refresh`` are steps to make again with all that depends on them. ``paid_calls``: whether a paid service may be
    called where nothing is found. ``lock`` takes the lock of a key, or returns None while another process has it; it
    raises OSError where there can be no locks. ``marks`` returns what stays equal as long as a value list isn't changed
    in place, or raises Uncacheable. ``variant`` is what else decides what output nodes write. ``clerk`` keeps what is
    kept in no time, for all runs that share it.
    """

    store: CacheStore
    digest: Callable[[Values], str]
    read: bool = True
    write: bool = True
    refresh: Collection[str] = ()
    paid_calls: bool = True
    lock: Callable[[CacheKey], Lock | None] | None = None
    marks: Callable[[Values], object] | None = None
    variant: object = None
    clerk: Clerk = field(default_factory=lambda: Clerk(nullcontext))


class RunCache:
    """The cache of one run. ``recalled`` is what it starts from; `keep` and `load` may be called in any thread.

    A step is *spoiled* if what it read is not what its key says: a file changed while the run went on, or an earlier
    reader changed the value in place. Nothing is kept of it, or of what depends on it. Nor of a step that expanded into
    output nodes: they are effects, and it is asked again whether each still stands.
    """

    def __init__(self, plan: Plan, around: Surroundings, use: CacheUse, *, keep: Collection[str] = ()) -> None:
        self._use = use
        self._around = around
        self._memory = Memory(plan, around.folders, use.store, read=use.read, refresh=use.refresh, variant=use.variant)
        self._digests: dict[str, Sequence[str]] = {}
        self._marks: dict[str, Sequence[object]] = {}
        self._spoiled: set[str] = set()
        self._parents: dict[str, str] = {}
        self._with_effects: set[str] = set()
        self.recalled: Recalled = self._memory.recall(keep)

    def entry(self, step: Step) -> Entry | None:
        """Return a step's entry if it counts now, given what the steps before it came out as."""
        return self._memory.entry(step, self._digests)

    def learn(self, node_id: str, entry: Entry) -> None:
        """Take a step's outputs for what an entry says they are."""
        self._digests[node_id] = entry.slot_digests

    def allows(self, step: Step) -> bool:
        """Whether a step may be run at all."""
        return self._use.paid_calls or not step.type.api_node

    def refreshes(self, step: Step) -> bool:
        """Whether a step is made again although it was made before."""
        return self._memory.is_refreshed(step.node_id)

    def twin(self, node_id: str, first: str) -> None:
        """Note that a step's outputs are those of another one."""
        self._digests[node_id] = self._digests.get(first, ())
        self._marks[node_id] = self._marks.get(first, ())
        if first in self._spoiled:
            self._spoiled.add(node_id)

    def grow(self, parent: str, steps: Iterable[Step]) -> None:
        """Take in the steps that one expanded into."""
        new = list(steps)
        self._memory.grow(parent, new)
        self._parents.update((step.node_id, parent) for step in new)
        if any(step.type.output_node for step in new):
            self._add_effects(parent)

    def keys(self, node_ids: Iterable[str]) -> list[CacheKey]:
        """Return the keys that the entries of these steps are kept under."""
        return [key for node_id in node_ids if (key := self._memory.key(node_id)) is not None]

    def load(self, node_id: str) -> Sequence[Values] | None:
        """Return the values of a step, or None where they are gone, or are not those that this run has seen."""
        key = self._memory.key(node_id)
        if key is None or not self._use.read:
            return None
        values = self._use.store.load(key)
        if values is None or not self._is_the_one(node_id, key):
            return None
        self._marks[node_id] = [self._marks_of(slot) for slot in values]
        return values

    def forget(self, node_id: str) -> None:
        """Take a step's entry for gone: its values can't be loaded."""
        self._memory.lose(node_id)
        self._digests.pop(node_id, None)

    def inspect(self, step: Step, values: Mapping[str, Sequence[Values]]) -> None:
        """Look, just before a step is called, whether what it reads is still what it was when it was made."""
        for source in step.links.values():
            marks = self._marks.get(source.node_id, ())
            if source.slot < len(marks) and source.node_id in values:
                was, now = marks[source.slot], values[source.node_id][source.slot]
                if was is not None and self._marks_of(now) != was:
                    self._spoiled.add(step.node_id)

    def contents(self, lists: Mapping[str, Values]) -> dict[str, object]:
        """Return what shows any change of what a step reads, by content too: slow, for debugging."""
        return {name: (self._digest_of(values), self._marks_of(values)) for name, values in lists.items()}

    def changed(self, lists: Mapping[str, Values], before: Mapping[str, object]) -> list[str]:
        """Return the inputs that were changed in place since `contents` was taken."""
        after = self.contents({name: lists[name] for name in before})
        return [name for name in before if before[name] != after[name]]

    def keep(self, step: Step, merged: Merged, seconds: float, steps: Mapping[str, Step]) -> None:
        """Keep what a step gave, unless it can't be kept, or isn't what its key says. Raises nothing for that."""
        key = self._memory.key(step.node_id)
        if key is None or not (self._use.read or self._use.write):
            return
        self._digests[step.node_id] = [self._digest_of(slot) for slot in merged.slots]
        self._marks[step.node_id] = [self._marks_of(slot) for slot in merged.slots]
        if not self._may_keep(step, merged, steps):
            return
        try:
            entry = self._entry(step, merged, seconds, steps)
        except Exception:  # a fingerprint that fails now, or a file it claims to have written and that isn't there
            return
        if self._use.store.put(key, entry, merged.slots):
            self._memory.note(step.node_id, entry)

    async def keep_aside(
        self, executor: Executor, step: Step, merged: Merged, seconds: float, steps: Mapping[str, Step]
    ) -> None:
        """Do the same off the event loop.

        What a saver wrote is in its file, and what a service sent is in a file's form already: that is kept in turns.
        Tensors have to be encoded first, in as many threads as there are.
        """
        if step.type.output_node or step.type.api_node:
            await self._use.clerk.do(self.keep, step, merged, seconds, steps)
        else:
            await to_its_end(executor.run(partial(self.keep, step, merged, seconds, steps)))

    @asynccontextmanager
    async def alone(self, step: Step, stop: StopSignal) -> AsyncIterator[bool]:
        """Hold the lock of an expensive step, so that no other run makes the same at the same time.

        Gives whether there is a lock, so that another run may have made it just before. Raises Stopped if a stop is
        asked for while another one has it. Where there can be no lock, goes on without.
        """
        lock = await self._lock_of(step, stop)
        try:
            yield lock is not None
        finally:
            if lock is not None:
                lock.release()

    async def _lock_of(self, step: Step, stop: StopSignal) -> Lock | None:
        key = self._memory.key(step.node_id)
        if self._use.lock is None or not self._use.write or key is None or step.type.cheap or step.type.output_node:
            return None
        try:
            while (lock := self._use.lock(key)) is None:
                if stop.requested:
                    raise Stopped("stopped while another run was making the same")
                await asyncio.sleep(_POLL)
        except OSError:
            return None
        return lock

    def _is_the_one(self, node_id: str, key: CacheKey) -> bool:
        """Whether what was just loaded is what the run took it for: another run may have replaced it since."""
        taken, found = self._digests.get(node_id), self._use.store.find(key)
        return taken is None or found is None or list(found.slot_digests) == list(taken)

    def _entry(self, step: Step, merged: Merged, seconds: float, steps: Mapping[str, Step]) -> Entry:
        return Entry(
            class_type=step.type.name,
            ui=merged.ui,
            files=self._files(merged),
            input_digests=self._input_digests(step),
            slot_digests=tuple(self._digests[step.node_id]),
            seconds=seconds,
            paid=step.type.api_node,
            parts=parts_of_key(step, steps, self._around),
        )

    def _input_digests(self, step: Step) -> dict[str, str]:
        return {
            name: known[source.slot]
            for name, source in step.links.items()
            if source.slot < len(known := self._digests.get(source.node_id, ())) and known[source.slot] != _UNKNOWN
        }

    def _may_keep(self, step: Step, merged: Merged, steps: Mapping[str, Step]) -> bool:
        if self._is_spoiled(step, steps):  # asked first: those that read it are to know
            return False
        return self._use.write and step.node_id not in self._with_effects and not _blocked(merged)

    def _add_effects(self, node_id: str | None) -> None:
        """Note that a step has effects below it, and so have those that expanded into it."""
        while node_id is not None:
            self._with_effects.add(node_id)
            node_id = self._parents.get(node_id)

    def _digest_of(self, values: Values) -> str:
        try:
            return self._use.digest(values)
        except Uncacheable:
            return _UNKNOWN

    def _marks_of(self, values: Values) -> object:
        """Return what shows a change in place, or None where there can be none, or none that shows."""
        if self._use.marks is None or all(type(value) in _IMMUTABLE for value in values):
            return None
        try:
            return self._use.marks(values)
        except Uncacheable:
            return None

    def _is_spoiled(self, step: Step, steps: Mapping[str, Step]) -> bool:
        read = (source.node_id for source in step.links.values())
        if not self._spoiled.isdisjoint(read) or self._changed_outside(step, steps):
            self._spoiled.add(step.node_id)
        return step.node_id in self._spoiled

    def _changed_outside(self, step: Step, steps: Mapping[str, Step]) -> bool:
        """Whether a file changed between the fingerprint in the key and now, when its content has been used."""
        reads_files = step.type.fingerprint or any(isinstance(each, BoundFile) for each in step.literals.values())
        return bool(reads_files) and make_key(step, steps, self._around) != step.key

    def _files(self, merged: Merged) -> tuple[FileRecord, ...]:
        folders = self._around.folders
        paths = [
            folders.named(file.kind).resolve() / file.subfolder / file.filename for file in artifacts_in(merged.ui)
        ]
        return tuple(FileRecord(path, path_digest(path)) for path in paths)


def _blocked(merged: Merged) -> bool:
    return any(isinstance(value, Blocked) for values in merged.slots for value in values)
