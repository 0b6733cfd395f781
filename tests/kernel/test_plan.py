"""A plan is the checked, ordered part of a workflow: every problem at its place, and nothing has run.

In the drawings ``a → b`` means b reads a.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import NOWHERE, node, number_workflows, plan, relabelled, workflow
from pydantic import Field

from graphrun.errors import PathError
from graphrun.kernel.checks import types_match
from graphrun.kernel.node_types import Complaint, Lazy, Named, NodeType, Socket, Widget
from graphrun.kernel.plan import Plan
from graphrun.kernel.workflow import Address, BoundFile, Given, Link, Misread, Node, Workflow
from graphrun.packs import NodePack

Picture = Annotated[Any, Socket("IMAGE")]


def rules() -> NodePack:
    """Nodes with something to get wrong."""
    pack = NodePack("rules")

    @pack.node("Sized", output_node=True, display_name="Sized Thing")
    def sized(
        size: Annotated[int, Field(ge=1, le=8)],
        mode: Literal["fast", "slow"] = "fast",
        factor: float = 1.0,
        picture: Picture = None,
    ) -> int:
        return size

    @pack.node("Paint")
    def paint() -> tuple[Annotated[Picture, Named("picture")], Annotated[int, Named("Seed")]]:
        return None, 1

    @pack.node("Twins")
    def twins() -> tuple[Annotated[int, Named("value")], Annotated[int, Named("Value")]]:
        return 1, 2

    def no_tens(arguments: Mapping[str, object], folders: object) -> Iterable[Complaint]:
        if arguments.get("value") == 10:
            yield Complaint("value", "ten is one too many")
        if arguments.get("value") == 11:
            raise PathError("'../x' would leave the folder")
        if arguments.get("value") == 12:
            raise ZeroDivisionError("oops")

    @pack.node("Picky", check=no_tens, output_node=True)
    def picky(value: int = 0) -> int:
        return value

    @pack.node("Choose", needs=lambda arguments: [])
    def choose(flag: bool, yes: Annotated[int, Lazy()] = 0) -> int:
        return yes

    @pack.node("Open", output_node=True)
    def open_file(file: Annotated[str | BoundFile, Socket("COMBO"), Widget(file=True)]) -> str:
        return str(file)

    return pack


def planned(graph: Workflow, **given: Any) -> Plan:
    """Plan with the rules at hand."""
    return plan(graph, rules(), **given)


def found(made: Plan) -> list[tuple[str, str | None, str | None]]:
    """The problems by code, node and input."""
    return [(problem.type, problem.node_id, problem.input) for problem in made.problems]


# What is planned


def test_a_plan_holds_what_its_outputs_need() -> None:
    """
    a → b → show     c is read by no one: it is not planned, and what is wrong with it harms no one
    c
    """
    graph = workflow(
        c=node("Sized", size=99),
        a=node("Number"),
        b=node("Add", a=Link("a")),
        show=node("Show", value=Link("b")),
        lonely=node("Number", value="?"),
    )
    made = planned(graph, targets=["show"])
    assert list(made.steps) == ["a", "b", "show"]
    assert not made.problems


def test_sources_come_first_and_ties_go_by_place_in_the_file() -> None:
    """
    z → show     z, y and x could come in any order: the file says z, x, y
    y → show
    x → show
    """
    graph = workflow(
        show=node("Sum", a=Link("y"), b=Link("x"), c=Link("z")),
        z=node("Number"),
        x=node("Number"),
        y=node("Number"),
    )
    assert list(planned(graph, targets=["show"]).steps) == ["z", "x", "y", "show"]


@given(number_workflows(), st.randoms(use_true_random=False))
def test_relabelling_changes_no_order(graph: Workflow, random: Any) -> None:
    """Names say nothing: only links and places count."""
    fresh = [f"x{i}" for i in range(len(graph.nodes))]
    random.shuffle(fresh)
    names = dict(zip(graph.nodes, fresh, strict=True))
    other = planned(relabelled(graph, names, graph.nodes))
    assert [names[node_id] for node_id in planned(graph).steps] == list(other.steps)


@given(number_workflows(), st.data())
def test_any_order_of_the_file_gives_a_topological_order(graph: Workflow, data: st.DataObject) -> None:
    """Every step stands behind all it reads."""
    order = data.draw(st.permutations(list(graph.nodes)))
    made = planned(relabelled(graph, dict(zip(order, order, strict=True)), order))
    seen: set[str] = set()
    for node_id, step in made.steps.items():
        assert step.reads.keys() <= seen
        seen.add(node_id)


def test_without_targets_all_output_nodes_are_wanted() -> None:
    """In the order of the file."""
    graph = workflow(s=node("Show", value=1), t=node("Show", value=2), n=node("Number"))
    assert planned(graph).targets == ("s", "t")


def test_targets_may_be_any_nodes() -> None:
    """Named twice, a node is wanted once; output nodes that aren't named stay out."""
    graph = workflow(n=node("Number"), s=node("Show", value=Link("n")), m=node("Number"))
    made = planned(graph, targets=["m", "n", "m"])
    assert made.targets == ("m", "n")
    assert set(made.steps) == {"n", "m"}


