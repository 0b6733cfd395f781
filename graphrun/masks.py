"""Gives the pictures that nodes load a mask of the caller's. White is what is to be changed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from graphrun.errors import PathError, PictureError, UsageError
from graphrun.imaging.masking import MaskChange, MaskPart
from graphrun.imaging.opening import upright_size
from graphrun.imaging.shapes import Rectangle, Size
from graphrun.kernel.folders import Folders
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import BoundFile, Node, Workflow
from graphrun.options import Box, MaskSource

_PICTURE = "image"
"""The input that names the picture, in every class that loads a mask beside it (image-mask-nodes.md, 2)."""

SECOND_NAME = "the node is given masks under two names: give them all under one, and they add up"


def picture_size(picture: BoundFile) -> Size:
    """Return the size of a picture turned upright, from its header. Raises OSError and PictureError."""
    return upright_size(picture.original())


def with_masks(
    workflow: Workflow,
    masks: Mapping[str, MaskSource | list[MaskSource]],
    types: Mapping[str, NodeType],
    folders: Folders,
    size_of: Callable[[BoundFile], Size] = picture_size,
) -> Workflow:
    """Return the workflow with masks in the alpha of the pictures that nodes load; their files stay as they are.

    A picture that isn't there is left for the plan to report. Raises UsageError where a node loads none, where a mask
    can't be read, and, from the headers alone, where it doesn't fit the picture. ``size_of`` raises as `picture_size`.
    """
    masked: set[str] = set()
    for name, given in masks.items():
        node_id = workflow.node_id(name)
        where = f"the mask of {workflow.label(node_id)}"
        if node_id in masked:
            raise UsageError(f"{where}: {SECOND_NAME}")
        masked.add(node_id)
        _check_node(workflow, node_id, where, types)
        change = MaskChange(tuple(_parts(given, where)))
        picture = _picture(workflow.nodes[node_id], folders)
        if picture is not None and _fits(change, picture, where, size_of):
            workflow = workflow.with_inputs({f"{node_id}.{_PICTURE}": replace(picture, change=change)})
    return workflow


def box_of(text: str, rule: str = "a box is x,y,w,h") -> Box | None:
    """Return the box that a text writes, None where it writes none: a path. UsageError, by the rule, for half a box."""
    if not re.fullmatch(r"[\d\s.,+-]*,[\d\s.,+-]*", text):
        return None
    x, y, width, height = numbers(text, 4, rule)
    return x, y, width, height


def numbers(text: str, count: int | None, rule: str) -> list[int]:
    """Return whole numbers between commas, ``count`` of them. Raises UsageError, which begins with ``rule``."""
    try:
        found = [int(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or (count is not None and len(found) != count):
        raise UsageError(f"{rule}, in whole pixels from the top left")
    return found


def check_loads_mask(workflow: Workflow, node_id: str, types: Mapping[str, NodeType]) -> None:
    """Raise UsageError where a node is none that loads a picture with a mask, naming those that are."""
    if not _loads_mask(workflow.nodes[node_id], types):
        able = [workflow.label(id) for id, node in workflow.nodes.items() if _loads_mask(node, types)]
        remedy = f"give it to {' or '.join(able)}" if able else "no node of this workflow does"
        raise UsageError(f"the mask of {workflow.label(node_id)}: the node loads no picture with a mask; {remedy}")


def _check_node(workflow: Workflow, node_id: str, where: str, types: Mapping[str, NodeType]) -> None:
    check_loads_mask(workflow, node_id, types)
    # LoadImageMask may take a colour for the mask; then an alpha would be read by nobody.
    channel = workflow.nodes[node_id].inputs.get("channel", "alpha")
    if channel != "alpha":
        raise UsageError(f"{where}: the node reads {channel!r}, not alpha: set {node_id}.channel=alpha")


def _loads_mask(node: Node, types: Mapping[str, NodeType]) -> bool:
    node_type = types.get(node.class_type)
    if node_type is None or all(output.type != "MASK" for output in node_type.outputs):
        return False
    return any(declared.name == _PICTURE and declared.widget.file for declared in node_type.inputs)


def _parts(given: MaskSource | list[MaskSource], where: str) -> Iterator[MaskPart]:
    sources = given if isinstance(given, list) else [given]
    if not sources:
        raise UsageError(f"{where}: give a mask picture, or a box x,y,width,height")
    for source in sources:
        yield _box(source, where) if isinstance(source, tuple) else _mask_picture(source, where)


def _box(source: Box, where: str) -> Rectangle:
    if len(source) != 4 or any(isinstance(each, bool) or not isinstance(each, int) for each in source):
        raise UsageError(f"{where}: {source!r} is no box: give x, y, width and height in whole pixels")
    return Rectangle(*source)


def _mask_picture(source: str | os.PathLike[str] | bytes, where: str) -> bytes:
    if isinstance(source, bytes):
        return source
    path = Path(source)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{where}: {path} can't be read: {error.strerror}") from None


def _picture(node: Node, folders: Folders) -> BoundFile | None:
    """Return the picture a node loads, under the name it was written with; None where there is none."""
    given = node.inputs.get(_PICTURE)
    if isinstance(given, BoundFile):
        return given
    try:
        return BoundFile(given, folders.find(given)) if isinstance(given, str) else None
    except PathError:
        return None


def _fits(change: MaskChange, picture: BoundFile, where: str, size_of: Callable[[BoundFile], Size]) -> bool:
    """Return whether the picture can be read at all: if not, the plan says so. Raises UsageError."""
    try:
        fault = change.fault(size_of(picture))
    except OSError:
        return False
    except PictureError as error:
        raise UsageError(f"{where}: {error}") from None
    if fault:
        raise UsageError(f"{where}: {fault}")
    return True
