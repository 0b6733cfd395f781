"""Whether a prompt and an editor's document are the same graph, told without knowing any class. Pure.

Publishers replace the document of a finished picture and leave its prompt (workflow-formats.md, 4.6). Which widget a
stored value belongs to, only the class knows; but the values of a prompt stand in the order of the widgets. So a
node agrees where its literals are found among its stored values in their order, and its links come from the same place.
Where this is too little to tell (subgraphs), the two count as different: then the author's document decides.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from graphrun.formats.api import is_node

_EDITOR_ONLY = ("Note", "MarkdownNote", "Reroute", "PrimitiveNode", "SetNode", "GetNode")
_MUTED, _BYPASSED = 2, 4

_LEAKED = ("audioUI", "video-preview", "preview", "refresh", "upload", "$$node-text-preview", "speak_and_recognation")
"""Inputs that old clients made of buttons and previews (workflow-formats.md, 6); no class knows them."""

_Source = tuple[str, int]
"""A node's id and the number of one of its outputs."""


def difference(prompt: Mapping[str, Any], editor: Mapping[str, Any]) -> str | None:
    """Return the first place where an API graph and an editor's document differ, as a person says it, or None."""
    drawn = {str(node.get("id")): node for node in reversed(_objects(editor.get("nodes")))}
    real = {node_id: node for node_id, node in drawn.items() if _is_real(node)}
    written = {node_id: node for node_id, node in prompt.items() if is_node(node)}
    alone = [*(node_id for node_id in written if node_id not in real), *(id for id in real if id not in written)]
    if alone:
        return f"node {alone[0]} is in one of them only"
    links = dict(_links(editor.get("links")))
    for node_id, node in written.items():
        place = _node_difference(node, real[node_id], links, real)
        if place:
            return f"{place} of node {node_id} differs" if place != "class" else f"node {node_id} has another class"
    return None


def _objects(listed: object) -> list[Mapping[str, Any]]:
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


def _is_real(node: Mapping[str, Any]) -> bool:
    return node.get("type") not in _EDITOR_ONLY and node.get("mode") not in (_MUTED, _BYPASSED)


def _links(listed: object) -> Iterator[tuple[object, _Source]]:
    """Yield (link id, source) of links in either form: ``[id, source, slot, …]`` or an object."""
    for link in listed if isinstance(listed, list) else []:
        match link:
            case [int() | str() as link_id, int() | str() as source, int() as slot, *_]:
                yield link_id, (str(source), slot)
            case {"id": int() | str() as link_id, "origin_id": source, "origin_slot": int() as slot}:
                yield link_id, (str(source), slot)


def _node_difference(
    node: Mapping[str, Any], drawn: Mapping[str, Any], links: Mapping[object, _Source], real: Container[str]
) -> str | None:
    """Return the name of the input that differs, ``class``, or None."""
    if node.get("class_type") != drawn.get("type"):
        return "class"
    given = node.get("inputs")
    inputs: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    sources = {str(slot.get("name")): _source(slot.get("link"), links) for slot in _objects(drawn.get("inputs"))}
    linked = {name: source for name, source in sources.items() if source}
    written = {name: (value[0], value[1]) for name, value in inputs.items() if _is_link(value)}
    for name, source in linked.items():
        # What comes through a node of the editor, or one that is bypassed, is followed by the conversion only.
        if source[0] in real and written.get(name) != source:
            return f"input {name!r}"
    stray = next((name for name in written if name not in linked), None)
    if stray is not None:
        return f"input {stray!r}"
    literals = {name: value for name, value in inputs.items() if name not in linked and name not in _LEAKED}
    return _literal_difference(literals, drawn.get("widgets_values"))


def _source(link: object, links: Mapping[object, _Source]) -> _Source | None:
    return links.get(link) if isinstance(link, int | str) else None


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def _literal_difference(literals: Mapping[str, object], stored: object) -> str | None:
    if isinstance(stored, Mapping):
        names = (name for name, value in literals.items() if name in stored and not _equal(stored[name], value))
        return next((f"input {name!r}" for name in names), None)
    values = iter(stored if isinstance(stored, list) else [])
    for name, value in literals.items():
        if not any(_equal(candidate, value) for candidate in values):
            return f"input {name!r}"
    return None


def _equal(stored: object, literal: object) -> bool:
    """Numbers by value; the server turns values into the type of their input, in place (workflow-formats.md, 1.2)."""
    if isinstance(literal, Mapping) and "__value__" in literal:
        literal = literal["__value__"]
    return stored == literal or str(stored) == str(literal)