def test_a_file_may_ask_for_its_targets() -> None:
    """Targets of the caller come before those of the file."""
    graph = Workflow({"s": node("Show", value=1), "t": node("Show", value=2)}, targets=("t",))
    assert planned(graph).targets == ("t",)
    assert planned(graph, targets=["s"]).targets == ("s",)


def test_a_target_that_is_not_there_is_a_problem() -> None:
    """The others are planned; where none is left nothing is, instead of everything."""
    graph = {"show": node("Show", value=1)}
    some = planned(Workflow(graph, targets=("show", "shwo")))
    assert some.targets == ("show",)
    assert found(some) == [("unknown_target", None, None)]
    assert "did you mean 'show'?" in some.problems[0].message
    none = planned(Workflow(graph, targets=("shwo",)))
    assert (none.targets, dict(none.steps), found(none)) == ((), {}, [("unknown_target", None, None)])
    assert found(planned(Workflow(graph), targets=["shwo"])) == [("unknown_target", None, None)]


def test_no_outputs_is_a_problem() -> None:
    """ComfyUI's code, with the remedy; an empty file is told as that."""
    made = planned(workflow(n=node("Number")))
    assert found(made) == [("prompt_no_outputs", None, None)]
    assert "--target" in made.problems[0].message
    assert planned(workflow()).problems[0].message == "the workflow has no nodes"


def test_steps_have_converted_literals_numbered_links_and_defaults() -> None:
    """What the function will get is known by then."""
    graph = workflow(p=node("Paint"), s=node("Sized", size="3", factor=Link("p", "seed")))
    step = planned(graph).steps["s"]
    assert step.literals == {"size": 3, "mode": "fast"}
    assert (step.links["factor"].node_id, step.links["factor"].slot) == ("p", 1)
    assert step.label == 's "Sized Thing" (Sized)'


def test_a_lazy_link_is_read_only_maybe() -> None:
    """It still counts for order."""
    graph = workflow(
        s=node("Show", value=Link("c")), c=node("Choose", flag=True, yes=Link("n")), n=node("Number", value=1)
    )
    made = planned(graph)
    assert list(made.steps) == ["n", "c", "s"]
    assert (dict(made.steps["c"].reads), list(made.steps["c"].may_read)) == ({}, ["n"])


# What is wrong with one node


def one(class_type: str = "Sized", **inputs: object) -> list[tuple[str, str | None, str | None]]:
    """The problems of a file with one output beside a painter and a number."""
    return found(planned(workflow(p=node("Paint"), n=node("Number"), s=node(class_type, **inputs)), targets=["s"]))


