"""What of a plan earlier runs have left, and what of it still counts. Reads entries, never values.

The look goes from what is wanted backwards and stops at each hit; a hit spares its whole ancestry. It is *sure* unless
something above it has to be made again, or comes from another making than the hit itself: then it waits for that, and
counts only if what it reads came out the same (DESIGN, 6). Equal steps of one run are made once: the first is made, its
*twins* share what it gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from graphrun.kernel.cache_key import CacheKey, encode, path_digest
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.store import CacheStore, Entry

Digests = Mapping[str, Sequence[str]]
"""By step, the digest of each output; empty text for one that can't be told."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a run can start from.

    ``wanted`` are the steps it was looked for: the targets, and what is to be kept. ``runs`` have to be made for them,
    unless they are ``twins`` of another, the first of their kind. ``hits`` are there, ``doubtful`` ones (each with the
    steps it has to wait for) perhaps.
    """

    wanted: Collection[str] = ()
    hits: Mapping[str, Entry] = field(default_factory=dict)
    doubtful: Mapping[str, Collection[str]] = field(default_factory=dict)
    twins: Mapping[str, str] = field(default_factory=dict)
    runs: Collection[str] = ()


class Memory:
    """Looks up the steps of one plan, and of what they expand into.

    ``refresh`` are steps to make again, with all that depends on them and all that equals them. ``variant`` is what
    else, besides its key and the folders, decides what an output node writes.
    """

    def __init__(
        self,
        plan: Plan,
        folders: Folders,
        store: CacheStore,
        *,
        read: bool = True,
        refresh: Collection[str] = (),
        variant: object = None,
    ) -> None:
        self._plan = plan
        self._store = store
        self._read = read
        self._effects = [*_real_places(folders), variant]
        self._ordinals: Counter[CacheKey] = Counter()
        self._keys: dict[str, CacheKey | None] = {}
        self._entries: dict[str, Entry | None] = {}
        self._gone: dict[str, Entry] = {}
        self._add_keys(plan.steps.values())
        self._refreshed: set[str] = set()
        self._refresh(plan.steps.values(), refresh)

    def key(self, node_id: str) -> CacheKey | None:
        """Return the key a step's entry is kept under, or None where it has none."""
        return self._keys.get(node_id)

    def grow(self, parent: str, steps: Iterable[Step]) -> None:
        """Take in the steps that one expanded into."""
        new = list(steps)
        self._add_keys(new)
        self._refresh(new, [step.node_id for step in new] if parent in self._refreshed else ())

    def is_refreshed(self, node_id: str) -> bool:
        """Whether a step is to be made again, and hasn't been yet."""
        return node_id in self._refreshed

    def recall(self, keep: Collection[str] = ()) -> Recalled:
        """Look from the targets backwards, and from what is to be kept."""
        steps, hits = self._plan.steps, dict[str, Entry]()
        wanted = dict.fromkeys([*self._plan.targets, *self._certain(keep)])
        runs = self._look(wanted, hits, lambda step: step.reads)
        # What lazy links may ask for is looked up too, lest its ancestors be made for a hit. Nothing waits for it.
        self._look(
            [source for node_id in runs for source in steps[node_id].may_read],
            hits,
            lambda step: [*step.reads, *step.may_read],
            runs,
        )
        return Recalled(wanted, hits, self._doubtful(hits, runs), self._twins(runs), runs)

    def entry(self, step: Step, known: Digests) -> Entry | None:
        """Return a step's entry if it counts, given what is ``known`` of what other steps of this run came out as."""
        entry = self._present(step.node_id)
        counts = entry is not None and self._agrees(step, entry, known) and _files_unchanged(entry)
        return entry if counts else None

    def note(self, node_id: str, entry: Entry) -> None:
        """A step has been made, and its entry kept."""
        self._entries[node_id] = entry
        self._refreshed.discard(node_id)

    def lose(self, node_id: str) -> None:
        """The value of an entry can't be loaded: it doesn't count again, whatever the store says of it."""
        if entry := self._entries.pop(node_id, None):
            self._gone[node_id] = entry

    def _look(
        self,
        wanted: Iterable[str],
        hits: dict[str, Entry],
        follow: Callable[[Step], Iterable[str]],
        seen: Collection[str] = (),
    ) -> dict[str, None]:
        """Collect the hits from some steps backwards; return what has to be made, but for what was ``seen``."""
        missing: dict[str, None] = {}
        pending = list(wanted)
        while pending:
            node_id = pending.pop()
            if node_id in hits or node_id in missing or node_id in seen:
                continue
            step = self._plan.steps[node_id]
            entry = self.entry(step, {})
            if entry is None:
                missing[node_id] = None
                pending.extend(follow(step))
            else:
                hits[node_id] = entry
        return missing

    def _certain(self, chosen: Collection[str]) -> list[str]:
        """Return the chosen steps that the targets need for certain, not by a lazy link only."""
        certain = dict.fromkeys(self._plan.targets if chosen else ())
        pending = list(certain)
        while pending:
            fresh = [source for source in self._plan.steps[pending.pop()].reads if source not in certain]
            certain.update(dict.fromkeys(fresh))
            pending.extend(fresh)
        return [node_id for node_id in certain if node_id in chosen]

    def _present(self, node_id: str) -> Entry | None:
        """Find an entry once a run; a miss is looked for again, since another process may have been faster."""
        key = self._keys.get(node_id)
        if not self._read or key is None or node_id in self._refreshed:
            return None
        entry = self._entries.get(node_id)
        if entry is None:
            entry = self._entries[node_id] = self._store.find(key)
        return None if entry == self._gone.get(node_id) else entry

    def _agrees(self, step: Step, entry: Entry, known: Digests) -> bool:
        """Whether an entry was made from what its sources are now, as far as anyone knows what they are."""
        for name, recorded in entry.input_digests.items():
            source = step.links[name]
            present = known[source.node_id] if source.node_id in known else self._recorded(source.node_id)
            if source.slot < len(present) and present[source.slot] != recorded:
                return False
        return True

    def _recorded(self, node_id: str) -> Sequence[str]:
        entry = self._present(node_id)
        return entry.slot_digests if entry else ()

    def _doubtful(self, hits: Mapping[str, Entry], runs: Collection[str]) -> dict[str, Collection[str]]:
        """Find the hits below something that is made again, and the steps between, which nobody wanted till now.

        What stands between counts where it has an entry. Where it has none, nothing speaks against the hit: it would be
        wrong to make a paid picture again only to see whether it is still the same.
        """
        doubtful: dict[str, Collection[str]] = {}
        looked_at = {*hits, *runs}
        for node_id, step in self._plan.steps.items():  # sources first, so one pass does
            if node_id in runs or looked_at.isdisjoint(source.node_id for source in step.links.values()):
                continue
            entry = hits.get(node_id) or self._present(node_id)
            if entry is None:
                continue
            looked_at.add(node_id)
            read = dict.fromkeys(step.links[name].node_id for name in step.links if _was_read(step, name, entry))
            if remade := [source for source in read if source in runs or source in doubtful]:
                doubtful[node_id] = remade
            elif not self._agrees(step, entry, {}):
                doubtful[node_id] = [source for source in read if source in looked_at]
        return doubtful

    def _twins(self, runs: Collection[str]) -> dict[str, str]:
        first: dict[CacheKey, str] = {}
        twins: dict[str, str] = {}
        for node_id, step in self._plan.steps.items():
            key = self._keys.get(node_id)
            if node_id in runs and key is not None and not step.type.output_node:
                leader = first.setdefault(key, node_id)
                if leader != node_id:
                    twins[node_id] = leader
        return twins

    def _add_keys(self, steps: Iterable[Step]) -> None:
        """Note the key each step's entry is kept under.

        That is the step's own, save for output nodes, which are effects: theirs also holds where they write, and which
        of several equal ones they are. The keys of their readers don't: where a picture was saved changes no result.
        """
        for step in steps:
            self._keys[step.node_id] = step.key
            if step.key is not None and step.type.output_node:
                effect = [step.key, self._effects, self._ordinals[step.key]]
                self._keys[step.node_id] = CacheKey(blake3(encode(effect)).hexdigest())
                self._ordinals[step.key] += 1

    def _refresh(self, steps: Iterable[Step], chosen: Collection[str]) -> None:
        """Have steps made again: the chosen ones, those that equal one, and the readers of all these."""
        keys = {self._keys.get(node_id) for node_id in chosen} - {None}
        for step in steps:  # sources first, so one pass does
            node_id, key = step.node_id, self._keys[step.node_id]
            sources = (source.node_id for source in step.links.values())
            if node_id in chosen or key in keys or not self._refreshed.isdisjoint(sources):
                self._refreshed.add(node_id)
                keys |= {key} - {None}


def _real_places(folders: Folders) -> tuple[str, str]:
    """Return where outputs and previews really go. To resolve a path asks the system about each of its parts."""
    output, temp = folders.output.resolve(), folders.temp
    if temp.parent == folders.output and not temp.is_symlink():
        return str(output), str(output / temp.name)
    return str(output), str(temp.resolve())


def _was_read(step: Step, name: str, entry: Entry) -> bool:
    """Whether an input went into an entry: a lazy one may not have been asked for."""
    return name not in step.lazy or name in entry.input_digests


def _files_unchanged(entry: Entry) -> bool:
    """Whether every file a step wrote is still there, as it was written."""
    try:
        return all(path_digest(file.path) == file.digest for file in entry.files)
    except OSError:
        return False
