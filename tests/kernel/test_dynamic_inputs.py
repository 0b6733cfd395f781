"""Dynamic inputs: flat dotted keys in, nested dicts out (comfyui-execution.md, 3.5)."""

from __future__ import annotations

from typing import Annotated, Any

from made_up import node, plan, run, workflow

from graphrun.kernel.dynamic_inputs import finalise, fold
from graphrun.kernel.node_types import Autogrow, DynamicCombo, Input
from graphrun.kernel.workflow import Link
from graphrun.packs import NodePack

RESIZE = Input(
    name="resize",
    dynamic=DynamicCombo(
        {
            "by size": (Input(name="width", type="INT"), Input(name="height", type="INT", required=False)),
            "by factor": (Input(name="factor", type="FLOAT"),),
        }
    ),
)
IMAGES = Input(
    name="images", required=False, dynamic=Autogrow.numbered(Input(name="image", type="IMAGE"), "image", minimum=2)
)


def names(declared: Input, *given: str, **values: object) -> list[str]:
    """The flat names that exist for a node which carries these keys."""
    keys = {name.replace("__", "."): value for name, value in values.items()} | dict.fromkeys(given, Link("x"))
    return [each.name for each in finalise([declared], keys)]


def folded(declared: Input, values: dict[str, object]) -> dict[str, object]:
    """The arguments a function gets for these flat values."""
    return fold(finalise([declared], values), values)


def test_a_choice_brings_its_own_inputs() -> None:
    """Only the inputs of the chosen option exist, right after the choice, under full names."""
    assert names(RESIZE, resize="by size") == ["resize", "resize.width", "resize.height"]
    assert names(RESIZE, resize="by factor") == ["resize", "resize.factor"]


def test_without_a_known_choice_nothing_further_exists() -> None:
    """An absent or unknown choice declares no members; the choice itself is then what is wrong."""
    assert names(RESIZE) == ["resize"]
    assert names(RESIZE, resize="by magic") == ["resize"]
    assert names(RESIZE, resize=["by size"]) == ["resize"]


def test_a_choice_is_folded_with_its_members() -> None:
    """The choice is stored inside, under the input's own last name."""
    values = {"resize": "by size", "resize.width": 5}
    assert folded(RESIZE, values) == {"resize": {"resize": "by size", "width": 5}}


def test_choices_nest() -> None:
    """An option of a choice may hold another choice."""
    inner = Input(name="sub", dynamic=DynamicCombo({"one": (Input(name="x", type="FLOAT"),)}))
    outer = Input(name="combo", dynamic=DynamicCombo({"two": (inner,)}))
    values = {"combo": "two", "combo.sub": "one", "combo.sub.x": 1.0}
    assert folded(outer, values) == {"combo": {"combo": "two", "sub": {"sub": "one", "x": 1.0}}}


def test_a_growing_input_has_its_least_members_and_those_given() -> None:
    """The first names are required, the others exist where they are given."""
    assert names(IMAGES) == ["images", "images.image0", "images.image1"]
    assert names(IMAGES, "images.image7") == ["images", "images.image0", "images.image1", "images.image7"]
    members = finalise([IMAGES], {"images.image7": Link("x")})
    assert [each.required for each in members] == [False, True, True, False]


def test_an_optional_template_requires_nothing() -> None:
    """The minimum counts only where the template itself is required."""
    template = Input(name="image", required=False)
    loose = Input(name="images", dynamic=Autogrow(template, ("a", "b"), minimum=2))
    assert names(loose) == ["images"]


def test_only_given_members_are_folded() -> None:
    """``images`` holds what there is, and ``{}`` where there is nothing."""
    assert folded(IMAGES, {"images.image1": "p", "images.image0": "q"}) == {"images": {"image0": "q", "image1": "p"}}
    assert fold([IMAGES], {}) == {"images": {}}


def test_other_names_stay_as_they_are() -> None:
    """Plain inputs, and undeclared ones with or without dots, are handed over flat."""
    values = {"resize": "by factor", "resize.factor": 2.0, "plain": 1, "extra.dotted": 2}
    inputs = finalise([RESIZE, Input(name="plain")], values)
    assert fold(inputs, values) == {
        "resize": {"resize": "by factor", "factor": 2.0},
        "plain": 1,
        "extra.dotted": 2,
    }


def test_a_plain_input_may_have_a_dot_in_its_name() -> None:
    """Only members of dynamic inputs are nested; a dot alone means nothing."""
    inputs = [RESIZE, Input(name="a"), Input(name="a.b")]
    assert fold(inputs, {"resize": "by magic", "a": 1, "a.b": 2})["a.b"] == 2