@pytest.mark.parametrize(
    ("inputs", "code", "input"),
    [
        ({}, "required_input_missing", "size"),
        ({"size": None}, "invalid_input_type", "size"),
        ({"size": "many"}, "invalid_input_type", "size"),
        ({"size": 0}, "value_smaller_than_min", "size"),
        ({"size": 9}, "value_bigger_than_max", "size"),
        ({"size": 1, "mode": "medium"}, "value_not_in_list", "mode"),
        ({"size": 1, "picture": "a.png"}, "invalid_input_type", "picture"),
        ({"size": Link("p")}, "return_type_mismatch", "size"),
        ({"size": 1, "picture": Link("n")}, "return_type_mismatch", "picture"),
        ({"size": Link("nowhere")}, "missing_link_source", "size"),
        ({"size": Link("p", 2)}, "bad_slot", "size"),
        ({"size": Link("p", -1)}, "bad_slot", "size"),
        ({"size": Link("p", "mask")}, "bad_slot", "size"),
        ({"size": Misread(["a"], "bad_linked_input", "must be a link of two")}, "bad_linked_input", "size"),
        ({"size": 1, "leftover": Link("nowhere")}, "missing_link_source", "leftover"),
        ({"size": 1, "leftover": Link("p", 7)}, "bad_slot", "leftover"),
        ({"size": BoundFile("a.png", b"")}, "invalid_input_type", "size"),
    ],
)
def test_a_fault_is_told_by_its_code_at_its_place(inputs: dict[str, object], code: str, input: str) -> None:
    """ComfyUI's codes (comfyui-execution.md, 4.3), and ours where it had a raw exception."""
    assert one(**inputs) == [(code, "s", input)]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"size": 9}, "9 is bigger than the most allowed, 8"),
        ({"size": Link("p")}, "wants INT, but p (Paint) gives IMAGE there"),
        ({"size": Link("pp")}, "links to 'pp', which is not in the workflow; did you mean 'p'?"),
        ({"size": Link("p", 5)}, "links to output 5 of p (Paint), whose outputs are: 0 picture, 1 Seed"),
    ],
)
def test_a_fault_is_told_in_a_sentence(inputs: dict[str, object], words: str) -> None:
    """With what was found and what would do; the node is named as people know it."""
    (problem,) = planned(workflow(p=node("Paint"), s=node("Sized", **inputs)), targets=["s"]).problems
    assert str(problem).startswith('s "Sized Thing" (Sized): size: ')
    assert problem.message == words


def test_every_fault_of_every_node_is_told_at_once() -> None:
    """In the order of the file, however far upstream, behind faulty links too."""
    graph = workflow(
        s=node("Sized", size=99, mode="medium", picture=Link("bad", 5)),
        bad=node("Sized", factor=float("nan"), size=Link("gone")),
        t=node("Picky", value=10),
    )
    assert found(planned(graph)) == [
        ("value_bigger_than_max", "s", "size"),
        ("value_not_in_list", "s", "mode"),
        ("bad_slot", "s", "picture"),
        ("missing_link_source", "bad", "size"),
        ("invalid_input_type", "bad", "factor"),
        ("custom_validation_failed", "t", "value"),
    ]


def test_slots_may_be_named() -> None:
    """As written, or in any case where that is unique."""
    for slot in (1, "Seed", "seed"):
        assert one(size=Link("p", slot)) == []
    graph = workflow(
        t=node("Twins"), s=node("Sized", size=Link("t", "Value")), z=node("Sized", size=Link("t", "VALUE"))
    )
    made = planned(graph)
    assert made.steps["s"].links["size"].slot == 1
    assert found(made) == [("bad_slot", "z", "size")]


def test_the_nodes_own_check_is_asked_last() -> None:
    """Of a node that is right otherwise: it sees converted literals."""
    assert one("Picky", value="10") == [("custom_validation_failed", "s", "value")]
    assert one("Picky", value="ten") == [("invalid_input_type", "s", "value")]
    assert one("Picky", value=11) == [("invalid_path", "s", None)]
    assert one("Picky", value=12) == [("exception_during_validation", "s", None)]
    assert one("Picky", value=1) == []


def test_undeclared_constants_are_ignored_with_one_warning() -> None:
    """Editors leave them behind; what they are known to leave is not worth a word."""
    graph = workflow(
        n=node("Number", old=1, upload="image"),
        s=node("Show", value=Link("n"), color="red", size=3),
    )
    made = planned(graph)
    assert not made.problems
    assert made.warnings == ("inputs that their nodes don't know are ignored (n (Number): old; s (Show): color, size)",)


