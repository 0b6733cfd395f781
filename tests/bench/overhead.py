"""What a trivial node costs: planned and run by graphrun, beside ordering alone and a bare loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from time import perf_counter

import networkx as nx

from graphrun.executors import InlineExecutor
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.execute import execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, make_plan
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.workflow import Link, Node, Workflow
from graphrun.packs import NodePack, Registry

SIZES = (1_000, 10_000, 100_000)

pack = NodePack("bench")


@pack.node("Add", cheap=True)
def add(value: int) -> int:
    """Add one."""
    return value + 1


@pack.node("End", cheap=True, output_node=True)
def end(value: int) -> int:
    """Add one, at the end of a chain or on every blade of a fan."""
    return value + 1


AROUND = Surroundings(Registry([pack]), Folders(Path(), Path(), Path()))


def chain(size: int) -> Workflow:
    """Return 0 → 1 → 2 → …"""
    nodes = {"0": Node("Add", {"value": 0})}
    nodes |= {str(i): Node("Add" if i < size - 1 else "End", {"value": Link(str(i - 1))}) for i in range(1, size)}
    return Workflow(nodes)


def fan(size: int) -> Workflow:
    """Return 0 → 1, 0 → 2, 0 → 3, …"""
    return Workflow(
        {"0": Node("Add", {"value": 0})} | {str(i): Node("End", {"value": Link("0")}) for i in range(1, size)}
    )


def edges(workflow: Workflow) -> dict[str, list[str]]:
    """Return what each node reads."""
    return {node_id: [link.node_id for _, link in node.links] for node_id, node in workflow.nodes.items()}


def per_node(work: Callable[[], object], size: int) -> float:
    """Return microseconds per node, the best of three."""

    def once() -> float:
        start = perf_counter()
        work()
        return perf_counter() - start

    return min(once() for _ in range(3)) / size * 1e6


def by_graphlib(reads: dict[str, list[str]]) -> None:
    """Order with the standard library."""
    list(TopologicalSorter(reads).static_order())


def by_networkx(reads: dict[str, list[str]]) -> None:
    """Build and order with networkx, ties by position, as a plan does."""
    position = {node_id: index for index, node_id in enumerate(reads)}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(reads)
    graph.add_edges_from((source, reader) for reader, sources in reads.items() for source in sources)
    list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))


def by_bare_loop(reads: dict[str, list[str]]) -> None:
    """Call the function on each node in the order they stand in, which happens to be right."""
    values: dict[str, int] = {}
    for node_id, sources in reads.items():
        values[node_id] = add(values[sources[0]] if sources else 0)


def run_plan(plan: Plan) -> None:
    """Run a plan without listeners."""
    asyncio.run(execute(plan, RunRequest(AROUND, InlineExecutor())))


def report() -> None:
    """Print µs per node, and the exponent of growth between the smallest and the largest graph."""
    print("\nOverhead per trivial node, µs")  # noqa: T201
    columns = ("nodes", "plan", "run", "networkx", "graphlib", "bare loop", "(plan+run)/networkx")
    for shape in (chain, fan):
        print(f"\n{shape.__name__:>6} " + " ".join(f"{name:>10}" for name in columns))  # noqa: T201
        totals = [_row(shape, size) for size in SIZES]
        growth = math.log(totals[-1] * SIZES[-1] / (totals[0] * SIZES[0])) / math.log(SIZES[-1] / SIZES[0])
        print(f"       growth exponent {growth:.2f} (aim: at most 1.1)")  # noqa: T201


def _row(shape: Callable[[int], Workflow], size: int) -> float:
    workflow = shape(size)
    reads = edges(workflow)
    plan = make_plan(workflow, AROUND)
    planning = per_node(lambda: make_plan(workflow, AROUND), size)
    running = per_node(lambda: run_plan(plan), size)
    ordering = per_node(lambda: by_networkx(reads), size)
    others = [per_node(lambda: by_graphlib(reads), size), per_node(lambda: by_bare_loop(reads), size)]
    cells = [f"{size:>10}", *(f"{cell:>10.2f}" for cell in (planning, running, ordering, *others))]
    print(f"{'':>6} {' '.join(cells)} {(planning + running) / ordering:>10.1f}")  # noqa: T201
    return planning + running
