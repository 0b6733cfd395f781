"""A typed function is a node: its signature is the schema, what it returns are the outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from made_up import NOWHERE
from pydantic import Field

from graphrun.kernel.context import RunContext
from graphrun.kernel.folders import Folders
from graphrun.kernel.node_types import (
    MISSING,
    Autogrow,
    Blocked,
    CallResult,
    DynamicCombo,
    Expansion,
    Input,
    Lazy,
    Named,
    NodeType,
    Output,
    Shown,
    Socket,
    Widget,
)
from graphrun.kernel.signatures import input_of, node_type_from
from graphrun.kernel.workflow import Link, Node

Picture = Annotated[Any, Socket("IMAGE", receive=str)]


Ranged = Annotated[int, Field(ge=1, le=9), Widget(default=3)]
CHOICE = DynamicCombo({"a": ()})
GROW = Autogrow.numbered(Input(name="image"), "image", maximum=2)


class Encoded:
    """A travelling value that says itself what socket it belongs to."""

    socket = Socket("IMAGE")


def read(function: Callable[..., Any], **flags: Any) -> NodeType:
    """Read a node type off a function."""
    return node_type_from(function, "Made", **flags)


def one_input(function: Callable[..., Any]) -> Input:
    """The only input of a function."""
    (declared,) = read(function).inputs
    return declared


def outputs(function: Callable[..., Any]) -> list[Output]:
    """The outputs of a function."""
    return list(read(function).outputs)


def called(node_type: NodeType, **arguments: object) -> CallResult:
    """What one call gives."""
    result = node_type.call(arguments, RunContext("1", NOWHERE))
    assert isinstance(result, CallResult)
    return result


def test_python_types_are_socket_types() -> None:
    """int, float, str, bool and Literal are INT, FLOAT, STRING, BOOLEAN and COMBO; no annotation is anything."""

    def function(a: int, b: float, c: str, d: bool, e: Literal["x", 2], f: object, g, h: Picture): ...  # type: ignore[no-untyped-def]

    types = {each.name: each.type for each in read(function).inputs}
    assert types == {
        "a": "INT",
        "b": "FLOAT",
        "c": "STRING",
        "d": "BOOLEAN",
        "e": "COMBO",
        "f": "*",
        "g": "*",
        "h": "IMAGE",
    }
    assert read(function).input("e").options == ("x", 2)  # type: ignore[union-attr]


def test_a_python_default_makes_an_input_optional() -> None:
    """An input without one is required."""

    def function(a: int, b: int = 3) -> None: ...

    a, b = read(function).inputs
    assert (a.required, a.default) == (True, MISSING)
    assert (b.required, b.default) == (False, 3)


def test_the_order_of_parameters_is_the_order_of_inputs() -> None:
    """As an editor shows them."""

    def function(z: int, a: int, m: int) -> None: ...

    assert [each.name for each in read(function).inputs] == ["z", "a", "m"]


def test_a_field_sets_limits_and_help() -> None:
    """``ge`` and ``le``, from pydantic's Field or annotated_types, and the description."""

    def function(a: Annotated[int, Field(ge=1, le=8, description="How many.")]) -> None: ...
    def plain(a: Annotated[float, Ge(0.5)]) -> None: ...

    a = one_input(function)
    assert (a.minimum, a.maximum, a.help) == (1, 8, "How many.")
    assert one_input(plain).minimum == 0.5


def test_a_limit_that_cannot_be_kept_is_no_limit_to_declare() -> None:
    """``gt`` and the like would be dropped silently; so they are refused, naming the parameter."""

    def function(a: Annotated[int, Field(gt=0)]) -> None: ...

    with pytest.raises(TypeError, match=r"Made: parameter 'a': .*Gt.*ge and le"):
        read(function)


def test_limits_stay_under_an_optional() -> None:
    """``X | None`` is an optional X with all that X says."""

    def limits(a: Annotated[int, Field(ge=1)] | None = None) -> None: ...
    def options(a: Literal["x", "y"] | None = None) -> None: ...
    def outside(a: Annotated[int | None, Field(ge=2)] = None) -> None: ...

    assert (one_input(limits).type, one_input(limits).minimum) == ("INT", 1)
    assert (one_input(options).type, one_input(options).options) == ("COMBO", ("x", "y"))
    assert one_input(outside).minimum == 2


def test_a_list_input_is_declared_by_its_items() -> None:
    """A function that takes whole lists says ``list[...]``; limits and options are those of an item."""

    def function(a: list[Literal["x", "y"]], b: list[Annotated[int, Field(ge=1)]], c: list[int]) -> None: ...

    a, b, c = read(function, list_input=True).inputs
    assert (a.type, a.options) == ("COMBO", ("x", "y"))
    assert (b.type, b.minimum) == ("INT", 1)
    assert c.type == "INT"


