"""What a class of nodes takes, gives and does, and how to read that off a typed function.

Native functions, and later ComfyUI's V1 and V3 classes, all become a `NodeType`; the rest of the kernel can't
tell them apart. Words follow comfyui-execution.md, sections 2 and 3.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from graphrun.kernel.context import RunContext
from graphrun.kernel.folders import Folders
from graphrun.kernel.workflow import Node

T = TypeVar("T")


class Missing(Enum):
    """The one value that stands for "no default"."""

    MISSING = "missing"


MISSING: Literal[Missing.MISSING] = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Socket:
    """The type string of an annotation, and how a travelling value becomes what the function wants."""

    type: str
    receive: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """What the editor shows for an input, and rules that Python's types can't say.

    ``default`` is the editor's first value. It is never filled in: an API file that omits a required input is
    wrong, one that omits an optional input gets the default of the function (image-mask-nodes.md, 1.2).
    """

    default: object = MISSING
    step: float | None = None
    multiline: bool = False
    seed: bool = False
    file: bool = False


@dataclass(frozen=True, slots=True)
class Lazy:
    """Marks an input that is only evaluated when the node type's ``needs`` asks for it."""


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
    """What a node type's own check has against an input. ``type`` is an error code."""

    input: str
    message: str
    type: str = "custom_validation_failed"


