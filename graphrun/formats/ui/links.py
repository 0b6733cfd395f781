"""Where a link really comes from: through reroutes, borders, bypassed nodes and names (workflow-formats.md, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

from graphrun.errors import FileFormatError, Problem
from graphrun.formats.ui.bypass import host_slots, node_slots, stand_in
from graphrun.formats.ui.definitions import Definitions
from graphrun.formats.ui.document import BYPASS, INPUT_SIDE, NEVER, UiDocument, UiInput, UiNode
from graphrun.formats.ui.lenient import ANY, as_list
from graphrun.formats.ui.positions import control_of
from graphrun.formats.ui.scopes import Scope, is_host
from graphrun.formats.ui.virtual import Role, role_of
from graphrun.formats.ui.widgets import first_value
from graphrun.kernel.node_types import MISSING
from graphrun.kernel.workflow import Link

MAX_STEPS = 1_000_000
"""How many steps all links of a file may take together."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A link that ends in a value: a PrimitiveNode's, or what a host holds for a promoted widget.

    ``source`` says whose value it is: inputs with one source change together. ``mode`` is the control of a
    PrimitiveNode, which counts in place of the widget's own. ``replaces``: it wants ``%Node.widget%`` filled in.
    """

    value: object
    source: str
    is_primitive: bool = False
    mode: str | None = None
    replaces: bool = False


class UnresolvedError(Exception):
    """A link that leads nowhere certain. ``type`` is an error code."""

    def __init__(self, type: str, message: str) -> None:
        self.type = type
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Going back from an input slot."""

    scope: Scope
    node: UiNode
    slot: UiInput


@dataclass(frozen=True, slots=True)
class _Exit:
    """Coming upon an output slot."""

    scope: Scope
    id: str
    slot: int


_Step = _Entry | _Exit | Link | Literal | None


class LinkResolver:
    """Resolves the links of one document. Walks, never recurses; what it comes by twice is a cycle."""

    def __init__(self, document: UiDocument, definitions: Definitions) -> None:
        self._document = document
        self._definitions = definitions
        self._setters: dict[str, dict[str, UiNode]] = {}
        self._steps = 0

    def resolve(self, scope: Scope, node: UiNode, slot: UiInput) -> Link | Literal | None:
        """Return what feeds an input in the end; None where the connection vanishes. Raises UnresolvedError."""
        step: _Step = _Entry(scope, node, slot)
        seen: set[tuple[str, str, int]] = set()
        passed_by = False
        inner: Literal | None = None
        while isinstance(step, _Entry | _Exit):
            self._count_step()
            if isinstance(step, _Entry):
                step = _leave(step)
                continue
            at = (step.scope.path, step.id, step.slot)
            if at in seen:
                raise UnresolvedError(
                    "dependency_cycle", f"its link goes in a circle by way of {step.scope.path}{step.id}"
                )
            seen.add(at)
            if step.id == INPUT_SIDE:
                inner = _promoted(step.scope, step.slot) or inner
                step = _through_host(step.scope, step.slot, inner)
                continue
            inner = None
            found = step.scope.graph.nodes.get(step.id)
            step = self._arrive(step, slot.type)
            passed_by |= isinstance(step, _Entry) and found is not None and found.mode == BYPASS
        # The editor copies a PrimitiveNode's value along reroutes, not through a bypassed node.
        return None if isinstance(step, Literal) and step.is_primitive and passed_by else step

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise FileFormatError([Problem("too_large", f"following its links takes more than {MAX_STEPS} steps")])

    def _arrive(self, at: _Exit, wanted: str) -> _Step:
        node = at.scope.graph.nodes.get(at.id)
        if node is None:
            return None
        if at.id in at.scope.graph.repeated:
            raise UnresolvedError("duplicate_node_id", f"links to {at.id!r}, an id that several nodes have")
        role = role_of(node, defined=self._definitions.find(node.type) is not None)
        if role is Role.PRIMITIVE:
            return _primitive(at.scope, node)
        if node.mode == NEVER:
            return None
        if node.mode == BYPASS:
            return self._past(at, node, wanted)
        if is_host(node, self._document):
            return _into_host(at, node)
        return self._by_role(at, node, role)

    def _by_role(self, at: _Exit, node: UiNode, role: Role) -> _Step:
        match role:
            case Role.REAL:
                return Link(at.scope.id_of(node), at.slot)
            case Role.REROUTE:
                return _Entry(at.scope, node, node.inputs[at.slot]) if 0 <= at.slot < len(node.inputs) else None
            case Role.SETTER:
                return _Entry(at.scope, node, node.inputs[0]) if node.inputs else None
            case Role.GETTER:
                return self._to_setter(at.scope, node)
        return None

    def _past(self, at: _Exit, node: UiNode, wanted: str) -> _Step:
        """Go on at the input that stands in for a bypassed node's output."""
        definition = self._definitions.find(node.type)
        graph = self._document.subgraphs.get(node.type)
        slots = host_slots(node, graph) if graph is not None else node_slots(node, definition)
        types = node.outputs or (definition.outputs if definition else ())
        given = types[at.slot] if 0 <= at.slot < len(types) else ANY
        chosen = stand_in(slots, at.slot, given, wanted)
        return _Entry(at.scope, node, chosen) if chosen is not None else None

    def _to_setter(self, scope: Scope, getter: UiNode) -> _Step:
        """Go on at the setter of the same name: in this graph, else in those around it."""
        name = first_value(getter)
        for around in scope.outwards():
            setter = self._setters_in(around).get(name) if isinstance(name, str) else None
            if setter is not None:
                used = setter.inputs and setter.mode != NEVER
                return _Entry(around, setter, setter.inputs[0]) if used else None
        return None

    def _setters_in(self, scope: Scope) -> dict[str, UiNode]:
        if scope.path not in self._setters:
            found: dict[str, UiNode] = {}
            for node in scope.graph.nodes.values():
                name = first_value(node)
                defined = self._definitions.find(node.type) is not None
                if isinstance(name, str) and role_of(node, defined=defined) is Role.SETTER:
                    found.setdefault(name, node)
            self._setters[scope.path] = found
        return self._setters[scope.path]


