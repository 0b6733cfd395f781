"""A plan as a Mermaid flowchart, for documents and pull requests: what runs, in colour what the cache has, and dashed
what could not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from graphrun.kernel.plan import Plan
from graphrun.outlook import Fate
from graphrun.sinks.wording import one_line

# All other characters are written as entities: quotes end a label, and Mermaid reads markdown and HTML inside it.
_UNSAFE = re.compile(r"[^\w ()/.,:;?!=+…-]")

# Fill and text together, so that they are readable on a dark page too.
_STYLES = {
    "hit": "fill:#d3f0d9,color:#1b4525",
    "perhaps": "fill:#fdf0c4,color:#5a4600",
    "spared": "fill:#eeeeee,color:#777777",
    "refused": "stroke-dasharray: 4",
}


def mermaid_lines(plan: Plan, fates: Mapping[str, Fate]) -> Iterator[str]:
    """Yield the lines of the flowchart. Nodes are named n1, n2 … in the order they would run: ids may be anything."""
    names = {node_id: f"n{number}" for number, node_id in enumerate(plan.steps, start=1)}
    yield "flowchart LR"
    for node_id, step in plan.steps.items():
        shape = ("([", "])") if node_id in plan.targets else ("[", "]")
        yield f'  {names[node_id]}{shape[0]}"{_escaped(step.label)}"{shape[1]}{_class(fates[node_id])}'
    for node_id, step in plan.steps.items():
        for name, source in step.links.items():
            arrow = "-.->" if name in step.lazy else "-->"
            yield f'  {names[source.node_id]} {arrow}|"{_escaped(name)}"| {names[node_id]}'
    for number, sentence in enumerate(plan.refused.values(), start=1):
        yield f'  refused{number}["{_escaped(sentence)}"]:::refused'
    used = {*fates.values(), *(["refused"] if plan.refused else [])}
    yield from (f"  classDef {name} {style}" for name, style in _STYLES.items() if name in used)


def _class(fate: Fate) -> str:
    return f":::{fate}" if fate in _STYLES else ""


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", one_line(text))
