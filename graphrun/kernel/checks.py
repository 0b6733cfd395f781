"""Everything that can be wrong with one node, found before anything runs.

Codes are ComfyUI's (comfyui-execution.md, 4.3) and, where it had a raw exception, ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphrun.errors import PathError, Problem
from graphrun.kernel.context import Service
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.folders import Folders
from graphrun.kernel.literals import Rejected, convert, shown
from graphrun.kernel.node_types import MISSING, Autogrow, Complaint, DynamicCombo, Input, NodeType, Output
from graphrun.kernel.workflow import Address, Given, Link, Misread, Node, did_you_mean

# Keys that old editors leaked into API inputs; they mean nothing (workflow-formats.md, 6).
_LEAKED = {"upload", "video-preview", "audioUI", "refresh", "preview", "$$node-text-preview", "speak_and_recognation"}

# A hostile file may hold a hundred thousand dangling links; comparing each with every id would take hours.
_FEW_NODES = 500


Review = Callable[[NodeType, object], Iterable[Complaint]]
"""What its services have against what a node would ask of them. Complaints may have no input: an empty name."""


@dataclass(frozen=True)
class Surroundings:
    """What a plan is made in: the node types, the folders, the services.

    ``unavailable`` says, per kind of service that is missing, what to do about it; a kind in neither mapping is
    simply unknown (``graphrun check`` needs no image service). ``review`` judges what each node would ask of them.
    """

    types: Mapping[str, NodeType]
    folders: Folders
    services: Mapping[type, Service] = field(default_factory=dict)
    unavailable: Mapping[type, str] = field(default_factory=dict)
    review: Review | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checked link comes from: a node and the number of its output."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class CheckedNode:
    """One node found fit: its inputs as they exist, its literals converted, its links by number of slot."""

    node_id: str
    node: Node
    type: NodeType
    inputs: tuple[Input, ...]
    literals: Mapping[str, object]
    links: Mapping[str, Source]
    lazy: frozenset[str] = frozenset()


@dataclass(slots=True)
class Findings:
    """What reading one node brought up: its literals and links as far as they are fit, and what is wrong with it.

    ``sources`` are the nodes it reads, by faulty links too.
    """

    literals: dict[str, object] = field(default_factory=dict)
    links: dict[str, Source] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)
    problems: list[tuple[str, str | None, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, type: str, input: str | None, message: str) -> None:
        """Record a problem: code, input, sentence."""
        self.problems.append((type, input, message))


class NodeChecker:
    """Checks nodes of one graph, one at a time."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        surroundings: Surroundings,
        *,
        quoted_text: bool = False,
        by_hand: frozenset[Address] = frozenset(),
    ) -> None:
        self._nodes = nodes
        self._around = surroundings
        self._quoted_text = quoted_text
        self._by_hand = by_hand

    def check(self, node_id: str) -> tuple[CheckedNode, Findings]:
        """Return the node as far as it could be read, and what is wrong with it. Its class must be known."""
        node = self._nodes[node_id]
        node_type = self._around.types[node.class_type]
        found = Findings()
        inputs = tuple(finalise(node_type.inputs, node.inputs))
        # A growing input has no value of its own, only members: its bare name is like one that isn't declared.
        readable = [declared for declared in inputs if not isinstance(declared.dynamic, Autogrow)]
        for declared in readable:
            self._read_input(declared, node.inputs, found)
        self._read_undeclared(node_id, node_type, {declared.name for declared in readable}, found)
        lazy = frozenset(declared.name for declared in inputs if declared.lazy and declared.name in found.links)
        checked = CheckedNode(node_id, node, node_type, inputs, found.literals, found.links, lazy)
        is_read = not found.problems
        self._check_service(node_type, found)
        if is_read:
            self._ask_services(checked, found)
            self._ask_node_type(checked, found)
        return checked, found

    def problems(self, node_id: str, findings: Findings) -> Iterator[Problem]:
        """Name the node in what was found."""
        node = self._nodes[node_id]
        for type, input, message in findings.problems:
            yield self.problem(type, node_id, node, input, message)

    def problem(self, type: str, node_id: str, node: Node, input: str | None, message: str) -> Problem:
        """Return a problem of one node, named as a person knows it."""
        return Problem(type, message, node_id, node.class_type, self.title(node), input)

    def title(self, node: Node) -> str | None:
        """Return what a node is called: by its file, else by its class."""
        known = self._around.types.get(node.class_type)
        return node.title or (known.display_name if known else None) or None

    def _read_input(self, declared: Input, given: Mapping[str, object], found: Findings) -> None:
        name = declared.name
        match given.get(name, MISSING):
            case value if value is MISSING:
                _read_missing(declared, found)
            case Misread(type=type, message=message):
                found.add(type, name, message)
            case Link() as link:
                self._read_link(declared, link, found)
            case Given() as value:
                found.literals[name] = value
            case value:
                self._read_literal(declared, value, found)

    def _read_literal(self, declared: Input, value: object, found: Findings) -> None:
        if isinstance(declared.dynamic, DynamicCombo):
            declared = Input(name=declared.name, type="COMBO", options=tuple(declared.dynamic.options))
        try:
            found.literals[declared.name] = convert(declared, value, quoted_text=self._quoted_text)
        except Rejected as rejected:
            found.add(rejected.type, declared.name, str(rejected))

    def _read_link(self, declared: Input, link: Link, found: Findings) -> None:
        name = declared.name
        if isinstance(declared.dynamic, DynamicCombo):
            options = ", ".join(declared.dynamic.options)
            found.add("value_not_in_list", name, f"a choice can't be linked: write one of {options}")
            return
        given = self._follow(name, link, found)
        if given is not None and not types_match(given.type, declared.type):
            sender = f"{link.node_id} ({self._nodes[link.node_id].class_type})"
            found.add("return_type_mismatch", name, f"wants {declared.type}, but {sender} gives {given.type} there")

    def _follow(self, name: str, link: Link, found: Findings) -> Output | None:
        """Record a link that is read, and return the output it leads to, where that is known."""
        source = self._source(name, link, found)
        if link.node_id in self._nodes:
            found.sources[link.node_id] = None
        if source is None:
            return None
        found.links[name] = source
        node_type = self._around.types.get(self._nodes[source.node_id].class_type)
        return node_type.outputs[source.slot] if node_type else None

    def _source(self, name: str, link: Link, found: Findings) -> Source | None:
        """Return where a link comes from, its slot by number; or None, having said what is wrong with it."""
        node = self._nodes.get(link.node_id)
        if node is None:
            hint = did_you_mean(link.node_id, self._nodes) if len(self._nodes) <= _FEW_NODES else ""
            found.add("missing_link_source", name, f"links to {link.node_id!r}, which is not in the workflow{hint}")
            return None
        node_type = self._around.types.get(node.class_type)
        if node_type is None:  # its own problem, told at the output that needs it
            return Source(link.node_id, 0)
        slot = slot_number(node_type, link.slot)
        if slot is None:
            found.add("bad_slot", name, bad_slot(link, node_type))
            return None
        return Source(link.node_id, slot)

    def _read_undeclared(self, node_id: str, node_type: NodeType, declared: set[str], found: Findings) -> None:
        """Take what a variadic node is given; ignore the rest, but not silently, and not what was set by hand."""
        for name, value in self._nodes[node_id].inputs.items():
            if name in declared:
                continue
            if node_type.takes_undeclared:
                self._read_variadic(name, value, found)
                continue
            if isinstance(value, Link):
                self._source(name, value, found)
            if name in _LEAKED:
                continue
            if Address(node_id, name) in self._by_hand:
                hint = did_you_mean(name, sorted(declared))
                found.add("unknown_input", name, f"{node_type.name} has no such input{hint}")
            else:
                found.ignored.append(name)

    def _read_variadic(self, name: str, value: object, found: Findings) -> None:
        """Take a link or values handed over; literals are the editor's own, such as the options of a CustomCombo."""
        if isinstance(value, Link):
            self._follow(name, value, found)
        elif isinstance(value, Given):
            found.literals[name] = value

    def _check_service(self, node_type: NodeType, found: Findings) -> None:
        for kind in node_type.services:
            if reason := self._around.unavailable.get(kind):
                found.add("service_unavailable", None, reason)

    def _ask_services(self, checked: CheckedNode, found: Findings) -> None:
        asked = checked.type.asked(checked.literals, checked.links) if self._around.review else None
        if asked is None or self._around.review is None:
            return
        for complaint in self._around.review(checked.type, asked):
            if complaint.warning:
                found.warnings.append(complaint.told_of(checked.node_id))
            else:
                found.add(complaint.type, complaint.input or None, complaint.told_of(checked.node_id))

    def _ask_node_type(self, checked: CheckedNode, found: Findings) -> None:
        if checked.type.check is None:
            return
        try:
            for complaint in checked.type.check(checked.literals, self._around.folders):
                found.add(complaint.type, complaint.input, complaint.told_of(checked.node_id))
        except PathError as error:
            found.add("invalid_path", None, str(error))
        except Exception as error:
            found.add("exception_during_validation", None, f"its own check failed: {shown(error)}")


