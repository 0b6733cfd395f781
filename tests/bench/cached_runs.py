"""What a run costs that finds everything: chains of trivial nodes beside the first run, a picture beside an import."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from graphrun import Engine, NodePack, Settings, Workflow
from graphrun.kernel.workflow import Link, Node

SIZES = (100, 1_000, 10_000)
ROUNDS = 5
INPAINT = Path(__file__).parents[2] / "workflows" / "inpaint.yaml"


def pack_of(*, kept_on_disk: bool) -> NodePack:
    """Return a pack of two trivial nodes. Kept on disk are paid results, however quick."""
    pack = NodePack("bench", versioned=True)

    @pack.node("Add", cheap=not kept_on_disk, api_node=kept_on_disk)
    def add(value: int) -> int:
        return value + 1

    @pack.node("End", cheap=not kept_on_disk, api_node=kept_on_disk, output_node=True)
    def end(value: int) -> int:
        return value + 1

    return pack


def chain(size: int) -> Workflow:
    """Return 0 → 1 → 2 → …"""
    nodes = {"0": Node("Add", {"value": 0})}
    nodes |= {str(i): Node("Add" if i < size - 1 else "End", {"value": Link(str(i - 1))}) for i in range(1, size)}
    return Workflow(nodes)


def changed_at_the_end(size: int) -> Workflow:
    """Return the chain with a new output at its last but one node: everything is looked at, one step runs."""
    workflow = chain(size)
    return Workflow({**workflow.nodes, "new": Node("Add", {"value": Link(str(size - 2))})}, targets=("new",))


async def seconds(engine: Engine, workflow: Workflow) -> float:
    """Return how long a run takes, planning included."""
    start = perf_counter()
    assert (await engine.run(workflow)).ok
    return perf_counter() - start


async def in_one_engine(folder: Path, size: int) -> dict[str, float]:
    """Run a chain cold, again, and with a change at its end, in memory; and without a cache."""
    settings = Settings(cache_dir=folder, memory_bytes=10**9)
    async with Engine(settings, packs=[pack_of(kept_on_disk=False)]) as engine:
        start = perf_counter()
        assert (await engine.run(chain(size), cache="off")).ok
        off = perf_counter() - start
        cold = await seconds(engine, chain(size))
        again = min([await seconds(engine, chain(size)) for _ in range(3)])
        changed = await seconds(engine, changed_at_the_end(size))
    return {"no cache": off, "cold": cold, "again": again, "changed end": changed}


async def from_disk(folder: Path, size: int) -> dict[str, float]:
    """Run a chain whose results are kept on disk, and again in a new engine; then with its last step evicted."""
    taken = []
    for workflow in (chain(size), chain(size), changed_at_the_end(size)):
        async with Engine(Settings(cache_dir=folder), packs=[pack_of(kept_on_disk=True)]) as engine:
            taken.append(await seconds(engine, workflow))
    return dict(zip(("disk cold", "disk again", "disk changed end"), taken, strict=True))


def fresh(command: list[str], environ: Mapping[str, str]) -> float:
    """Return how long a process takes, the best of several."""

    def once() -> float:
        start = perf_counter()
        subprocess.run(command, env=environ, check=True, capture_output=True)
        return perf_counter() - start

    return min(once() for _ in range(ROUNDS))


def report() -> None:
    """Print seconds for chains, with ratios to the first run, and for fresh processes."""
    print("\nChains of trivial nodes, planned and run: ms (ratio to cold)")  # noqa: T201
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            rows = asyncio.run(in_one_engine(Path(name) / "memory", size))
            rows |= asyncio.run(from_disk(Path(name) / "disk", size))
        print(f"{size:>8} nodes")  # noqa: T201
        for label, taken in rows.items():
            cold = rows["disk cold" if label.startswith("disk") else "cold"]
            print(f"{label:>26} {taken * 1e3:>9.1f} {taken / cold:>6.2f}")  # noqa: T201
    _report_processes()


def _report_processes() -> None:
    with tempfile.TemporaryDirectory() as name:
        environ = {**os.environ, "GRAPHRUN_CACHE_DIR": f"{name}/cache", "GRAPHRUN_OUTPUT_DIR": f"{name}/output"}
        run = [sys.executable, "-m", "graphrun", "run", str(INPAINT), "--provider", "offline", "--quiet"]
        start = perf_counter()
        subprocess.run(run, env=environ, check=True, capture_output=True)
        cold = perf_counter() - start
        rows = {
            "inpaint, first run": cold,
            "inpaint, all cached": fresh(run, environ),
            "python -c 'import torch'": fresh([sys.executable, "-c", "import torch"], environ),
            "python -c pass": fresh([sys.executable, "-c", "pass"], environ),
        }
    torch = rows["python -c 'import torch'"]
    print(f"\nFresh processes: seconds (best of {ROUNDS}), ratio to importing torch")  # noqa: T201
    for label, taken in rows.items():
        print(f"{label:>26} {taken:>7.2f} {taken / torch:>7.2f}")  # noqa: T201
