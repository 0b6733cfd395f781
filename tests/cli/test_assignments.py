"""What ``--set NODE.INPUT=VALUE`` means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun import Input, Node, NodePack, Registry, Workflow
from graphrun.cli.assignments import split_assignment, with_assignments
from graphrun.handing_over import value_of
from graphrun.kernel.node_types import DynamicCombo

pack = NodePack("test")


@given(st.text(), st.text().filter(lambda text: "=" not in text), st.text().filter(lambda text: "=" not in text))
def test_values_may_hold_anything(value: str, node: str, name: str) -> None:
    """The first = ends the address; everything after it is the value, to the letter."""
    assert split_assignment(f"{node}.{name}={value}", "--set") == (f"{node}.{name}", value)


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("STRING", "5", "5"),
        ("STRING", '{"a": 1}', '{"a": 1}'),
        ("INT", "5", "5"),
        ("FLOAT", "1e3", "1e3"),
        ("BOOLEAN", "true", "true"),
        ("CURVE", "[[0, 0], [1, 1]]", [[0, 0], [1, 1]]),
        ("BOX", '{"x": 1}', {"x": 1}),
        ("BOX", "{x: 1}", "{x: 1}"),
        ("BOX", "[" * 100_000, "[" * 100_000),
        ("*", "5", "5"),
        ("FLOAT,INT", "5", 5),
        ("FLOAT,INT", "0.5", 0.5),
        ("INT,STRING", "5", "5"),
        ("INT,BOOLEAN", "true", True),
    ],
)
def test_a_value_is_text_unless_text_is_not_wanted(type: str, text: str, value: object) -> None:
    """Plain numbers and truths are left to the plan, which reports what doesn't fit."""
    found = value_of(text, Input(name="x", type=type))
    assert found == value
    assert found.__class__ is value.__class__


def test_an_option_is_named_by_how_it_is_printed() -> None:
    """An option that is a number can be chosen too; one that doesn't exist is left for the plan to report."""
    declared = Input(name="n", type="COMBO", options=(1, 2, "many"))
    assert [value_of(text, declared) for text in ("2", "many", "3")] == [2, "many", "3"]


def test_a_choice_brings_the_inputs_that_are_set_after_it() -> None:
    """--set 1.model=big --set 1.model.box={…}: the second is known through the first."""
    box = Input(name="box", type="BOX")

    @pack.node("Dynamic")
    def dynamic(model: str) -> str:
        return model

    node_type = Registry([pack])["Dynamic"]
    model = Input(name="model", type="COMFY_DYNAMICCOMBO_V3", dynamic=DynamicCombo({"small": (), "big": (box,)}))
    types = {"Dynamic": node_type.__class__(name="Dynamic", call=node_type.call, inputs=(model,))}
    workflow = Workflow({"1": Node("Dynamic", {"model": "small"})})
    changed = with_assignments(workflow, ["1.model=big", '1.model.box={"x": 1}'], types)
    assert changed.nodes["1"].inputs == {"model": "big", "model.box": {"x": 1}}
    assert workflow.nodes["1"].inputs == {"model": "small"}
