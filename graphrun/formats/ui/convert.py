"""UI format → executable nodes (workflow-formats.md, 3): what is emitted, its values, then its links.

Widget values are written first and links over them, so that a widget keeps its value where its link comes to nothing
(3.3.7). A node whose values can't be told apart, and a link that leads nowhere certain, become a `Misread` in its
place; the rest of the file loads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from graphrun.errors import Problem
from graphrun.formats.ui.client_text import dynamic_prompt, saved_name, with_widget_texts
from graphrun.formats.ui.definitions import (
    ClassDefinition,
    Definitions,
    declares,
    growing_name,
)
from graphrun.formats.ui.document import BYPASS, NEVER, OUTPUT_SIDE, Graph, UiDocument, UiInput, UiNode, read_document
from graphrun.formats.ui.lenient import text_or_none
from graphrun.formats.ui.links import LinkResolver, Literal, UnresolvedError
from graphrun.formats.ui.positions import CONTROL_NAME, control_of
from graphrun.formats.ui.scopes import Scope, is_host, open_scopes
from graphrun.formats.ui.virtual import BROADCASTERS, Role, role_of
from graphrun.formats.ui.widgets import Unplaced, Widgets, checked_value, first_value, read_widgets, shown, unplaced
from graphrun.kernel.workflow import Address, Control, Link, Misread, Node

_MOST_WARNINGS = 20


@dataclass(slots=True)
class Conversion:
    """What became of a document: nodes, what the editor would do to their numbers, and what there is to say."""

    nodes: dict[str, Node] = field(default_factory=dict)
    controls: dict[Address, Control] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def convert(document: Mapping[str, object], definitions: Definitions, now: datetime) -> Conversion:
    """Return the executable nodes of a parsed UI file. ``now`` fills ``%date:…%`` in names of saved files.

    Raises FileFormatError only where subgraphs open up to more than anyone can run.
    """
    read = read_document(document)
    return _Converter(read, definitions, now).conversion()


class _Converter:
    def __init__(self, document: UiDocument, definitions: Definitions, now: datetime) -> None:
        self._document = document
        self._definitions = definitions
        self._now = now
        self._root = open_scopes(document, definitions)
        self._links = LinkResolver(document, definitions)
        self._widgets: dict[str, Widgets] = {}
        self._made = Conversion(warnings=list(document.warnings))
        self._named: dict[str, tuple[Scope, UiNode]] | None = None

    def conversion(self) -> Conversion:
        for scope, node in self._root.walk():
            if node.id in scope.broken:
                message = scope.broken[node.id]
                self._made.problems.append(
                    Problem("recursive_subgraph", message, scope.id_of(node), title=node.title or scope.graph.name)
                )
            elif self._is_emitted(node):
                self._emit(scope, node)
        self._drop_dead_links()
        self._warn()
        self._made.warnings = _shortened(self._made.warnings)
        return self._made

    def _is_emitted(self, node: UiNode) -> bool:
        if node.mode in (NEVER, BYPASS) or is_host(node, self._document):
            return False
        return role_of(node, defined=self._definitions.find(node.type) is not None) is Role.REAL

    def _emit(self, scope: Scope, node: UiNode) -> None:
        node_id = scope.id_of(node)
        definition = self._definitions.find(node.type)
        title = node.title or (definition.display_name if definition else None) or node.type
        if node_id in self._made.nodes:
            self._made.warnings.append(f"two nodes come to the id {node_id!r}; the second, a {node.type}, is left out")
            return
        if node.id in scope.graph.repeated:
            message = "its id is given to more than one node, so links to it can't be told apart"
            self._made.problems.append(Problem("duplicate_node_id", message, node_id, node.type, title))
        widgets = self._widgets_of(scope, node)
        if widgets.unnamed:
            message = f"its saved values can't be named without a definition of the class: {shown(widgets.unnamed)}"
            self._made.problems.append(Problem("unnamed_values", message, node_id, node.type, title))
        self._made.warnings += [f"{node_id} ({node.type}): {doubt}" for doubt in widgets.doubts]
        inputs = self._inputs(scope, node, widgets)
        self._made.nodes[node_id] = Node(node.type, inputs, title, _pack(node))

    def _inputs(self, scope: Scope, node: UiNode, widgets: Widgets) -> dict[str, object]:
        inputs = dict(widgets.values)
        controls = {name: Control(mode, f"{scope.id_of(node)}.{name}") for name, mode in widgets.controls.items()}
        definition = self._definitions.find(node.type)
        for slot in node.inputs:
            if slot.link is None or not slot.name or not _exists(slot, definition, widgets):
                continue
            found = self._resolved(scope, node, slot)
            if isinstance(found, Literal):
                _write_literal(found, slot, widgets, inputs, controls)
            elif found is not None:
                inputs[slot.name] = found
        node_id = scope.id_of(node)
        self._made.controls |= {Address(node_id, name): each for name, each in controls.items() if name in inputs}
        return {name: self._text(node, widgets, name, value) for name, value in inputs.items()}

    def _resolved(self, scope: Scope, node: UiNode, slot: UiInput) -> Link | Literal | Misread | None:
        try:
            found = self._links.resolve(scope, node, slot)
        except UnresolvedError as error:
            return Misread(None, error.type, str(error))
        if isinstance(found, Literal) and found.replaces and isinstance(found.value, str):
            return replace(found, value=with_widget_texts(found.value, self._widget_named))
        return found

    def _widgets_of(self, scope: Scope, node: UiNode) -> Widgets:
        """Return a node's widgets, with what hosts around it laid over them. Each node's are read once."""
        node_id = scope.id_of(node)
        if node_id not in self._widgets:
            widgets = read_widgets(node, self._definitions.find(node.type))
            self._widgets[node_id] = _laid_over(widgets, scope.values.laid_over.get(node.id, {}))
        return self._widgets[node_id]

    def _text(self, node: UiNode, widgets: Widgets, name: str, value: object) -> object:
        """Return a value as the editor sends it."""
        if name == "index" and node.type == "CustomCombo" and not isinstance(value, Link):
            return _index_of_choice(widgets.values, value)
        if not isinstance(value, str):
            return value
        spec = widgets.specs.get(name)
        if spec is not None and spec.options.get("dynamicPrompts") is True:
            return dynamic_prompt(value)
        if name == "filename_prefix" and node.type.startswith("Save") and "%" in value:
            return saved_name(value, self._now, self._widget_named)
        return value

    def _widget_named(self, name: str, widget: str) -> object:
        """Return a widget's value for ``%Node.widget%``: of the first node with that search name, else that title."""
        if self._named is None:
            self._named = {}
            named = [(node.properties.get("Node name for S&R"), scope, node) for scope, node in self._root.walk()]
            titled = [(node.title, scope, node) for _, scope, node in named]
            for key, scope, node in (*named, *titled):
                if isinstance(key, str):
                    self._named.setdefault(key, (scope, node))
        if name not in self._named:
            return None
        scope, node = self._named[name]
        if role_of(node, defined=False) is Role.PRIMITIVE:
            return first_value(node) if widget == "value" else None
        return self._widgets_of(scope, node).values.get(widget)

    def _drop_dead_links(self) -> None:
        """Take out links to what was not emitted (3, step 5)."""
        nodes = self._made.nodes
        for node_id, node in nodes.items():
            if any(link.node_id not in nodes for _, link in node.links):
                alive = {
                    name: value
                    for name, value in node.inputs.items()
                    if not isinstance(value, Link) or value.node_id in nodes
                }
                nodes[node_id] = replace(node, inputs=alive)

    def _warn(self) -> None:
        graphs = [self._document.root, *self._document.subgraphs.values()]
        stale = sum(sum(1 for _ in _stale_links(graph)) for graph in graphs)
        if stale:
            self._made.warnings.append(f"{stale} links lead to no input of their node, and are ignored")
        broadcasters = sorted({node.type for graph in graphs for node in graph.nodes.values()} & BROADCASTERS)
        if broadcasters:
            self._made.warnings.append(
                f"{', '.join(broadcasters)}: links that the editor only makes when it runs a workflow are not made"
            )