def types_match(received: str, wanted: str) -> bool:
    """Whether an output of type ``received`` may feed an input of type ``wanted``.

    ComfyUI's rule (comfyui-execution.md, 4.4): any common element of the two comma lists, ``*`` matching all; and
    INT feeds FLOAT besides.
    """
    if received in (wanted, "*") or wanted == "*":
        return True
    ours = {part.strip() for part in received.split(",")}
    theirs = {part.strip() for part in wanted.split(",")}
    if "COMFY_MATCHTYPE_V3" in ours | theirs or "*" in ours | theirs:
        return True
    return bool(ours & theirs) or ("INT" in ours and "FLOAT" in theirs)


def _read_missing(declared: Input, found: Findings) -> None:
    """Report a required input; fill in the function's default as an equal literal would be converted.

    So writing a default out changes no key. None stands for "nothing" and is left to the function.
    """
    if declared.required:
        found.add("required_input_missing", declared.name, _missing(declared))
    elif declared.dynamic is None and declared.default is not MISSING and declared.default is not None:
        try:
            found.literals[declared.name] = convert(declared, declared.default)
        except Rejected:  # the function's own business
            found.literals[declared.name] = declared.default


def slot_number(node_type: NodeType, slot: int | str) -> int | None:
    """Return the number of a slot, or None where the class has no such output."""
    return slot_among([output.name for output in node_type.outputs], slot)


def slot_among(names: Sequence[str], slot: int | str) -> int | None:
    """Return the number of a slot, or None; a name counts as written, else in any case if that is unique."""
    if isinstance(slot, int):
        return slot if 0 <= slot < len(names) else None
    exact = [index for index, name in enumerate(names) if name == slot]
    loose = [index for index, name in enumerate(names) if name.casefold() == slot.casefold()]
    found = exact or loose
    return found[0] if len(found) == 1 else None


def bad_slot(link: Link, source: NodeType) -> str:
    """Return the sentence about a link to an output that isn't there."""
    slots = ", ".join(f"{index} {output.name}" for index, output in enumerate(source.outputs)) or "none"
    return f"links to output {link.slot!r} of {link.node_id} ({source.name}), whose outputs are: {slots}"


def _missing(declared: Input) -> str:
    default = declared.widget.default
    example = f" (the editor's default is {shown(default)})" if default is not MISSING else ""
    if declared.dynamic is None and default is MISSING and declared.options is None and declared.type.isupper():
        example = f" ({declared.type})"
    return f"Required input is missing{example}"