def test_an_undeclared_input_set_by_hand_is_a_problem() -> None:
    """A typo on the command line must not be ignored; the nearest name is suggested."""
    graph = workflow(s=node("Sized", size=1)).with_inputs({"s.sise": 2})
    made = planned(graph)
    assert found(made) == [("unknown_input", "s", "sise")]
    assert "did you mean 'size'?" in made.problems[0].message


def test_undeclared_links_are_followed_only_where_they_are_wanted() -> None:
    """A variadic node reads them all; any other drops them, and what they lead to is not run."""
    graph = workflow(
        a=node("Number"), b=node("Number"), v=node("Sum", x=Link("a")), s=node("Show", value=Link("v"), extra=Link("b"))
    )
    made = planned(graph)
    assert list(made.steps) == ["a", "v", "s"]
    assert made.warnings == ("inputs that their nodes don't know are ignored (s (Show): extra)",)


def test_undeclared_literals_of_a_variadic_node_are_left_alone() -> None:
    """They are the editor's own, such as the options of a CustomCombo: no warning, and no part of the key."""
    graph = workflow(v=node("Sum", option1="a", option2=2))
    made = planned(graph.with_inputs({"v.option3": 3}), targets=["v"])
    assert not made.problems
    assert made.warnings == ()
    assert made.steps["v"].literals == {}


def test_what_a_dropped_link_leads_to_rules_nothing_out() -> None:
    """A leftover link to a node whose class isn't installed is as harmless as a leftover constant."""
    graph = workflow(k=node("KSampler"), s=node("Show", value=1, old=Link("k")))
    made = planned(graph, targets=["s"])
    assert not made.refused
    assert not made.problems


def test_given_values_are_taken_as_they_are() -> None:
    """What the embedding program hands over is not checked by type; a variadic node takes it under any name."""
    graph = workflow(s=node("Sized", size=1, picture=Given((object(),))), v=node("Sum", x=Given((1, 2))))
    made = planned(graph, targets=["s", "v"])
    assert not made.problems
    assert set(made.steps["v"].literals) == {"x"}


class Painter:
    """A kind of service."""

    identity = "painter"


def test_a_service_that_is_unavailable_is_a_problem_with_its_remedy() -> None:
    """One that is simply not there is none: checking a file needs no image service."""
    pack = NodePack("services")

    @pack.node("Paint", services=(Painter,), output_node=True)
    def paint() -> int:
        return 1

    graph = workflow(p=node("Paint"))
    made = plan(graph, pack, unavailable={Painter: "set OPENAI_API_KEY"})
    assert [(each.type, each.node_id, each.message) for each in made.problems] == [
        ("service_unavailable", "p", "set OPENAI_API_KEY")
    ]
    assert not plan(graph, pack).problems


def test_problems_have_a_line_where_the_form_has_lines() -> None:
    """The input's, else the node's."""
    graph = Workflow(
        {"s": node("Sized", size=0, mode="x")},
        path=Path("folder") / "w.yaml",
        places={("s", "size"): (4, 9), ("s", ""): (3, 1)},
    )
    assert [problem.place for problem in planned(graph).problems] == ["w.yaml:4:9", "w.yaml:3:1"]


# What is ruled out


def test_outputs_that_are_valid_run_beside_those_that_are_not() -> None:
    """
    n → ok        bad is refused for its own fault, late for what it reads
    bad → late
    """
    graph = workflow(
        n=node("Number"),
        ok=node("Show", value=Link("n")),
        bad=node("Sized", size=0),
        late=node("Show", value=Link("bad")),
    )
    made = planned(graph)
    assert made.targets == ("ok",)
    assert list(made.steps) == ["n", "ok"]
    assert found(made) == [("value_smaller_than_min", "bad", "size")]
    assert list(made.refused) == ["bad", "late"]
    assert 'because of bad "Sized Thing" (Sized)' in made.refused["late"]
    assert "as it is" in made.refused["bad"]


def test_a_lazy_link_to_something_invalid_rules_its_reader_out() -> None:
    """Whether it is read is known only when others have been paid for."""
    graph = workflow(
        bad=node("Sized", size=0), c=node("Choose", flag=True, yes=Link("bad")), s=node("Show", value=Link("c"))
    )
    assert list(planned(graph, targets=["s"]).refused) == ["s"]


