"""What a class of nodes takes, gives and does.

Native functions, and later ComfyUI's V1 and V3 classes, all become a `NodeType`; the rest of the kernel can't
tell them apart. Words follow comfyui-execution.md, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

from graphrun.kernel.context import RunContext
from graphrun.kernel.folders import Folders
from graphrun.kernel.workflow import Given, Node

T = TypeVar("T")


class Missing(Enum):
    """The one value that stands for "no default"."""

    MISSING = "missing"


MISSING: Literal[Missing.MISSING] = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Socket:
    """The type string of an annotation, and how a travelling value becomes what the function wants.

    ``list_value``: one value may itself be a list, as boxes are.
    """

    type: str
    receive: Callable[[Any], object] | None = None
    list_value: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """What the editor shows for an input, and rules that Python's types can't say.

    ``default`` is the editor's first value. It is never filled in: an API file that omits a required input is
    wrong, one that omits an optional input gets the default of the function (image-mask-nodes.md, 1.2).
    ``linked``: there is no field to fill in, and no value in editor files, although the type has one (``forceInput``).
    """

    default: object = MISSING
    step: float | None = None
    multiline: bool = False
    seed: bool = False
    file: bool = False
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Lazy:
    """Marks an input that is only evaluated when the node type's ``needs`` asks for it."""


@dataclass(frozen=True, slots=True)
class RawLink:
    """Marks an input that gets the `Link` itself, to put into an expansion. What it leads to runs before."""


@dataclass(frozen=True, slots=True)
class Named:
    """Gives an output a name other than its type: ``Annotated[int, Named("width")]``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One declared input. ``default`` is the function's; ``widget`` holds what only the editor knows."""

    name: str
    type: str = "*"
    required: bool = True
    default: object = MISSING
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[object, ...] | None = None
    widget: Widget = Widget()
    lazy: bool = False
    raw_link: bool = False
    receive: Callable[[Any], object] | None = None
    list_value: bool = False
    dynamic: DynamicCombo | Autogrow | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class DynamicCombo:
    """A choice that decides which further inputs exist (comfyui-execution.md, 3.5).

    ``{"model": "gpt-image-2", "model.size": "auto"}`` reaches the function as
    ``model={"model": "gpt-image-2", "size": "auto"}``.
    """

    options: Mapping[str, tuple[Input, ...]]


@dataclass(frozen=True, slots=True)
class Autogrow:
    """As many inputs of one kind as there are links, up to a limit (comfyui-execution.md, 3.5).

    ``{"images.image0": link, "images.image1": link}`` reaches the function as ``images={"image0": …, "image1": …}``.
    The first ``minimum`` names are required iff ``template`` is.
    """

    template: Input
    names: tuple[str, ...]
    minimum: int = 0

    @classmethod
    def numbered(cls, template: Input, prefix: str, *, minimum: int = 0, maximum: int = 100) -> Autogrow:
        """Return the prefix form: names ``prefix0``, ``prefix1``, …"""
        return cls(template, tuple(f"{prefix}{i}" for i in range(maximum)), minimum)


@dataclass(frozen=True, slots=True)
class Output:
    """One output slot. A list output spreads its items over the slot's value list."""

    type: str
    name: str
    is_list: bool = False


@dataclass(frozen=True)
class Shown(Generic[T]):
    """A node's result with what a front end would show beside it, in ComfyUI's form: a dict of lists."""

    value: T
    ui: Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A value that keeps whatever reads it from being called. With a message, the first reader reports it."""

    message: str | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """Nodes to run in place of this one, under ids of their own, and per slot a value or a `Link` to one of them."""

    nodes: Mapping[str, Node]
    slots: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call of a node's function gave: a value per slot, a UI payload, or an expansion."""

    slots: tuple[object, ...] = ()
    ui: Mapping[str, Sequence[object]] | None = None
    expansion: Expansion | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a node type's own check has against an input. ``type`` is an error code.

    ``NODE`` in the remedy stands for the id of the node, which the check doesn't know: ``--file NODE.image=PATH``.
    A ``warning`` is told and keeps nothing from running.
    """

    input: str
    message: str
    type: str = "custom_validation_failed"
    remedy: str = ""
    warning: bool = False

    def told_of(self, node_id: str) -> str:
        """Return message and remedy in one."""
        return "; ".join(filter(None, [self.message, self.remedy.replace("NODE", node_id)]))


Arguments = Mapping[str, object]
Call = Callable[[Arguments, RunContext], "CallResult | Awaitable[CallResult]"]
Check = Callable[[Arguments, Folders], Iterable[Complaint]]
Fingerprint = Callable[[Arguments, Folders], object]
Needs = Callable[[Arguments], Sequence[str]]
Asks = Callable[[Arguments, Collection[str]], object]
"""What one call would ask of its services, from the literals and the names of the linked inputs; None: not known."""


@dataclass(frozen=True, kw_only=True)
class NodeType:
    """Everything the kernel knows about a class of nodes.

    ``check`` and ``fingerprint`` see literals only, after conversion; linked inputs are absent. ``needs`` returns
    the lazy inputs still wanted. ``services`` are the kinds of service the function may ask its context for;
    ``limit`` names the limit it runs under; ``cheap`` ones run on the loop itself. ``source`` is a digest of the
    pack's source files, where its versions can't be relied on. ``asks`` tells before the run what one call would ask of
    its services, in whatever terms they understand, or None where only the run will tell.
    """

    name: str
    call: Call
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    version: int | str = 1
    source: str = ""
    pack: str = ""
    display_name: str = ""
    category: str = ""
    help: str = ""
    output_node: bool = False
    list_input: bool = False
    api_node: bool = False
    not_idempotent: bool = False
    always_run: bool = False
    wants_id: bool = False
    cheap: bool = False
    is_async: bool = False
    takes_undeclared: bool = False
    check: Check | None = None
    fingerprint: Fingerprint | None = None
    needs: Needs | None = None
    asks: Asks | None = None
    services: tuple[type, ...] = ()
    limit: str | None = None
    function: Callable[..., object] | None = field(default=None, compare=False)

    def asked(self, literals: Arguments, linked: Collection[str]) -> object:
        """Return what one call would ask of its services, or None where that is not known before the run.

        Values that were handed over stand for themselves in the run only: here they count as linked.
        """
        if self.asks is None:
            return None
        handed = {name for name, value in literals.items() if isinstance(value, Given)}
        known = {name: value for name, value in literals.items() if name not in handed}
        try:
            return self.asks(known, {*linked, *handed})
        except Exception:  # a forecast that fails is none
            return None

    def input(self, name: str) -> Input | None:
        """Return the declared input of this name, dynamic members not included."""
        return next((declared for declared in self.inputs if declared.name == name), None)