Arguments = Mapping[str, object]
Call = Callable[[Arguments, RunContext], "CallResult | Awaitable[CallResult]"]
Check = Callable[[Arguments, Folders], Iterable[Complaint]]
Fingerprint = Callable[[Arguments, Folders], object]
Needs = Callable[[Arguments], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class NodeType:
    """Everything the kernel knows about a class of nodes.

    ``check`` and ``fingerprint`` see literals only, after conversion; linked inputs are absent. ``needs`` returns
    the lazy inputs still wanted. ``services`` are the kinds of service the function may ask its context for;
    ``limit`` names the limit it runs under; ``cheap`` ones run on the loop itself.
    """

    name: str
    call: Call
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    version: int | str = 1
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
    services: tuple[type, ...] = ()
    limit: str | None = None
    function: Callable[..., object] | None = field(default=None, compare=False)

    def input(self, name: str) -> Input | None:
        """Return the declared input of this name, dynamic members not included."""
        return next((declared for declared in self.inputs if declared.name == name), None)


def node_type_from(function: Callable[..., Any], name: str, **flags: Any) -> NodeType:
    """Read a node type off a typed function: the signature is the schema, the docstring the help.

    ``int``, ``float``, ``str``, ``bool`` and ``Literal`` become INT, FLOAT, STRING, BOOLEAN and COMBO;
    ``Annotated[int, Field(ge=1, le=8)]`` sets limits; a Python default makes the input optional; a parameter of
    type `RunContext` is injected. Raises TypeError, naming the parameter, for an annotation it can't read.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    injected = next((p for p in parameters if hints.get(p) is RunContext), None)
    takes_undeclared = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    inputs = tuple(
        _read_input(parameter, hints.get(parameter.name, Any), name)
        for parameter in parameters.values()
        if parameter.name != injected and parameter.kind is not parameter.VAR_KEYWORD
    )
    outputs = tuple(_read_outputs(hints.get("return", Any)))
    return NodeType(
        name=name,
        call=_call_of(function, injected, len(outputs)),
        inputs=inputs,
        outputs=outputs,
        help=inspect.getdoc(function) or "",
        is_async=inspect.iscoroutinefunction(function),
        takes_undeclared=takes_undeclared,
        function=function,
        **flags,
    )


def _call_of(function: Callable[..., Any], injected: str | None, slots: int) -> Call:
    def arguments_of(arguments: Arguments, context: RunContext) -> dict[str, Any]:
        return {**arguments, injected: context} if injected else dict(arguments)

    def call(arguments: Arguments, context: RunContext) -> CallResult:
        return _as_result(function(**arguments_of(arguments, context)), slots)

    async def call_async(arguments: Arguments, context: RunContext) -> CallResult:
        return _as_result(await function(**arguments_of(arguments, context)), slots)

    return call_async if inspect.iscoroutinefunction(function) else call


def _as_result(returned: object, slots: int) -> CallResult:
    if isinstance(returned, CallResult):
        return returned
    if isinstance(returned, Shown):
        return replace(_as_result(returned.value, slots), ui=returned.ui)
    if isinstance(returned, Expansion):
        return CallResult(expansion=returned)
    if isinstance(returned, Blocked):
        return CallResult((returned,) * slots)
    if slots == 1:
        return CallResult((returned,))
    values = returned if isinstance(returned, tuple) else () if returned is None else (returned,)
    if len(values) != slots:
        raise TypeError(f"the function returned {len(values)} values for {slots} outputs")
    return CallResult(values)


_PLAIN = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOLEAN", Any: "*", object: "*"}


def _read_input(parameter: inspect.Parameter, hint: Any, owner: str) -> Input:
    has_default = parameter.default is not parameter.empty
    declared = Input(
        name=parameter.name,
        required=not has_default,
        default=parameter.default if has_default else MISSING,
    )
    try:
        return _refined(declared, hint)
    except TypeError as error:
        raise TypeError(f"{owner}: parameter {parameter.name!r}: {error}") from None


def _refined(declared: Input, hint: Any) -> Input:
    """Add what an annotation says, from the inside of nested ``Annotated`` outwards."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        declared = _refined(declared, inner) if not _has_type(marks) else declared
        for mark in _flat(marks):
            declared = _marked(declared, mark)
        return declared
    socket = _socket_of(hint)
    if get_origin(hint) is Literal:
        return replace(declared, type="COMBO", options=get_args(hint))
    return replace(declared, type=socket.type, receive=socket.receive)


def _has_type(marks: Iterable[object]) -> bool:
    return any(isinstance(mark, Socket | DynamicCombo | Autogrow) for mark in marks)


def _flat(marks: Iterable[object]) -> Iterable[object]:
    for mark in marks:
        yield mark
        if isinstance(mark, FieldInfo):
            yield from mark.metadata


def _marked(declared: Input, mark: object) -> Input:
    match mark:
        case Socket(type=type_, receive=receive):
            return replace(declared, type=type_, receive=receive)
        case DynamicCombo():
            return replace(declared, type="COMFY_DYNAMICCOMBO_V3", dynamic=mark)
        case Autogrow():
            return replace(declared, type="COMFY_AUTOGROW_V3", dynamic=mark, required=False)
        case Widget():
            return replace(declared, widget=mark)
        case Lazy():
            return replace(declared, lazy=True)
        case annotated_types.Ge(ge=bound):
            return replace(declared, minimum=typing.cast(float, bound))
        case annotated_types.Le(le=bound):
            return replace(declared, maximum=typing.cast(float, bound))
        case FieldInfo(description=str(text)):
            return replace(declared, help=text)
    return declared


def _socket_of(hint: Any) -> Socket:
    """Return the socket an annotation names; a union with None is the other member's."""
    if hint in _PLAIN:
        return Socket(_PLAIN[hint])
    if get_origin(hint) is Annotated:
        return next((mark for mark in get_args(hint)[1:] if isinstance(mark, Socket)), None) or _socket_of(
            get_args(hint)[0]
        )
    if get_origin(hint) is list and get_args(hint):
        return _socket_of(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return Socket("COMBO")
    if get_origin(hint) in (Union, types.UnionType):
        return _union_of([member for member in get_args(hint) if member is not type(None)])
    own = getattr(hint, "socket", None)
    if isinstance(own, Socket):
        return own
    raise TypeError(f"no socket type is known for {hint!r}; use Annotated[..., Socket('TYPE')]")


def _union_of(members: list[Any]) -> Socket:
    """``Pictures | Image`` takes an IMAGE as it travels: two members of one type need no conversion."""
    sockets = [_socket_of(member) for member in members]
    names = list(dict.fromkeys(socket.type for socket in sockets))
    return sockets[0] if len(sockets) == 1 else Socket(",".join(names))


def _read_outputs(hint: Any) -> Iterable[Output]:
    hint = get_args(hint)[0] if get_origin(hint) is Shown else hint
    if hint in (None, type(None)):
        return
    for item in get_args(hint) if get_origin(hint) is tuple else (hint,):
        socket = _socket_of(item)
        marks = get_args(item)[1:] if get_origin(item) is Annotated else ()
        name = next((mark.name for mark in marks if isinstance(mark, Named)), socket.type)
        plain = get_args(item)[0] if marks else item
        yield Output(socket.type, name, is_list=get_origin(plain) is list)