def test_folding_leaves_the_flat_values_alone() -> None:
    """Values are shared between the calls of a step, so they are never changed."""
    values: dict[str, object] = {"resize": "by factor", "resize.factor": 2.0}
    folded(RESIZE, values)
    assert values == {"resize": "by factor", "resize.factor": 2.0}


def dynamic_pack() -> NodePack:
    """Resize and Collect take dynamic inputs and give back what they got."""
    pack = NodePack("dynamic")

    @pack.node("Resize", output_node=True)
    def resize(resize: Annotated[dict[str, Any], RESIZE.dynamic]) -> Annotated[object, "*"]:
        return resize

    @pack.node("Collect", output_node=True)
    def collect(
        items: Annotated[dict[str, Any], Autogrow.numbered(Input(name="item", type="INT"), "item", minimum=1)],
    ) -> Annotated[object, "*"]:
        return items

    return pack


def test_a_function_gets_its_dynamic_inputs_nested() -> None:
    """Literals are converted by the members' types, links are followed, and all is nested for the call."""
    graph = workflow(
        n=node("Number", value=7),
        r=node("Resize", resize="by size", resize__width="640", resize__height=Link("n")),
        c=node("Collect", items__item0=Link("n"), items__item1=8),
    )
    result = run(graph, dynamic_pack())
    assert result.values("r") == [{"resize": "by size", "width": 640, "height": 7}]
    assert result.values("c") == [{"item0": 7, "item1": 8}]


def test_lists_are_broadcast_before_members_are_nested() -> None:
    """A list of two linked to a member makes two calls."""
    pack = dynamic_pack()

    @pack.node("Two")
    def two() -> list[int]:
        return [1, 2]

    graph = workflow(t=node("Two"), c=node("Collect", items__item0=Link("t"), items__item1=9))
    assert run(graph, pack).values("c") == [{"item0": 1, "item1": 9}, {"item0": 2, "item1": 9}]


def codes(graph: Any) -> list[tuple[str, str | None]]:
    """The problems of a plan, by code and input."""
    return [(problem.type, problem.input) for problem in plan(graph, dynamic_pack()).problems]


def test_problems_name_the_full_key() -> None:
    """A member's problem is told at its dotted key, as it is written in the file."""
    assert codes(workflow(r=node("Resize", resize="by size"))) == [("required_input_missing", "resize.width")]
    assert codes(workflow(r=node("Resize", resize="by size", resize__width="wide"))) == [
        ("invalid_input_type", "resize.width")
    ]
    assert codes(workflow(c=node("Collect"))) == [("required_input_missing", "items.item0")]


def test_a_choice_must_be_one_of_the_options() -> None:
    """Unknown, absent, or linked choices are told as such; nothing is said of the members they would have."""
    assert codes(workflow(r=node("Resize", resize="by magic"))) == [("value_not_in_list", "resize")]
    assert codes(workflow(r=node("Resize"))) == [("required_input_missing", "resize")]
    linked = plan(workflow(n=node("Number"), r=node("Resize", resize=Link("n"))), dynamic_pack())
    assert [(problem.type, problem.input) for problem in linked.problems] == [("value_not_in_list", "resize")]
    assert "can't be linked" in linked.problems[0].message


def test_members_of_other_options_are_ignored_with_a_warning() -> None:
    """A file keeps what was set before another option was chosen."""
    made = plan(workflow(r=node("Resize", resize="by factor", resize__factor=2, resize__width=5)), dynamic_pack())
    assert not made.problems
    assert made.warnings == ("inputs that their nodes don't know are ignored (r (Resize): resize.width)",)


def test_links_of_other_options_rule_nothing_out() -> None:
    """What a leftover link leads to is not needed, so it may be of a class that isn't installed."""
    graph = workflow(
        r=node("Resize", resize="by factor", resize__factor=2, resize__width=Link("k")), k=node("KSampler")
    )
    made = plan(graph, dynamic_pack(), targets=["r"])
    assert not made.problems
    assert list(made.steps) == ["r"]


def test_a_literal_in_place_of_the_members_is_ignored_with_a_warning() -> None:
    """A growing input has no value of its own."""
    made = plan(workflow(c=node("Collect", items=5, items__item0=1)), dynamic_pack())
    assert not made.problems
    assert "c (Collect): items" in made.warnings[0]
    assert "items" not in made.steps["c"].literals
