"""Writes values into a copy of the editor's document, where its widgets keep them.

The conversion alone knows which saved value feeds which input, and it is asked: a place is the right one if writing
there changes the inputs that were to be changed, as they were to be changed, and nothing else at all. So widgets that
share a value, hosts' promoted ones and whatever older editors did are right, or found to be impossible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from graphrun.errors import FileFormatError
from graphrun.formats.ui.convert import Conversion, convert
from graphrun.formats.ui.definitions import Definitions
from graphrun.formats.ui.lenient import as_list, as_mapping, identity
from graphrun.formats.ui.virtual import PRIMITIVE
from graphrun.kernel.node_types import MISSING
from graphrun.kernel.workflow import Address

_MOST_TRIES = 40
"""How many places are tried for one value: more than one node's widgets, and the hosts' around it, mostly are."""

_FILLED_IN = "filename_prefix"
"""The one input whose text the editor makes of other widgets; no picture depends on it (workflow-formats.md, 3.7)."""

_Path = tuple[str | int, ...]
_Writing = tuple[_Path, ...]
"""Where one value is kept: by position, by name, or both."""


def with_values(
    document: Mapping[str, object], values: Mapping[Address, object], definitions: Definitions, now: datetime
) -> Mapping[str, object] | None:
    """Return the document with the values of inputs changed, or None where it can't hold one of them.

    ``now`` is when the run began; see `convert`.
    """
    if not all(_is_literal(value) for value in values.values()):
        return None
    try:
        return _updated(document, values, definitions, now)
    except FileFormatError:  # no document that can be read
        return None


def _updated(
    document: Mapping[str, object], values: Mapping[Address, object], definitions: Definitions, now: datetime
) -> Mapping[str, object] | None:
    before = convert(document, definitions, now)
    for address, value in values.items():
        old = _value(before, address)
        if _same(old, value):
            continue
        for writing in islice(_places(document, address, old), _MOST_TRIES):
            candidate = _written(document, writing, value)
            after = convert(candidate, definitions, now)
            if _same(_value(after, address), value) and _is_expected(before, after, values):
                document, before = candidate, after
                break
        else:
            return None
    return document


def _is_literal(value: object) -> bool:
    return isinstance(value, str | int | float | list | dict)


def _value(made: Conversion, address: Address) -> object:
    node = made.nodes.get(address.node_id)
    return node.inputs.get(address.input, MISSING) if node else MISSING


def _same(one: object, other: object) -> bool:
    """By type too, save that a whole number will do for a FLOAT."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _is_expected(before: Conversion, after: Conversion, values: Mapping[Address, object]) -> bool:
    """Return whether a conversion differs from an earlier one only in inputs that got their new values."""
    said = (before.problems, before.warnings, before.controls) == (after.problems, after.warnings, after.controls)
    if not said or before.nodes.keys() != after.nodes.keys():
        return False
    for node_id, node in after.nodes.items():
        was = before.nodes[node_id].inputs
        for name in was.keys() | node.inputs.keys():
            now, wanted = node.inputs.get(name, MISSING), values.get(Address(node_id, name), MISSING)
            if _same(was.get(name, MISSING), now) or _same(wanted, now):
                continue
            if name != _FILLED_IN or wanted is not MISSING:  # %Node.seed% in a file's name may well follow the seed
                return False
    return True


def _places(document: Mapping[str, object], address: Address, old: object) -> Iterator[_Writing]:
    """Yield where the value of an input may be kept, the likeliest first."""
    ids = address.node_id.split(":")
    nodes = [(path, as_mapping(node), identity(as_mapping(node).get("id"))) for path, node in _nodes(document)]
    own = [(path, node) for path, node, id in nodes if id == ids[-1]]
    hosts = [(path, node) for path, node, id in nodes if id in ids[:-1]]
    copied = [(path, node) for path, node, _ in nodes if node.get("type") == PRIMITIVE]
    for path, node in (*own, *hosts, *copied):
        yield from _kept(path, node, address.input, lambda value: _same(value, old))
    for path, node in own:  # what was changed on its way, such as a date in a file's name, is of one type at least
        yield from _kept(path, node, address.input, lambda value: type(value) is type(old) and not _same(value, old))


def _nodes(document: Mapping[str, object]) -> Iterator[tuple[_Path, object]]:
    for index, node in enumerate(as_list(document.get("nodes"))):
        yield ("nodes", index), node
    subgraphs = as_list(as_mapping(document.get("definitions")).get("subgraphs"))
    for number, graph in enumerate(subgraphs):
        for index, node in enumerate(as_list(as_mapping(graph).get("nodes"))):
            yield ("definitions", "subgraphs", number, "nodes", index), node


def _kept(path: _Path, node: Mapping[str, object], name: str, fits: Callable[[object], bool]) -> Iterator[_Writing]:
    """Yield where a node keeps a value that fits: by position, and by name where it is saved so too."""
    stored = node.get("widgets_values")
    by_name: list[_Writing] = [
        *(((*path, "widgets_values_named", key),) for key in _keys(node.get("widgets_values_named"), name, fits)),
        *(((*path, "widgets_values", key),) for key in _keys(stored, name, fits)),
    ]
    for index, value in enumerate(stored if isinstance(stored, list) else ()):
        if fits(value):
            here: _Writing = ((*path, "widgets_values", index),)
            yield from (here + both for both in by_name)
            yield here
    yield from by_name


def _keys(named: object, name: str, fits: Callable[[object], bool]) -> list[str]:
    """Return the keys that may be meant, the input's own name first: some editors named a widget otherwise."""
    found = [key for key, value in as_mapping(named).items() if key == name or fits(value)]
    return sorted(found, key=lambda key: key != name)


def _written(document: Mapping[str, object], writing: _Writing, value: object) -> Mapping[str, object]:
    """Return a copy with a value in its places; what doesn't lead there is shared."""
    copy: dict[str, Any] = dict(document)
    for path in writing:
        inside: Any = copy
        for step in path[:-1]:
            inside[step] = inside[step].copy()
            inside = inside[step]
        inside[path[-1]] = value
    return copy
