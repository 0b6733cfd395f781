"""Node types that exist only in the editor, and what becomes of each (workflow-formats.md, 2.6)."""

from __future__ import annotations

import re
from enum import Enum

from graphrun.formats.ui.document import UiNode

PRIMITIVE = "PrimitiveNode"

_NOTES = {"Note", "MarkdownNote"}

# Their effect, the modes of other nodes, is stored in those nodes.
_BUTTONS = {
    "Node Collector (rgthree)",
    "Mute / Bypass Repeater (rgthree)",
    "Mute / Bypass Relay (rgthree)",
    "Fast Muter (rgthree)",
    "Fast Bypasser (rgthree)",
    "Fast Groups Muter (rgthree)",
    "Fast Groups Bypasser (rgthree)",
    "Fast Actions Button (rgthree)",
    "Random Unmuter (rgthree)",
    "Bookmark (rgthree)",
    "Label (rgthree)",
}

BROADCASTERS = {
    "Anything Everywhere",
    "Anything Everywhere3",
    "Anything Everywhere?",
    "Prompts Everywhere",
    "Seed Everywhere",
}

_REROUTES = {"Reroute", "Reroute (rgthree)", "ReroutePrimitive|pysssss"}

_SETTER = re.compile(r"(?:.*[^A-Za-z])?[sS]etNode")
_GETTER = re.compile(r"(?:.*[^A-Za-z])?[gG]etNode")


class Role(Enum):
    """What a node type is to the conversion."""

    REAL = "a class of its own"
    DROPPED = "text or a button"
    REROUTE = "passes on what feeds it"
    PRIMITIVE = "its value is copied into what it feeds"
    SETTER = "names what feeds it"
    GETTER = "gives what a setter of that name was fed"


def role_of(node: UiNode, *, defined: bool) -> Role:
    """Return a node's role. ``defined``: a definition is known for its type, so its name alone is no hint."""
    kind = node.type
    if kind == PRIMITIVE:
        return Role.PRIMITIVE
    if kind in _REROUTES:
        return Role.REROUTE
    if kind in _NOTES or kind in _BUTTONS or kind in BROADCASTERS:
        return Role.DROPPED
    if kind in ("SetNode", "GetNode") or not defined:
        if _SETTER.fullmatch(kind):
            return Role.SETTER
        if _GETTER.fullmatch(kind):
            return Role.GETTER
    if not defined and "reroute" in kind.lower() and len(node.inputs) == len(node.outputs) == 1:
        return Role.REROUTE
    return Role.REAL
