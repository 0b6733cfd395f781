"""What keeping a result and getting it back costs: memory, disk, and the bare file that a disk tier can't beat."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import perf_counter

from graphrun.cache import DiskStore, MemoryStore
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import CacheStore, Entry

SIDE = 1024
FEW = 5  # rounds, where one takes milliseconds
LOOKUPS = 10_000
ENTRY = Entry("Bench", slot_digests=("0" * 64,), parts={"literal seed": "7"})


def microseconds(work: Callable[[int], object], rounds: int) -> float:
    """Return µs a call, the best of three times ``rounds`` calls; each call has a number of its own."""
    numbers = count()

    def once() -> float:
        start = perf_counter()
        for _ in range(rounds):
            work(next(numbers))
        return perf_counter() - start

    return min(once() for _ in range(3)) / rounds * 1e6


def subjects() -> dict[str, tuple[Callable[[int], Values], bytes, int]]:
    """Return makers of values that differ with the number, the same content as bare bytes, and rounds."""
    import numpy as np
    import torch

    from graphrun.imaging import Pictures, unit_floats

    def batch(pictures: torch.Tensor) -> list[torch.Tensor]:
        return [pictures.roll(number, 1) for number in range(3 * FEW)]  # made before the clock runs

    dice = np.random.default_rng(7)
    pixels = dice.integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    noise = torch.rand(1, SIDE, SIDE, 3)
    images, noises = batch(torch.from_numpy(unit_floats(pixels))), batch(noise)
    file = pixels.tobytes()[: SIDE * SIDE]  # an encoded photograph takes about a byte a pixel

    return {
        "scalar": (lambda number: [number], b"7", 500),
        "picture as a file": (lambda number: [Pictures.from_files([b"%d" % number + file])], file, FEW),
        "picture, 8-bit tensor": (lambda number: [images[number]], pixels.tobytes(), FEW),
        "picture, float tensor": (lambda number: [noises[number]], noise.numpy().tobytes(), FEW),
    }


def key(number: int) -> CacheKey:
    """Return a key as long as real ones."""
    return CacheKey(f"{number:064x}")


def costs(store: CacheStore, values: Callable[[int], Values], rounds: int) -> tuple[float, float]:
    """Return µs of a put and of a load."""
    putting = microseconds(lambda number: store.put(key(number), ENTRY, [values(number)]), rounds)
    return putting, microseconds(lambda number: store.load(key(number)), rounds)


def bare_costs(folder: Path, content: bytes, rounds: int) -> tuple[float, float]:
    """Return µs of writing the content to a file of its own, and of reading it."""
    writing = microseconds(lambda number: (folder / str(number)).write_bytes(content), rounds)
    return writing, microseconds(lambda number: (folder / str(number)).read_bytes(), rounds)


def report() -> None:
    """Print µs to store and to load, with ratios to a bare file; and µs to find one of many keys."""
    print(f"\nCache, {SIDE}² pictures: µs, and ratio to a bare file of the same bytes")  # noqa: T201
    columns = ("memory", "disk", "bare file", "disk/bare")
    print(f"{'':>22} {'':>6} " + " ".join(f"{name:>10}" for name in columns))  # noqa: T201
    for label, (values, content, rounds) in subjects().items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            disk = DiskStore(folder / "cache")
            rows = [costs(MemoryStore(2**30), values, rounds), costs(disk, values, rounds)]
            rows.append(bare_costs(folder, content, rounds))
            disk.close()
        for step, (memory, stored, bare) in zip(("store", "load"), zip(*rows, strict=True), strict=True):
            print(f"{label:>22} {step:>6} {memory:>10.1f} {stored:>10.1f} {bare:>10.1f} {stored / bare:>10.1f}")  # noqa: T201
    _report_finding()


def _report_finding() -> None:
    with tempfile.TemporaryDirectory() as name:
        disk, memory = DiskStore(Path(name)), MemoryStore(2**30)
        for number in range(LOOKUPS):
            disk.put(key(number), ENTRY, [[number]])
            memory.put(key(number), ENTRY, [[number]])
        rounds = LOOKUPS // 3
        found = [microseconds(lambda number, each=each: each.find(key(number)), rounds) for each in (memory, disk)]
        missed = [
            microseconds(lambda number, each=each: each.find(key(LOOKUPS + number)), rounds) for each in (memory, disk)
        ]
        disk.close()
    print(f"{f'one of {LOOKUPS} keys':>22} {'find':>6} {found[0]:>10.2f} {found[1]:>10.2f}")  # noqa: T201
    print(f"{'':>22} {'miss':>6} {missed[0]:>10.2f} {missed[1]:>10.2f}")  # noqa: T201