def test_unions_are_comma_lists() -> None:
    """``int | float`` takes either; members of one type travel as they are."""

    def function(a: int | float, b: Encoded | Picture) -> None: ...

    a, b = read(function).inputs
    assert a.type == "INT,FLOAT"
    assert (b.type, b.receive) == ("IMAGE", None)


def test_a_single_picture_type_is_adapted() -> None:
    """A function that declares the one form gets that form."""

    def function(a: Picture) -> None: ...

    assert one_input(function).receive is str


def test_a_union_adapts_what_all_its_members_adapt_alike() -> None:
    """An input that takes pictures or masks gets the form that both stand for; another mix travels as it is."""
    stencil = Annotated[Any, Socket("MASK", receive=str)]
    assert input_of("a", Picture | stencil) == Input(name="a", type="IMAGE,MASK", receive=str)
    assert input_of("a", Picture | Annotated[Any, Socket("MASK", receive=int)]).receive is None


def test_an_input_tells_whether_a_value_may_be_a_list() -> None:
    """As its socket says, under ``| None`` and in a union too."""
    boxes = Annotated[Any, Socket("BOXES", list_value=True)]
    assert input_of("a", boxes | None).list_value
    assert input_of("a", Picture | boxes).list_value
    assert not input_of("a", Picture | str).list_value


def test_a_member_of_a_dynamic_input_is_declared_like_a_parameter() -> None:
    """One language for both: limits, defaults and options stand in the annotation."""
    declared = input_of("width", Ranged)
    assert (declared.name, declared.type, declared.required) == ("width", "INT", True)
    assert (declared.minimum, declared.maximum, declared.widget.default) == (1, 9, 3)
    assert input_of("crop", Literal["x", "y"]).options == ("x", "y")


def test_marks_are_read_from_the_inside_out() -> None:
    """What is said outside refines what was said inside."""

    def function(a: Annotated[Ranged, Field(le=5), Lazy()]) -> None: ...

    a = one_input(function)
    assert (a.minimum, a.maximum, a.widget.default, a.lazy) == (1, 5, 3, True)


def test_dynamic_inputs_are_marks() -> None:
    """A choice is required like any input; a growing one never is, its members are."""

    def function(a: Annotated[dict[str, Any], CHOICE], b: Annotated[dict[str, Any], GROW]) -> None: ...

    a, b = read(function).inputs
    assert (a.type, a.dynamic, a.required) == ("COMFY_DYNAMICCOMBO_V3", CHOICE, True)
    assert (b.type, b.dynamic, b.required) == ("COMFY_AUTOGROW_V3", GROW, False)
    assert GROW.names == ("image0", "image1")


def test_a_context_is_injected_and_is_no_input() -> None:
    """Whatever the parameter is called."""

    def function(a: int, told: RunContext) -> str:
        return told.node_id * a

    assert [each.name for each in read(function).inputs] == ["a"]
    assert called(read(function), a=2).slots == ("11",)


def test_keyword_parameters_take_undeclared_links() -> None:
    """``**inputs`` makes a variadic node."""

    def function(a: int, **more: int) -> None: ...

    node_type = read(function)
    assert node_type.takes_undeclared
    assert [each.name for each in node_type.inputs] == ["a"]


def test_the_docstring_is_the_help() -> None:
    """Cleaned of its indent."""

    def function() -> None:
        """Do a thing.

        At length.
        """

    assert read(function).help == "Do a thing.\n\nAt length."


@pytest.mark.parametrize("kind", ["positional", "star"])
def test_parameters_that_have_no_name_to_call_by_are_refused(kind: str) -> None:
    """Arguments are passed by name."""

    def positional(a: int, /) -> None: ...
    def star(*a: int) -> None: ...

    with pytest.raises(TypeError, match="Made: parameter 'a'"):
        read({"positional": positional, "star": star}[kind])


def test_an_unknown_annotation_is_refused_by_naming_it() -> None:
    """With the way out."""

    def function(a: Folders) -> None: ...

    with pytest.raises(
        TypeError, match=r"Made: parameter 'a': no socket type is known for .*Folders.*Socket\('TYPE'\)"
    ):
        read(function)


def test_an_annotation_that_cannot_be_found_is_refused_by_naming_it() -> None:
    """A name imported for type checkers only is not there when the function is read."""

    def function(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"Made: .*'Nowhere'"):
        read(function)


def test_outputs_come_from_the_return_annotation() -> None:
    """None has none, a tuple one per item, anything else is one; names default to types."""

    def none() -> None: ...
    def one() -> int: ...
    def pair() -> tuple[Picture, Annotated[int, Named("count")]]: ...
    def named() -> Annotated[Picture, Named("out")]: ...
    def unknown(): ...  # type: ignore[no-untyped-def]

    assert outputs(none) == []
    assert outputs(one) == [Output("INT", "INT")]
    assert outputs(pair) == [Output("IMAGE", "IMAGE"), Output("INT", "count")]
    assert outputs(named) == [Output("IMAGE", "out")]
    assert outputs(unknown) == [Output("*", "*")]


