"""Kills writers of a disk store at random moments and looks at what they leave. Run as a script; prints JSON.

Writers are forked from this process, which has imported everything, so that a kill costs milliseconds and may hit any
moment: making the folder, making the index, writing a blob, committing, evicting, sweeping.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from graphrun.cache import DiskStore
from graphrun.imaging import Pictures
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.store import Entry

KEYS = 12
BOUND = 60_000  # bytes: about half of what all keys would take
KILLS_PER_FOLDER = 20


def key_of(number: int) -> CacheKey:
    """Return one of the few keys over which the writers quarrel."""
    return CacheKey(f"{number:064x}")


def values_of(number: int, generation: int) -> list[list[object]]:
    """Return values of which every part tells the number and the generation; some blobs are shared between keys."""
    alone = b"%d %d " % (number, generation) * (500 + 100 * number)
    shared = b"%d " % (generation % 3) * 1000
    return [[number, generation], [Pictures.from_files([alone, shared])], [f"{number} {generation}" * 300]]


def fault(store: DiskStore, number: int) -> str | None:
    """Return what is wrong with what a store says of a key; a miss is right."""
    entry, values = store.find(key_of(number)), store.load(key_of(number))
    if entry is not None and entry.parts.get("number") != str(number):
        return f"key {number} has the entry {entry}"
    if values is None:
        return None
    expected = values_of(number, values[0][1])  # type: ignore[arg-type]
    pictures, wanted = values[1][0], expected[1][0]
    assert isinstance(pictures, Pictures)
    assert isinstance(wanted, Pictures)
    same = [values[0], pictures.files, values[2]] == [expected[0], wanted.files, expected[2]]
    return None if same else f"key {number} has values of {values[0]} mixed with others"


def write_for_ever(folder: Path) -> None:
    """Put, read and evict until killed; faults and warnings go to a file of their own."""

    def report(message: str) -> None:
        (folder.parent / f"fault-{os.getpid()}").write_text(message)

    random.seed()
    store = DiskStore(folder, BOUND, warn=report)
    while True:
        number, generation = random.randrange(KEYS), random.randrange(1000)
        store.put(key_of(number), Entry("Crash", parts={"number": str(number)}), values_of(number, generation))
        if message := fault(store, random.randrange(KEYS)):
            report(message)


def kill_two_writers(folder: Path) -> None:
    """Let two writers loose on a folder and kill both after some random milliseconds."""
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                write_for_ever(folder)
            finally:
                os._exit(1)
        children.append(child)
    time.sleep(random.uniform(0.001, 0.04))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def examine(folder: Path, tally: Counter[str]) -> list[str]:
    """Look up every key in what the killed ones left, then put and read one anew."""
    faults: list[str] = []
    store = DiskStore(folder, BOUND, warn=faults.append)
    for number in range(KEYS):
        problem = fault(store, number)
        tally["hits" if store.find(key_of(number)) else "misses"] += 1
        faults += [problem] if problem else []
    if not store.put(key_of(0), Entry("Crash", parts={"number": "0"}), values_of(0, 0)) or fault(store, 0):
        faults.append("the store can't be used any more")
    if store.stats().bytes > BOUND:
        faults.append(f"{store.stats().bytes} bytes are over the bound")
    store.close()
    return faults


def orphans(folder: Path) -> tuple[int, list[str]]:
    """Return how many half-written files there were, and the names of what is left when all has been pruned."""
    store = DiskStore(folder, BOUND)
    before = len(list(folder.rglob("*.part")))
    long_ago = time.time() - 3600
    for part in folder.rglob("*.part"):
        os.utime(part, (long_ago, long_ago))
    store.prune()
    store.prune(0)
    left = [path.name for path in folder.rglob("*") if path.is_file() and "index" not in path.name]
    store.close()
    # An empty lock file may stay where the maker of the index was killed; whoever next wants it removes it.
    return before, [name for name in left if name != "opening.lock"]


def main(folder: Path, kills: int) -> None:
    """Print a tally of ``kills`` runs, each with two writers."""
    tally: Counter[str] = Counter()
    faults: list[str] = []
    for kill in range(kills):
        store = folder / str(kill // KILLS_PER_FOLDER)
        kill_two_writers(store)
        if (kill + 1) % 5 == 0 or kill + 1 == kills:
            faults += examine(store, tally)
        if (kill + 1) % KILLS_PER_FOLDER == 0 or kill + 1 == kills:
            before, after = orphans(store)
            tally["parts left by the killed"] += before
            faults += [f"{name} is left over" for name in after]
    faults += [path.read_text() for path in folder.glob("fault-*")]
    print(json.dumps({"kills": kills, **tally, "faults": faults}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
