"""Shell completion: what of the workflow named on the line fits an option. It offers nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from graphrun.errors import GraphrunError
from graphrun.kernel.workflow import Workflow
from graphrun.loading import load


def complete_nodes(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids that fit what is typed, each with its node's label."""
    workflow = _workflow(context)
    return _fitting(((node_id, workflow.label(node_id)) for node_id in workflow.nodes), incomplete)


def complete_inputs(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return ``NODE.INPUT=`` for the inputs the file gives, each with its node's label."""
    workflow = _workflow(context)
    found = (
        (f"{node_id}.{name}=", workflow.label(node_id))
        for node_id, node in workflow.nodes.items()
        for name in node.inputs
    )
    return _fitting(found, incomplete)


def complete_classes(incomplete: str) -> list[tuple[str, str]]:
    """Return the installed node classes that fit what is typed, each with its display name."""
    from graphrun.packs import Registry, installed_packs

    try:
        types = Registry(installed_packs())
    except GraphrunError:
        return []
    return _fitting(((name, node_type.display_name) for name, node_type in types.items()), incomplete)


def _fitting(offers: Iterable[tuple[str, str]], incomplete: str) -> list[tuple[str, str]]:
    return [(value, help) for value, help in offers if value.startswith(incomplete)]


def _workflow(context: typer.Context) -> Workflow:
    """Return the workflow named on the line so far; an empty one where there is none to be read."""
    # Where an option still lacks its value, the parser leaves the arguments before it unassigned.
    for word in (context.params.get("file"), *context.args):
        if word and Path(word).is_file():
            try:
                return load(word)
            except GraphrunError:
                break
    return Workflow({})
