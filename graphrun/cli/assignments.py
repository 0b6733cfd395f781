"""``NODE.INPUT=VALUE`` from the command line → inputs of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from graphrun.errors import UsageError
from graphrun.handing_over import declared_input, value_of
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Workflow
from graphrun.masks import box_of
from graphrun.options import MaskSource


def split_assignment(text: str, option: str) -> tuple[str, str]:
    """Split at the first ``=``: values may hold more of them. Raises UsageError where there is none."""
    address, equals, value = text.partition("=")
    if not equals or "." not in address:
        raise UsageError(f"{option} {text!r}: write NODE.INPUT=VALUE, for example {option} {_example(option)}")
    return address, value


def files_of(assignments: Iterable[str]) -> dict[str, Path]:
    """Return the paths by ``NODE.INPUT``. Raises UsageError for what is no assignment."""
    # Shells leave the ~ in `--file 3.image=~/fox.png` alone.
    pairs = (split_assignment(text, "--file") for text in assignments)
    return {address: Path(path).expanduser() for address, path in pairs}


def masks_of(assignments: Iterable[str]) -> dict[str, list[MaskSource]]:
    """Return masks by node: boxes and paths, those of one node together. Raises UsageError for what is neither."""
    masks: dict[str, list[MaskSource]] = {}
    for text in assignments:
        node, equals, value = text.partition("=")
        if not (node and equals and value):
            raise UsageError(f"--mask {text!r}: write NODE=PATH or NODE=x,y,w,h, for example --mask 3=100,100,400,300")
        box = box_of(value, f"--mask {text}: a box is x,y,w,h")
        masks.setdefault(node, []).append(box or Path(value).expanduser())
    return masks


def with_assignments(workflow: Workflow, assignments: Iterable[str], types: Mapping[str, NodeType]) -> Workflow:
    """Return the workflow with inputs set, one after the other: a choice may bring the inputs that are set next.

    Raises UsageError for what is no assignment, or names no node.
    """
    for text in assignments:
        name, value = split_assignment(text, "--set")
        address = workflow.address(name)
        declared = declared_input(workflow, address.node_id, address.input, types)
        workflow = workflow.with_inputs({f"{address.node_id}.{address.input}": value_of(value, declared)})
    return workflow


def _example(option: str) -> str:
    return "3.image=photo.png" if option == "--file" else "'10.prompt=a red fox'"
