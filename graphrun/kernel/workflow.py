"""A workflow as it was written: nodes, their inputs, the links between them. Frozen, unchecked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from graphrun.errors import Problem, UsageError, node_label

_LONGEST_NAME = 200
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Link:
    """Output ``slot`` of node ``node_id``. A YAML file may name the slot; the plan turns the name into a number."""

    node_id: str
    slot: int | str = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A list of values the embedding program hands to one input. Never comes from a file."""

    values: tuple[object, ...]


class Change(Protocol):
    """Something done to the content of a file whenever it is read, such as a mask put into a picture."""

    @property
    def identity(self) -> bytes:
        """Bytes that differ whenever what is done differs; they go into cache keys."""

    def __call__(self, content: bytes) -> bytes:
        """Return the changed content. Raises a GraphrunError where it can't be changed so."""


@dataclass(frozen=True, slots=True)
class BoundFile:
    """A file the user bound to an input by hand. May lie anywhere; only ``name`` reaches metadata.

    ``change`` is made when the content is used: planning decodes no picture, and the file stays as it is.
    """

    name: str
    source: Path | bytes
    change: Change | None = None

    def original(self) -> bytes:
        """Return the content as it lies there. Raises OSError where the file can't be read."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    def read(self) -> bytes:
        """Return the content to use. Raises OSError, and what the change raises."""
        return self.change(self.original()) if self.change else self.original()


@dataclass(frozen=True, slots=True)
class Misread:
    """An input value the loader couldn't make sense of. The plan reports it; other nodes still load."""

    value: object
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Node:
    """One node as written: a class, and per input a literal, a `Link`, `Given`, `BoundFile` or `Misread`.

    ``pack`` is where the file says its class comes from, for when that isn't installed.
    """

    class_type: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    title: str | None = None
    pack: str | None = field(default=None, compare=False)

    @property
    def links(self) -> Iterable[tuple[str, Link]]:
        """The linked inputs, in the order they were written."""
        return ((name, value) for name, value in self.inputs.items() if isinstance(value, Link))


@dataclass(frozen=True, slots=True)
class Address:
    """One input of one node."""

    node_id: str
    input: str


@dataclass(frozen=True, slots=True)
class Control:
    """What the editor does to a number after each run: ``randomize``, ``fixed`` and the like.

    ``source`` says whose number it is: a value that feeds several inputs changes once, for all of them.
    """

    mode: str
    source: str


@dataclass(frozen=True)
class Workflow:
    """Nodes by id, in the order of the file, and what the file says besides.

    ``targets`` are the outputs the file itself asks for (empty: all). ``pnginfo`` goes into saved pictures beside
    the prompt; its ``workflow`` is the editor's document, if there was one. ``places`` maps (node id, input or
    "") to a line and column. ``quoted_text`` is true where only quotes tell text from numbers (YAML): there a
    number never becomes a STRING. ``by_hand`` lists the inputs set after loading, where an unknown name is an error.
    ``controls`` are an editor file's; without any, every seed is one to draw anew. ``problems`` are what loading found
    wrong with a node as a whole, be its class installed or not; what is wrong with one input is a `Misread` there.
    """

    nodes: Mapping[str, Node]
    targets: tuple[str, ...] = ()
    path: Path | None = None
    pnginfo: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    places: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    quoted_text: bool = False
    by_hand: frozenset[Address] = frozenset()
    controls: Mapping[Address, Control] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def with_inputs(self, changes: Mapping[str, object]) -> Workflow:
        """Return a workflow with some inputs replaced: ``{"10.prompt": "a red fox", "Save.filename_prefix": "fox"}``.

        The part before the dot is a node id, a title or a class name that names exactly one node. Raises
        UsageError where it doesn't.
        """
        nodes = dict(self.nodes)
        changed = set(self.by_hand)
        for text, value in changes.items():
            address = self.address(text)
            node = nodes[address.node_id]
            nodes[address.node_id] = replace(node, inputs={**node.inputs, address.input: value})
            changed.add(address)
        return replace(self, nodes=nodes, by_hand=frozenset(changed))

    def address(self, text: str) -> Address:
        """Split ``NODE.INPUT``. Inputs may contain dots: the longest NODE that names a node wins."""
        cut = len(text)
        while (cut := text.rfind(".", 0, cut)) > 0:
            found = self._named(text[:cut])
            if found and cut + 1 < len(text):
                return Address(_only(found, text[:cut], self), text[cut + 1 :])
        if self._named(text.rstrip(".")):
            raise UsageError(f"{text!r} names a node but no input of it: write NODE.INPUT")
        if "." not in text:
            raise UsageError(f"{text!r} names no input: write NODE.INPUT")
        raise UsageError(f"{text!r}: {self._no_such_node(text.partition('.')[0])}")

    def node_id(self, name: str) -> str:
        """Return the id of the one node that ``name`` (an id, a title or a class) names; else UsageError."""
        found = self._named(name)
        if not found:
            raise UsageError(self._no_such_node(name))
        return _only(found, name, self)

    def label(self, node_id: str) -> str:
        """Name a node as a person knows it."""
        node = self.nodes.get(node_id)
        return node_label(node_id, node.class_type, node.title) if node else node_id

    def _named(self, name: str) -> list[str]:
        if name in self.nodes:
            return [name]
        return [id for id, node in self.nodes.items() if name in (node.title, node.class_type)]

    def _no_such_node(self, name: str) -> str:
        known = [*self.nodes, *(n.title for n in self.nodes.values() if n.title)]
        known += [node.class_type for node in self.nodes.values()]
        return f"no node is called {name!r}{did_you_mean(name, known)}"


def did_you_mean(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or nothing. ``likeness`` 1 is equality.

    Names of any length and number may come from a file, and comparing is slow: beyond what people write, nothing is.
    """
    candidates = list(dict.fromkeys(islice(known, _MOST_NAMES + 1)))
    if len(name) > _LONGEST_NAME or len(candidates) > _MOST_NAMES:
        return ""
    near = difflib.get_close_matches(name, [each for each in candidates if len(each) <= _LONGEST_NAME], 1, likeness)
    return f"; did you mean {near[0]!r}?" if near else ""


def _only(found: list[str], name: str, workflow: Workflow) -> str:
    if len(found) > 1:
        nodes = ", ".join(workflow.label(node_id) for node_id in found)
        raise UsageError(f"{name!r} names {len(found)} nodes ({nodes}): use an id")
    return found[0]