def test_classes_that_are_not_installed_are_told_once_per_output() -> None:
    """
    CheckpointLoaderSimple → KSampler → s     worded for people, at the output that needs them
    n → t
    """
    graph = workflow(
        c=node("CheckpointLoaderSimple"),
        k=node("KSampler", model=Link("c")),
        s=node("Show", value=Link("k")),
        n=node("Number"),
        t=node("Show", value=Link("n")),
    )
    made = planned(graph)
    words = "needs CheckpointLoaderSimple, KSampler: local models, which graphrun does not run"
    assert [(each.type, each.node_id, each.message) for each in made.problems] == [("missing_node_type", "s", words)]
    assert made.refused == {"s": f"output s (Show) {words}"}
    assert made.targets == ("t",)


def test_an_unknown_class_that_no_one_reads_counts_as_an_output() -> None:
    """It was one somewhere; near names are suggested."""
    made = planned(workflow(s=node("Shwo", value=1)))
    assert found(made) == [("missing_node_type", "s", None)]
    assert "did you mean 'Show'?" in made.problems[0].message


def test_another_class_that_shares_words_is_not_suggested() -> None:
    """Whoever wrote ShowVideo did not mean Show."""
    made = planned(workflow(s=node("ShowVideo", value=1)))
    assert "which no installed node pack has (" in made.problems[0].message


def test_many_missing_classes_are_counted() -> None:
    """The first six are named."""
    nodes = {f"m{i}": node(f"Foreign{i}") for i in range(8)}
    nodes["v"] = node("Sum", **{f"x{i}": Link(f"m{i}") for i in range(8)})
    made = planned(Workflow(nodes), targets=["v"])
    assert "Foreign0, Foreign1, Foreign2, Foreign3, Foreign4, Foreign5 and 2 more" in made.problems[0].message


# Cycles


def cycle_messages(made: Plan) -> list[str]:
    """What is said of cycles."""
    return [problem.message for problem in made.problems if problem.type == "dependency_cycle"]


def test_a_cycle_is_told_by_its_path() -> None:
    """
    a → b → c → a     c → s
    """
    graph = workflow(
        a=node("Add", a=Link("c")),
        b=node("Add", a=Link("a")),
        c=node("Add", a=Link("b")),
        s=node("Show", value=Link("c")),
    )
    made = planned(graph)
    assert cycle_messages(made) == [
        "Dependency cycle detected: a (Add) -> b (Add) -> c (Add) -> a (Add); cut one of these links"
    ]
    assert list(made.refused) == ["s"]


def test_a_node_that_reads_itself_is_a_cycle() -> None:
    """
    a → a → s
    """
    made = planned(workflow(a=node("Add", a=Link("a")), s=node("Show", value=Link("a"))))
    assert cycle_messages(made) == ["Dependency cycle detected: a (Add) -> a (Add); cut one of these links"]


def test_each_cycle_is_told_once_and_harms_only_its_readers() -> None:
    """
    a ⇄ b → s     c ⇄ d → t     n → u
    """
    graph = workflow(
        a=node("Add", a=Link("b")),
        b=node("Add", a=Link("a")),
        s=node("Show", value=Link("b")),
        c=node("Add", a=Link("d")),
        d=node("Add", a=Link("c")),
        t=node("Show", value=Link("d")),
        n=node("Number"),
        u=node("Show", value=Link("n")),
    )
    made = planned(graph)
    assert len(cycle_messages(made)) == 2
    assert made.targets == ("u",)
    assert list(made.refused) == ["s", "t"]


def test_a_cycle_among_lazy_links_is_a_cycle() -> None:
    """
    c ⇢ a → c     it can't be known that c never asks
    """
    graph = workflow(
        c=node("Choose", flag=True, yes=Link("a")), a=node("Add", a=Link("c")), s=node("Show", value=Link("a"))
    )
    assert len(cycle_messages(planned(graph))) == 1


def test_a_cycle_is_found_even_where_there_is_no_output() -> None:
    """Then everything is looked at: the output may be what is missing."""
    made = planned(workflow(a=node("Add", a=Link("b")), b=node("Add", a=Link("a"))))
    assert [problem.type for problem in made.problems] == ["prompt_no_outputs", "dependency_cycle"]


