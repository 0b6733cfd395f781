"""A plan as a tree of text: targets at the top, below each node what it reads, at the left when it would run
and whether it would.

A node that several others read is drawn once and referred to after that. So each link is drawn once, and a plan of
100,000 nodes takes as many lines. What lies deeper than a line is wide is drawn as a tree of its own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphrun.kernel.plan import Plan
from graphrun.outlook import Fate
from graphrun.sinks.wording import counted, one_line

_DEEPEST = 16
_ELSE: dict[Fate, str] = {"hit": "in the cache", "perhaps": "perhaps in the cache", "spared": "spared"}


@dataclass(frozen=True, slots=True)
class _Branch:
    """A link to draw: the node it leads to, the text left of it, and that left of what is below it."""

    node_id: str
    input: str
    before: str
    below: str
    depth: int


def tree_lines(plan: Plan, fates: Mapping[str, Fate]) -> Iterator[str]:
    """Yield the lines of the tree."""
    yield _heading(Counter(fates.values()))
    fate_width = max(map(len, fates.values()), default=0)
    width = len(str(len(plan.steps))) + 2
    order = {node_id: str(number).rjust(width) for number, node_id in enumerate(plan.steps, start=1)}
    roots = deque(plan.targets)
    drawn: set[str] = set()
    while roots:
        root = roots.popleft()
        if root not in drawn:
            for branch, remark in _tree(plan, root, drawn, roots):
                label = one_line(plan.steps[branch.node_id].label)
                name = f"{one_line(branch.input)}: " if branch.input else ""
                fate = fates[branch.node_id].ljust(fate_width)
                yield f"{order[branch.node_id]}  {fate}  {branch.before}{name}{label}{remark}"


def _heading(count: Counter[Fate]) -> str:
    """Return how many nodes would run: ``2 of 5 nodes would run, …; 1 in the cache, 2 spared``."""
    others = ", ".join(f"{count[fate]} {words}" for fate, words in _ELSE.items() if count[fate])
    nodes = counted(count.total(), "node")
    if not others:
        return f"{nodes} would run, in the order of the numbers"
    if not count["run"]:
        return f"none of {nodes} would run: {others}"
    return f"{count['run']} of {nodes} would run, in the order of the numbers; {others}"


def _tree(plan: Plan, root: str, drawn: set[str], roots: deque[str]) -> Iterator[tuple[_Branch, str]]:
    """Yield the branches of one tree, each with a remark; add to ``roots`` what is drawn on its own."""
    pending = [_Branch(root, "", "", "", 0)]
    while pending:
        branch = pending.pop()
        if branch.node_id in drawn:
            yield branch, " (drawn above)"
        elif branch.depth == _DEEPEST and plan.steps[branch.node_id].links:
            roots.append(branch.node_id)
            yield branch, " (drawn below)"
        else:
            drawn.add(branch.node_id)
            yield branch, ""
            pending.extend(reversed(_branches(plan, branch)))


def _branches(plan: Plan, parent: _Branch) -> list[_Branch]:
    step = plan.steps[parent.node_id]
    last = len(step.links) - 1
    return [
        _Branch(
            source.node_id,
            f"{name} (if needed)" if name in step.lazy else name,
            f"{parent.below}{'└── ' if index == last else '├── '}",
            f"{parent.below}{'    ' if index == last else '│   '}",
            parent.depth + 1,
        )
        for index, (name, source) in enumerate(step.links.items())
    ]
