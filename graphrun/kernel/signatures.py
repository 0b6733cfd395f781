"""Reads a node type off a typed function: the signature is the schema, what it returns are the outputs."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from graphrun.kernel.context import RunContext
from graphrun.kernel.node_types import (
    MISSING,
    Arguments,
    Autogrow,
    Blocked,
    Call,
    CallResult,
    DynamicCombo,
    Expansion,
    Input,
    Lazy,
    Named,
    NodeType,
    Output,
    RawLink,
    Shown,
    Socket,
    Widget,
)


def node_type_from(function: Callable[..., Any], name: str, **flags: Any) -> NodeType:
    """Read a node type off a typed function: the signature is the schema, the docstring the help.

    ``int``, ``float``, ``str``, ``bool`` and ``Literal`` become INT, FLOAT, STRING, BOOLEAN and COMBO;
    ``Annotated[int, Field(ge=1, le=8)]`` sets limits; a Python default makes the input optional; a parameter of
    type `RunContext` is injected; ``**name`` takes undeclared links. Outputs are read off the return annotation,
    where `Blocked`, `Expansion` and `CallResult` may stand beside the type. Raises TypeError, naming the parameter,
    for what it can't read.
    """
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"{name}: {error}; import it where the node is defined, not for type checkers only") from None
    parameters = inspect.signature(function).parameters
    injected = next((p for p in parameters if hints.get(p) is RunContext), None)
    returned = _returned(hints.get("return", Any))
    outputs = tuple(_read_outputs(returned))
    return NodeType(
        name=name,
        call=_call_of(function, injected, _Slots(len(outputs), in_tuple=get_origin(returned) is tuple)),
        inputs=tuple(
            _read_input(parameter, hints.get(parameter.name, Any), name)
            for parameter in parameters.values()
            if parameter.name != injected and parameter.kind is not parameter.VAR_KEYWORD
        ),
        outputs=outputs,
        help=inspect.getdoc(function) or "",
        is_async=inspect.iscoroutinefunction(function),
        takes_undeclared=any(p.kind is p.VAR_KEYWORD for p in parameters.values()),
        function=function,
        **flags,
    )


def input_of(name: str, annotation: Any) -> Input:
    """Return the required input that a parameter of this annotation would be: for members of dynamic inputs.

    >>> input_of("width", Annotated[int, annotated_types.Ge(1)]).minimum
    1
    """
    return _refined(Input(name=name), annotation)


@dataclass(frozen=True, slots=True)
class _Slots:
    """How many outputs a function has, and whether it returns them in a tuple: ``tuple[int]`` is one, in a tuple."""

    count: int
    in_tuple: bool


def _call_of(function: Callable[..., Any], injected: str | None, slots: _Slots) -> Call:
    def arguments_of(arguments: Arguments, context: RunContext) -> dict[str, Any]:
        return {**arguments, injected: context} if injected else dict(arguments)

    def call(arguments: Arguments, context: RunContext) -> CallResult:
        return _as_result(function(**arguments_of(arguments, context)), slots)

    async def call_async(arguments: Arguments, context: RunContext) -> CallResult:
        return _as_result(await function(**arguments_of(arguments, context)), slots)

    return call_async if inspect.iscoroutinefunction(function) else call


def _as_result(returned: object, slots: _Slots) -> CallResult:
    match returned:
        case CallResult():
            return returned
        case Shown(value=value, ui=ui):
            return replace(_as_result(value, slots), ui=ui)
        case Expansion():
            return CallResult(expansion=returned)
        case Blocked():
            return CallResult((returned,) * slots.count)
    if slots.count == 1 and not slots.in_tuple:
        return CallResult((returned,))
    values = returned if isinstance(returned, tuple) else () if returned is None else (returned,)
    if len(values) != slots.count or (slots.in_tuple and not isinstance(returned, tuple)):
        plural = "" if len(values) == 1 else "s"
        raise TypeError(f"the function returned {len(values)} value{plural} for {slots.count} outputs")
    return CallResult(values)


def _widened(value: object) -> object:
    """INT feeds FLOAT: a function that declares float gets one."""
    return float(value) if type(value) is int else value


_PLAIN = {
    int: Socket("INT"),
    float: Socket("FLOAT", receive=_widened),
    str: Socket("STRING"),
    bool: Socket("BOOLEAN"),
    Any: Socket("*"),
    object: Socket("*"),
}
# What may stand in an annotation beside the type of a value.
_NO_VALUES = (type(None), Blocked, Expansion, CallResult)


def _read_input(parameter: inspect.Parameter, hint: Any, owner: str) -> Input:
    place = f"{owner}: parameter {parameter.name!r}"
    if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
        raise TypeError(f"{place}: arguments are passed by name, so it must take one")
    has_default = parameter.default is not parameter.empty
    declared = Input(
        name=parameter.name,
        required=not has_default,
        default=parameter.default if has_default else MISSING,
    )
    try:
        return _refined(declared, hint)
    except TypeError as error:
        raise TypeError(f"{place}: {error}") from None


def _refined(declared: Input, hint: Any) -> Input:
    """Add what an annotation says, from the inside outwards: under ``| None``, ``list[...]`` and ``Annotated``."""
    hint = _only_value(hint)
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        declared = declared if _has_type(marks) else _refined(declared, inner)
        for mark in _flat(marks):
            declared = _marked(declared, mark)
        return declared
    if get_origin(hint) is list and get_args(hint):
        return _refined(declared, get_args(hint)[0])
    if get_origin(hint) is Literal:
        return replace(declared, type="COMBO", options=get_args(hint))
    socket = _socket_of(hint)
    return _plugged(declared, socket)


def _plugged(declared: Input, socket: Socket) -> Input:
    return replace(declared, type=socket.type, receive=socket.receive, list_value=socket.list_value)


def _has_type(marks: Iterable[object]) -> bool:
    return any(isinstance(mark, Socket | DynamicCombo | Autogrow) for mark in marks)


def _flat(marks: Iterable[object]) -> Iterable[object]:
    for mark in marks:
        yield mark
        if isinstance(mark, FieldInfo):
            yield from mark.metadata


def _marked(declared: Input, mark: object) -> Input:
    match mark:
        case Socket():
            return _plugged(declared, mark)
        case DynamicCombo():
            return replace(declared, type="COMFY_DYNAMICCOMBO_V3", dynamic=mark)
        case Autogrow():
            return replace(declared, type="COMFY_AUTOGROW_V3", dynamic=mark, required=False)
        case Widget():
            return replace(declared, widget=mark)
        case Lazy():
            return replace(declared, lazy=True)
        case RawLink():
            return replace(declared, raw_link=True)
        case annotated_types.Ge(ge=bound):
            return replace(declared, minimum=typing.cast(float, bound))
        case annotated_types.Le(le=bound):
            return replace(declared, maximum=typing.cast(float, bound))
        case FieldInfo(description=str(text)):
            return replace(declared, help=text)
        case annotated_types.BaseMetadata() | annotated_types.GroupedMetadata():
            raise TypeError(f"{mark!r} is no limit that is kept; inputs have ge and le")
    return declared


def _socket_of(hint: Any) -> Socket:
    """Return the socket an annotation names; a union with None is the other member's."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        return next((mark for mark in marks if isinstance(mark, Socket)), None) or _socket_of(inner)
    if get_origin(hint) is list and get_args(hint):
        return _socket_of(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return Socket("COMBO")
    if _is_union(hint):
        return _union_of(_values_in(hint))
    own = getattr(hint, "socket", None)
    if isinstance(own, Socket):
        return own
    raise TypeError(f"no socket type is known for {hint!r}; use Annotated[..., Socket('TYPE')]")


def _union_of(members: Sequence[Any]) -> Socket:
    """``Pictures | Image`` takes an IMAGE as it travels; ``Image | Mask`` a tensor: both members receive alike."""
    sockets = [_socket_of(member) for member in members]
    names = list(dict.fromkeys(socket.type for socket in sockets))
    alike = all(socket.receive is sockets[0].receive for socket in sockets)
    return Socket(",".join(names), sockets[0].receive if alike else None, any(each.list_value for each in sockets))


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _values_in(union: Any) -> list[Any]:
    return [member for member in get_args(union) if member not in _NO_VALUES]


def _only_value(hint: Any) -> Any:
    """Return the one member of a union that is a value; any other annotation as it is."""
    members = _values_in(hint) if _is_union(hint) else []
    return members[0] if len(members) == 1 else hint


def _returned(hint: Any) -> Any:
    """Return what a return annotation says of the outputs, looking through `Shown`."""
    hint = _only_value(hint)
    return _only_value(get_args(hint)[0]) if get_origin(hint) is Shown else hint


def _read_outputs(returned: Any) -> Iterable[Output]:
    if returned in (None, type(None)):
        return
    for item in get_args(returned) if get_origin(returned) is tuple else (returned,):
        plain, *marks = get_args(item) if get_origin(item) is Annotated else (item,)
        socket = _socket_of(item)
        name = next((mark.name for mark in marks if isinstance(mark, Named)), socket.type)
        yield Output(socket.type, name, is_list=get_origin(_only_value(plain)) is list)