def _write_literal(
    found: Literal, slot: UiInput, widgets: Widgets, inputs: dict[str, object], controls: dict[str, Control]
) -> None:
    """Write the value of a PrimitiveNode, or of a host, in place of the widget's own."""
    if found.is_primitive and slot.widget is None and slot.name not in widgets.specs:
        return  # an input that is no widget has nothing to copy into
    lost = isinstance(found.value, Unplaced)
    inputs[slot.name] = (
        unplaced(found.value.candidates) if isinstance(found.value, Unplaced) else checked_value(found.value)
    )
    own = controls.get(slot.name)
    mode = found.mode or (own.mode if own else None)
    if mode is not None and not lost:
        controls[slot.name] = Control(mode, found.source)


def _laid_over(widgets: Widgets, over: Mapping[str, object]) -> Widgets:
    values, controls = dict(widgets.values), dict(widgets.controls)
    for name, value in over.items():
        mode = control_of(value)
        if name == CONTROL_NAME and mode is not None:
            controls = dict.fromkeys(controls, mode)
        elif name in widgets.specs or not widgets.specs:
            values[name] = unplaced(value.candidates) if isinstance(value, Unplaced) else checked_value(value)
    return replace(widgets, values=values, controls=controls)


def _exists(slot: UiInput, definition: ClassDefinition | None, widgets: Widgets) -> bool:
    """Return whether the class has this input, for the options chosen; files list those of other options too.

    A plain socket that the class doesn't declare is kept: the plan tells that it is ignored.
    """
    if definition is None or slot.name in widgets.specs or declares(definition, slot.name, widgets.values):
        return True
    return slot.widget is None and not any(growing_name(spec, slot.name) for spec in definition.inputs)


def _index_of_choice(values: Mapping[str, object], saved: object) -> object:
    """CustomCombo's ``index`` is computed: where ``choice`` stands among its options."""
    options = [value for name, value in values.items() if name.startswith("option")]
    return options.index(values.get("choice")) if values.get("choice") in options else saved


def _shortened(warnings: list[str]) -> list[str]:
    """A damaged file may give a warning a node: the first ones tell enough."""
    more = len(warnings) - _MOST_WARNINGS
    return [*warnings[:_MOST_WARNINGS], f"and {more} more of this kind"] if more > 0 else warnings


def _pack(node: UiNode) -> str | None:
    """Return the pack a node's class is in, as its properties name it; what ComfyUI itself has is in none."""
    named = (text_or_none(node.properties.get(key)) for key in ("cnr_id", "aux_id"))
    return next((name for name in named if name and name != "comfy-core"), None)


def _stale_links(graph: Graph) -> Iterator[str]:
    fed = {slot.link for node in graph.nodes.values() for slot in node.inputs}
    return (id for id, link in graph.links.items() if id not in fed and link.target != OUTPUT_SIDE)
