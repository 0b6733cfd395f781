"""What of a workflow can be written without a guess: a Misread only where it would be misread just the same again."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import replace

from graphrun.errors import Problem
from graphrun.formats.document import Dialect
from graphrun.formats.values import TooDeepError
from graphrun.kernel.workflow import Misread, Workflow


def certain_part(workflow: Workflow, dialect: Dialect) -> tuple[Workflow, tuple[Problem, ...]]:
    """Return the workflow without the inputs that this form can't hold, and a problem for every Misread there was."""
    nodes, problems = dict(workflow.nodes), list(workflow.problems)
    for node_id, node in workflow.nodes.items():
        misread = {name: value for name, value in node.inputs.items() if isinstance(value, Misread)}
        lost = {name for name, value in misread.items() if not _holds(dialect, value, nodes)}
        problems += [
            Problem(
                value.type,
                f"{value.message}{'; left out' * (name in lost)}",
                node_id,
                node.class_type,
                node.title,
                name,
            )
            for name, value in misread.items()
        ]
        if lost:
            kept = {name: value for name, value in node.inputs.items() if name not in lost}
            nodes[node_id] = replace(node, inputs=kept)
    return replace(workflow, nodes=nodes, problems=tuple(problems)), tuple(problems)


def _holds(dialect: Dialect, misread: Misread, ids: Container[str]) -> bool:
    """Return whether what was misread is misread again when it is written as it was. NaN would become null."""
    try:
        json.dumps(misread.value, allow_nan=False)
        return dialect.read_value(misread.value, ids) == misread
    except (ValueError, TypeError, RecursionError, TooDeepError):
        return False
