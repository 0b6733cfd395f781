"""What saved pictures carry: the graph as it ran, and the editor's document if it can say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from graphrun.formats import Definitions, dump_api, with_values
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.plan import Plan
from graphrun.kernel.workflow import Address, BoundFile, Link, Workflow


def metadata_of(plan: Plan, types: Mapping[str, NodeType], asked: Mapping[str, object]) -> dict[str, object]:
    """Return the texts of a saved picture, ``prompt`` first.

    The graph says what the nodes ask. Where a model map has something else asked, ``graphrun`` says that by node:
    ``asked``.

    ``workflow`` is the editor's document with the values that were set for this run in their widgets. Where that
    can't be done (a link, a value the file left out, one widget for two nodes of which one was set), the picture goes
    without: a document that makes another picture would be run in place of the graph that made this one.
    """
    ran = _as_it_ran(plan)
    carried = dict(ran.pnginfo)
    document = carried.get("workflow")
    if ran.by_hand and isinstance(document, Mapping):
        updated = with_values(document, dict(_set_by_hand(ran)), Definitions(types), datetime.now())
        carried = {**carried, "workflow": updated} if updated else _without_workflow(carried)
    return {"prompt": dump_api(ran), **carried, **({"graphrun": asked} if asked else {})}


def _without_workflow(carried: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in carried.items() if key != "workflow"}


def _as_it_ran(plan: Plan) -> Workflow:
    """Return the workflow with slots by number, as the API form needs them, and what was set by hand as it was read."""
    nodes = dict(plan.workflow.nodes)
    for node_id, step in plan.steps.items():
        node = nodes[node_id]
        known: dict[str, object] = {name: Link(source.node_id, source.slot) for name, source in step.links.items()}
        known |= {
            each: step.literals[each] for each in step.literals if Address(node_id, each) in plan.workflow.by_hand
        }
        differing = {name: value for name, value in known.items() if node.inputs.get(name) != value}
        if differing:
            nodes[node_id] = replace(node, inputs={**node.inputs, **differing})
    return replace(plan.workflow, nodes=nodes)


def _set_by_hand(workflow: Workflow) -> Iterator[tuple[Address, object]]:
    for address in sorted(workflow.by_hand, key=lambda each: (each.node_id, each.input)):
        value = workflow.nodes[address.node_id].inputs.get(address.input)
        yield address, value.name if isinstance(value, BoundFile) else value
