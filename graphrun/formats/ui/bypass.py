"""Which input of a bypassed node stands in for one of its outputs (workflow-formats.md, 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from graphrun.formats.ui.definitions import AUTOGROW, ClassDefinition, growing_name
from graphrun.formats.ui.document import Graph, UiInput, UiNode
from graphrun.formats.ui.lenient import ANY
from graphrun.formats.ui.positions import is_widget


def stand_in(slots: Sequence[UiInput], output: int, given: str, wanted: str) -> UiInput | None:
    """Return the input that is passed on in place of output number ``output``, linked or not; None: nothing is.

    ``given`` is the type of that output, ``wanted`` that of the input in which the connection ends.
    """
    same = slots[output] if 0 <= output < len(slots) else None
    if _is_any(wanted):
        return same or (slots[0] if slots else None)
    if same is not None and compatible(same.type, given) and compatible(same.type, wanted):
        return same
    exact = (slot for slot in slots if slot.type == wanted)
    fitting = (slot for slot in slots if compatible(slot.type, given) and compatible(slot.type, wanted))
    return next(exact, None) or next(fitting, None)


def compatible(one: str, other: str) -> bool:
    """Return whether two slot types may be joined: either is any, or they share a member, in any case of letters."""
    if _is_any(one) or _is_any(other):
        return True
    return bool(_members(one) & _members(other))


def node_slots(node: UiNode, definition: ClassDefinition | None) -> tuple[UiInput, ...]:
    """Return a node's inputs as the editor numbers them: sockets first, then the inputs of widgets.

    A file lists only some of the latter, so the class decides; without a definition the file's own list must do.
    """
    if definition is None:
        return node.inputs
    listed = {slot.name: slot for slot in reversed(node.inputs)}
    sockets: list[UiInput] = []
    widgets: list[UiInput] = []
    for spec in definition.inputs:
        found = listed.pop(spec.name, None) or UiInput(spec.name, spec.type)
        members = [slot for slot in node.inputs if growing_name(spec, slot.name)]
        if is_widget(spec):
            widgets.append(found)
        elif spec.type != AUTOGROW:
            sockets.append(found)
        for slot in members:
            listed.pop(slot.name, None)
            (sockets if slot.widget is None else widgets).append(slot)
    return (*sockets, *widgets, *(slot for slot in node.inputs if slot.name in listed))


def host_slots(node: UiNode, graph: Graph) -> tuple[UiInput, ...]:
    """Return a host's inputs as its definition has them; the file leaves out promoted widgets that aren't linked."""
    listed = {slot.name: slot for slot in reversed(node.inputs)}
    return tuple(listed.get(border.name) or UiInput(border.name, border.type) for border in graph.inputs)


def _is_any(type: str) -> bool:
    return type in (ANY, "", "0", "-1")


def _members(type: str) -> set[str]:
    return {part.strip().lower() for part in type.split(",")}