def test_a_cycle_no_output_needs_is_no_ones_business() -> None:
    """
    a ⇄ b     n → s
    """
    graph = workflow(
        a=node("Add", a=Link("b")), b=node("Add", a=Link("a")), n=node("Number"), s=node("Show", value=Link("n"))
    )
    assert not planned(graph).problems


def test_a_long_cycle_is_shortened() -> None:
    """Of ten thousand nodes, twelve are named."""
    nodes = {str(i): node("Add", a=Link(str((i - 1) % 10_000))) for i in range(10_000)}
    nodes["s"] = node("Show", value=Link("0"))
    (message,) = cycle_messages(planned(Workflow(nodes)))
    assert "… 9989 more …" in message
    assert len(message) < 300


TANGLE = """
import sys
sys.path.insert(0, {folder!r})
from made_up import node, plan
from graphrun.kernel.workflow import Link, Workflow

def tangled(i):
    return node("Sum", **{{f"v{{j}}": Link(f"n{{(i * 7 + j * 3) % 20}}") for j in range(3)}})

nodes = {{f"n{{i}}": tangled(i) for i in range(20)}} | {{f"r{{i}}": node("Sum", v=Link("n0")) for i in range(99)}}
nodes["s"] = node("Show", value=Link("n0"))
nodes["m"] = node("Sum", **{{f"v{{i}}": Link(f"x{{i}}") for i in range(9)}})
nodes |= {{f"x{{i}}": node(f"Class{{i}}") for i in range(9)}}
made = plan(Workflow(nodes), targets=["s", "m"])
print([str(problem) for problem in made.problems], list(made.steps), made.refused)
"""