def _leave(entry: _Entry) -> _Step:
    link = entry.scope.link_into(entry.slot, entry.node)
    return _Exit(entry.scope, link.origin, link.origin_slot) if link is not None else None


def _through_host(scope: Scope, index: int, value: Literal | None) -> _Step:
    """Go on outside, at the host's input; where that has no link, ``value`` stands: the promoted one, if there is one.

    A host without a value of its own means "no override", so that of the host inside it counts (2.4).
    """
    if scope.parent is None or scope.host is None:
        return None
    slot = scope.host_slot(index)
    if slot is not None and scope.parent.link_into(slot, scope.host) is not None:
        return _Entry(scope.parent, scope.host, slot)
    return value


def _promoted(scope: Scope, index: int) -> Literal | None:
    """Return the value a host holds for an input of its graph."""
    if not 0 <= index < len(scope.graph.inputs):
        return None
    value = scope.values.promoted.get(scope.graph.inputs[index].name, MISSING)
    return None if value is MISSING else Literal(value, f"{scope.path}{INPUT_SIDE}.{index}")


def _into_host(at: _Exit, node: UiNode) -> _Step:
    """Go on inside a host, at the first link into its output."""
    if node.id in at.scope.broken:
        raise UnresolvedError("recursive_subgraph", f"links to {at.scope.id_of(node)}: {at.scope.broken[node.id]}")
    inner = at.scope.inside.get(node.id)
    link = inner.first_link_out(at.slot) if inner else None
    return _Exit(inner, link.origin, link.origin_slot) if inner and link else None


def _primitive(scope: Scope, node: UiNode) -> Literal | None:
    value = first_value(node)
    if value is MISSING or value is None:  # null is "not given", and the widget keeps its own (3.3.5)
        return None
    listed = as_list(node.values)
    mode = control_of(listed[1]) if len(listed) > 1 else None
    replaces = node.properties.get("Run widget replace on values") is True
    return Literal(value, scope.id_of(node), is_primitive=True, mode=mode or "fixed", replaces=replaces)