def test_list_outputs_are_declared_as_lists() -> None:
    """``list[X]`` spreads over the slot's value list."""

    def function() -> tuple[list[int], Annotated[list[Picture], Named("pictures")], int]: ...

    assert outputs(function) == [
        Output("INT", "INT", is_list=True),
        Output("IMAGE", "pictures", is_list=True),
        Output("INT", "INT"),
    ]


def test_shown_is_looked_through() -> None:
    """What a front end would see is no output."""

    def saver() -> Shown[Picture]: ...
    def nothing() -> Shown[None]: ...

    assert outputs(saver) == [Output("IMAGE", "IMAGE")]
    assert outputs(nothing) == []


def test_what_stands_in_for_a_value_is_no_output_type() -> None:
    """A function may say that it blocks, expands, or answers in full; the outputs are the rest."""

    def blocks() -> int | Blocked: ...
    def expands() -> tuple[int, list[str]] | Expansion: ...
    def full() -> int | CallResult: ...
    def in_a_slot() -> tuple[Picture | Blocked, int]: ...
    def shows() -> Shown[int] | Blocked: ...

    assert outputs(blocks) == [Output("INT", "INT")]
    assert outputs(expands) == [Output("INT", "INT"), Output("STRING", "STRING", is_list=True)]
    assert outputs(full) == [Output("INT", "INT")]
    assert outputs(in_a_slot) == [Output("IMAGE", "IMAGE"), Output("INT", "INT")]
    assert outputs(shows) == [Output("INT", "INT")]


def test_returned_values_become_slots() -> None:
    """As many as the annotation says."""

    def none(value: object) -> None: ...
    def one(value: object) -> object:
        return value

    def single(value: object) -> tuple[int]:
        return value  # type: ignore[return-value]

    def pair(value: object) -> tuple[int, int]:
        return value  # type: ignore[return-value]

    assert called(read(none), value=1).slots == ()
    assert called(read(one), value=1).slots == (1,)
    assert called(read(one), value=(1,)).slots == ((1,),)
    assert called(read(one), value=None).slots == (None,)
    assert called(read(single), value=(1,)).slots == (1,)
    assert called(read(pair), value=(1, 2)).slots == (1, 2)


@pytest.mark.parametrize("value", [(1,), (1, 2, 3), 1, "ab", None, [1, 2]])
def test_a_wrong_number_of_values_is_an_error(value: object) -> None:
    """ComfyUI takes a short tuple, and the letters of a string, for outputs; we say what came."""

    def pair() -> tuple[int, int]:
        return value  # type: ignore[return-value]

    with pytest.raises(TypeError, match=r"returned \d values? for 2 outputs"):
        called(read(pair))


def test_a_function_without_outputs_returns_nothing() -> None:
    """A value that has no slot would be lost silently."""

    def function() -> None:
        return 5  # type: ignore[return-value]

    with pytest.raises(TypeError, match="returned 1 value for 0 outputs"):
        called(read(function))


def test_special_results() -> None:
    """Shown adds a UI payload, Blocked fills every slot, an Expansion and a CallResult are what they are."""
    expansion = Expansion({"n": Node("Number")}, (Link("n"), 2))
    full = CallResult((1, 2))

    def function(value: object) -> tuple[int, int]:
        return value  # type: ignore[return-value]

    node_type = read(function)
    assert called(node_type, value=Shown((1, 2), {"text": ["a"]})) == CallResult((1, 2), ui={"text": ["a"]})
    assert called(node_type, value=Blocked("no")).slots == (Blocked("no"), Blocked("no"))
    assert called(node_type, value=expansion).expansion == expansion
    assert called(node_type, value=Shown(expansion, {"text": []})) == CallResult(ui={"text": []}, expansion=expansion)
    assert called(node_type, value=full) is full


def test_an_async_function_is_called_async() -> None:
    """The node type says so, and the call gives something to await."""

    async def function(a: int) -> int:
        return a + 1

    node_type = read(function)
    assert node_type.is_async

    async def call() -> object:
        return await node_type.call({"a": 1}, RunContext("1", NOWHERE))  # type: ignore[misc]

    assert asyncio.run(call()) == CallResult((2,))


def test_an_int_for_a_float_arrives_as_a_float() -> None:
    """INT feeds FLOAT, so the function gets what it declared."""

    def function(a: float) -> float:
        return a

    receive = one_input(function).receive
    assert receive is not None
    assert isinstance(receive(2), float)
    assert receive(0.5) == 0.5
    assert receive("untouched") == "untouched"