def test_a_plan_is_the_same_in_every_process() -> None:
    """Order, cycles and messages don't depend on how Python hashes text today."""
    told = {
        subprocess.run(
            [sys.executable, "-c", TANGLE.format(folder=str(Path(__file__).parent))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(told) == 1


# Types


@pytest.mark.parametrize(
    ("received", "wanted", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("INT", "FLOAT", True),
        ("FLOAT", "INT", False),
        ("INT", "FLOAT,STRING", True),
        ("BOOLEAN", "INT", False),
        ("STRING", "COMBO", False),
        ("COMBO", "STRING", False),
        ("*", "IMAGE", True),
        ("IMAGE", "*", True),
        ("IMAGE,MASK", "MASK,LATENT", True),
        ("IMAGE, MASK", "MASK", True),
        ("IMAGE,MASK", "LATENT,VAE", False),
        ("IMAGE,*", "VAE", True),
        ("", "", True),
        ("", "IMAGE", False),
        ("IMAGE", "COMFY_MATCHTYPE_V3", True),
        ("COMFY_MATCHTYPE_V3", "IMAGE", True),
        ("image", "IMAGE", False),
    ],
)
def test_types_match_as_in_comfyui_and_int_feeds_float(received: str, wanted: str, fits: bool) -> None:
    """Any common element of two comma lists; a star matches all (comfyui-execution.md, 4.4)."""
    assert types_match(received, wanted) is fits


# Size


def test_a_long_chain_is_planned() -> None:
    """Nothing recurses. One of 100,000 is planned and run in test_execute.py."""
    nodes = {"0": Node("Number")}
    nodes |= {str(i): Node("Add", {"a": Link(str(i - 1))}) for i in range(1, 20_000)}
    nodes["s"] = Node("Show", {"value": Link("19999")})
    assert list(planned(Workflow(nodes)).steps) == list(nodes)


def test_a_fan_of_20_000_nodes_is_planned() -> None:
    """
    0 → 1 … n → sum
    """
    nodes = {"0": Node("Number")} | {str(i): Node("Add", {"a": Link("0")}) for i in range(1, 20_000)}
    nodes["sum"] = Node("Sum", {f"v{i}": Link(str(i)) for i in range(1, 20_000)})
    assert len(planned(Workflow(nodes), targets=["sum"]).steps) == 20_001


def test_a_long_chain_behind_a_fault_is_refused() -> None:
    """The first of a very long chain is wrong: its one output is refused, naming it."""
    nodes = {"0": Node("Sized", {"size": 0})}
    nodes |= {str(i): Node("Add", {"a": Link(str(i - 1))}) for i in range(1, 20_000)}
    nodes["s"] = Node("Show", {"value": Link("19999")})
    made = planned(Workflow(nodes), targets=["s"])
    assert found(made) == [("value_smaller_than_min", "0", "size")]
    assert '0 "Sized Thing" (Sized)' in made.refused["s"]


def test_a_plan_never_changes_the_workflow() -> None:
    """Coerced values live elsewhere."""
    graph = workflow(s=node("Sized", size="3", leftover=1))
    before = {node_id: dict(each.inputs) for node_id, each in graph.nodes.items()}
    planned(graph)
    assert {node_id: dict(each.inputs) for node_id, each in graph.nodes.items()} == before


def test_checks_see_the_folders() -> None:
    """A node's own check resolves names where the run would."""
    pack = NodePack("folders")
    seen: list[object] = []

    def look(arguments: Mapping[str, object], folders: object) -> Iterable[Complaint]:
        seen.append(folders)
        return ()

    @pack.node("Look", check=look, output_node=True)
    def look_node() -> None:
        """Do nothing."""

    plan(workflow(x=node("Look")), pack)
    assert seen == [NOWHERE]


def test_a_type_declares_its_inputs_by_name() -> None:
    """Dynamic members are not declared before a node carries them."""
    types: dict[str, NodeType] = {each.name: each for each in rules()}
    assert types["Sized"].input("size") is types["Sized"].inputs[0]
    assert types["Sized"].input("sise") is None


def test_by_hand_needs_no_input_that_was_there() -> None:
    """An optional input that the file leaves out can be set."""
    graph = workflow(s=node("Sized", size=1)).with_inputs({"s.factor": 2})
    assert graph.by_hand == {Address("s", "factor")}
    made = planned(graph)
    assert not made.problems
    assert made.steps["s"].literals["factor"] == 2.0


def review(node_type: NodeType, asked: object) -> list[Complaint]:
    """Judge what nodes would ask: the model, and the names of their links."""
    said = {
        "dead": Complaint("model", "it is dead; see NODE", "gone"),
        "nowhere": Complaint("", "nobody has it", "gone"),
        "old": Complaint("model", "it is old", warning=True),
    }
    return [said[asked]] if isinstance(asked, str) and asked in said else []


def asking() -> NodePack:
    """Ask tells its model, Quiet tells nothing, Broken fails to tell."""
    pack = NodePack("asking")

    @pack.node("Ask", asks=lambda literals, linked: literals.get("model"), output_node=True)
    @pack.node("Quiet", output_node=True)
    @pack.node("Broken", asks=lambda literals, linked: literals["nothing"], output_node=True)
    def ask(model: str = "old", number: int = 0) -> int:
        """Do nothing."""
        return number

    return pack


def test_services_judge_what_nodes_would_ask() -> None:
    """A complaint is a problem of its input, or of the node; a warning names the node and refuses nothing."""
    graph = workflow(
        dead=node("Ask", model="dead"),
        nowhere=node("Ask", model="nowhere"),
        old=node("Ask"),
        good=node("Ask", model="x"),
    )
    made = plan(graph, asking(), review=review)
    assert found(made) == [("gone", "dead", "model"), ("gone", "nowhere", None)]
    assert made.warnings == ("old (Ask): it is old",)
    assert made.targets == ("old", "good")
    assert plan(graph, asking()).problems == ()


def test_nodes_that_tell_nothing_are_not_judged() -> None:
    """No hook, one that fails, or a value that was handed over and is known in the run only."""
    graph = workflow(
        quiet=node("Quiet", model="dead"),
        broken=node("Broken", model="dead"),
        given=node("Ask", model=Given(("dead",))),
    )
    assert plan(graph, asking(), review=review).problems == ()


def test_a_node_s_other_faults_are_told_beside_the_judgement() -> None:
    """All at once; but of what can't be read nothing is asked."""
    graph = workflow(x=node("Ask", model="dead", number="many"))
    assert found(plan(graph, asking(), review=review)) == [("invalid_input_type", "x", "number")]
