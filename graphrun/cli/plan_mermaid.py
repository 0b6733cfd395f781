"""A plan as a Mermaid flowchart, for documents and pull requests: what runs, and dashed what could not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphrun.kernel.plan import Plan
from graphrun.sinks.wording import one_line

# All other characters are written as entities: quotes end a label, and Mermaid reads markdown and HTML inside it.
_UNSAFE = re.compile(r"[^\w ()/.,:;?!=+…-]")


def mermaid_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of the flowchart. Nodes are named n1, n2 … in the order they would run: ids may be anything."""
    names = {node_id: f"n{number}" for number, node_id in enumerate(plan.steps, start=1)}
    yield "flowchart LR"
    for node_id, step in plan.steps.items():
        shape = ("([", "])") if node_id in plan.targets else ("[", "]")
        yield f'  {names[node_id]}{shape[0]}"{_escaped(step.label)}"{shape[1]}'
    for node_id, step in plan.steps.items():
        for name, source in step.links.items():
            arrow = "-.->" if name in step.lazy else "-->"
            yield f'  {names[source.node_id]} {arrow}|"{_escaped(name)}"| {names[node_id]}'
    for number, sentence in enumerate(plan.refused.values(), start=1):
        yield f'  refused{number}["{_escaped(sentence)}"]:::refused'
    if plan.refused:
        yield "  classDef refused stroke-dasharray: 4"


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", one_line(text))
