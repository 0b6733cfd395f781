"""Nodes that a node puts in its place: native expansions, checked and run like any others.

In the drawings ``a ⇒ x`` means a expands into x.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from made_up import node, run, workflow

from graphrun.kernel import events
from graphrun.kernel.context import RunContext
from graphrun.kernel.node_types import Blocked, CallResult, Expansion, Lazy, RawLink, Shown, Socket
from graphrun.kernel.workflow import Given, Link, Node
from graphrun.packs import NodePack


def growing() -> NodePack:
    """Nodes that expand."""
    pack = NodePack("growing")

    @pack.node("Twice")
    def twice(value: int) -> int | Expansion:
        """Become value + value, by way of two nodes."""
        return Expansion({"n": node("Number", value=value), "a": node("Add", a=Link("n"), b=Link("n"))}, (Link("a"),))

    @pack.node("Count down")
    def count_down(n: int) -> int | Expansion:
        """Become one more than a copy of itself that counts from n - 1."""
        if n == 0:
            return 0
        rest = {"rest": node("Count down", n=n - 1), "one": node("Add", a=Link("rest"), b=1)}
        return Expansion(rest, (Link("one"),))

    @pack.node("Doubled by link")
    def doubled_by_link(value: Annotated[Link, Socket("INT"), RawLink()]) -> int | Expansion:
        """Add what the link leads to, to itself, without having seen it."""
        assert value == Link("n", 0)
        return Expansion({"a": node("Add", a=value, b=value)}, (Link("a"),))

    @pack.node("Odd ones grow")
    def odd(value: int) -> tuple[int, str] | Expansion:
        if value % 2 == 0:
            return value, "plain"
        return Expansion({"n": node("Number", value=value * 100)}, (Link("n"), "grown"))

    @pack.node("Range", cheap=True)
    def count(n: int) -> list[int]:
        return list(range(n))

    @pack.node("Ranged")
    def ranged(n: int) -> tuple[int, str] | Expansion:
        """Give a whole list in the first slot."""
        return Expansion({"r": node("Range", n=n)}, (Link("r"), "after"))

    @pack.node("Note", output_node=True)
    def note(value: int) -> Shown[None]:
        return Shown(None, {"text": [str(value)]})

    @pack.node("Become")
    def become(nodes: object, slots: object) -> tuple[int, int] | Expansion:
        return Expansion(nodes, slots)  # type: ignore[arg-type]

    return pack


def become(nodes: Mapping[str, Node], *slots: object, **more: Node) -> Any:
    """Run a node that becomes these nodes; more nodes may stand beside it."""
    given = {"nodes": Given((nodes,)), "slots": Given((slots,))}
    graph = workflow(x=node("Become", **given), s=node("Sum", a=Link("x", 0), b=Link("x", 1)), **more)
    return run(graph, growing(), targets=["s", *more], keep=["x"])


def error(nodes: Mapping[str, Node], *slots: object, **more: Node) -> str:
    """What is said of an expansion that can't be."""
    return str(become(nodes, *slots, **more).error("x"))


def test_a_node_becomes_what_it_expands_into() -> None:
    """
    n → x ⇒ x.0.n → x.0.a     x's value is that of x.0.a
    x → s
    """
    graph = workflow(n=node("Number", value=4), x=node("Twice", value=Link("n")), s=node("Show", value=Link("x")))
    result = run(graph, growing())
    assert result.values("s") == [8]
    assert result.states == dict.fromkeys(["n", "x", "s", "x.0.n", "x.0.a"], "ran")
    assert result.headlines == [
        "RunStarted",
        "NodeStarted n",
        "NodeFinished n",
        "NodeStarted x",
        "NodeStarted x.0.n",
        "NodeFinished x.0.n",
        "NodeStarted x.0.a",
        "NodeFinished x.0.a",
        "NodeFinished x",
        "NodeStarted s",
        "NodeFinished s",
        "RunFinished",
    ]


def test_only_what_the_results_need_is_run() -> None:
    """New nodes that give no result are spared."""
    result = become({"a": node("Number", value=1), "b": node("Fail")}, Link("a"), 2)
    assert result.values("s") == [3]
    assert result.state("x.0.b") == "spared"


def test_new_output_nodes_run_for_their_own_sake() -> None:
    """Their payload is reported under their own id."""
    result = become({"a": node("Number", value=1), "n": node("Note", value=Link("a"))}, 1, 2)
    assert result.state("x.0.n") == "ran"
    assert result.report.nodes["x.0.n"].ui == {"text": ["1"]}


def test_results_may_mix_values_and_links() -> None:
    """Each slot for itself."""
    result = become({"a": node("Number", value=5)}, Link("a"), 6)
    assert (result.values("x", 0), result.values("x", 1)) == ([5], [6])


def test_an_expansion_into_nothing_gives_its_values() -> None:
    """No node, no link."""
    assert become({}, 1, 2).values("s") == [3]


def test_results_and_new_nodes_may_read_what_there_was() -> None:
    """
    n → y     n is in the run for another reader; x expands into links to it
    """
    graph = {"n": node("Number", value=10), "y": node("Show", value=Link("n"))}
    assert become({"a": node("Add", a=Link("n"), b=1)}, Link("a"), Link("n"), **graph).values("s") == [21]


def test_each_call_expands_for_itself() -> None:
    """
    range 4 → odd     calls 1 and 3 expand, 0 and 2 don't: results stay in order, in both slots
    """
    graph = workflow(r=node("Range", n=4), x=node("Odd ones grow", value=Link("r")))
    result = run(graph, growing(), targets=["x"])
    assert result.values("x", 0) == [0, 100, 2, 300]
    assert result.values("x", 1) == ["plain", "grown", "plain", "grown"]
    assert {"x.1.n", "x.3.n"} <= result.states.keys()


def test_a_list_stays_in_its_slot() -> None:
    """ComfyUI splices it into the row of slots, which shifts all that follow."""
    for n in (0, 1, 3):
        result = run(workflow(x=node("Ranged", n=n)), growing(), targets=["x"])
        assert (result.values("x", 0), result.values("x", 1)) == (list(range(n)), ["after"])


def test_a_list_output_spreads_plain_values_and_takes_links_whole() -> None:
    """A mixed return means in each call what it would mean alone."""
    pack = growing()

    @pack.node("Some")
    def some(n: int) -> list[int] | Expansion:
        return [n, n] if n else Expansion({"r": node("Range", n=3)}, (Link("r"),))

    graph = workflow(r=node("Range", n=2), x=node("Some", n=Link("r")))
    assert run(graph, pack, targets=["x"]).values("x") == [0, 1, 2, 1, 1]


def test_expansions_nest() -> None:
    """
    x ⇒ rest ⇒ rest ⇒ …     a loop by recursion
    """
    assert run(workflow(x=node("Count down", n=4)), growing(), targets=["x"]).values("x") == [4]


def test_deep_expansion_keeps_ids_short() -> None:
    """A loop of three hundred rounds neither recurses nor grows its ids."""
    result = run(workflow(x=node("Count down", n=300)), growing(), targets=["x"])
    assert result.values("x") == [300]
    assert max(map(len, result.states)) < 100
    assert len(result.states) == 601
    assert all(node_id.startswith("x") for node_id in result.states)


def test_an_id_that_is_taken_is_not_taken_again() -> None:
    """A file may name a node just as an expansion would."""
    graph = workflow(x=node("Twice", value=2), s=node("Show", value=Link("x")))
    nodes = {**graph.nodes, "x.0.n": node("Number", value=1), "t": node("Show", value=Link("x.0.n"))}
    result = run(type(graph)(nodes), growing())
    assert (result.values("s"), result.values("t")) == ([4], [1])
    assert {"x.0.n", "x.0~2.n", "x.0~2.a"} <= result.states.keys()


def test_blockers_pass_through_an_expansion() -> None:
    """As a value, and out of a new node."""
    pack = growing()

    @pack.node("Block")
    def block() -> int | Blocked:
        return Blocked()

    graph = workflow(x=node("Become", nodes=Given(({"b": node("Block")},)), slots=Given(((Link("b"), Blocked()),))))
    result = run(graph, pack, targets=["x"])
    assert (result.values("x", 0), result.values("x", 1)) == ([Blocked()], [Blocked()])


def test_a_payload_may_come_with_an_expansion() -> None:
    """It is told when the expansion has ended."""
    pack = growing()

    @pack.node("Tell")
    def tell() -> Shown[int] | CallResult:
        return CallResult(ui={"text": ["hello"]}, expansion=Expansion({"n": node("Number", value=3)}, (Link("n"),)))

    result = run(workflow(x=node("Tell")), pack, targets=["x"])
    assert result.report.nodes["x"].ui == {"text": ["hello"]}
    assert result.values("x") == [3]


def test_new_nodes_may_be_lazy() -> None:
    """Their links count as any others."""
    pack = growing()

    @pack.node("Either", needs=lambda inputs: ["a"])
    def either(a: Annotated[int, Lazy()] = 0, b: Annotated[int, Lazy()] = 0) -> int:
        return a

    nodes = {"a": node("Number", value=1), "f": node("Fail"), "e": node("Either", a=Link("a"), b=Link("f"))}
    graph = workflow(x=node("Become", nodes=Given((nodes,)), slots=Given(((Link("e"), 0),))))
    result = run(graph, pack, targets=["x"])
    assert result.values("x", 0) == [1]
    assert result.state("x.0.f") == "spared"


def test_slots_may_be_named_in_an_expansion() -> None:
    """As in a YAML file."""
    assert become({"a": node("Number", value=5), "b": node("Add", a=Link("a", "int"))}, Link("b", "INT"), 0).values(
        "s"
    ) == [5]


def test_a_failure_among_new_nodes_fails_what_needs_them() -> None:
    """The node that expanded is skipped, naming the new one."""
    result = become({"f": node("Fail")}, Link("f"), 0)
    assert result.states == {"x": "skipped", "s": "skipped", "x.0.f": "failed"}
    assert result.report.nodes["x"].because == "x.0.f"


def test_an_expansion_is_checked_like_a_file() -> None:
    """All problems at once, before any new node runs; the node that expanded has failed."""
    message = error(
        {
            "a": node("Number", value="many"),
            "b": node("Shwo", value=1),
            "c": node("Show"),
            "d": node("Add", a=Link("nowhere"), b=Link("a", 5)),
        },
        Link("d"),
        0,
    )
    assert [line.split(":")[0] for line in message.splitlines()] == [
        "x.0.a (Number)",
        "x.0.b (Shwo)",
        "x.0.c (Show)",
        "x.0.d (Add)",
        "x.0.d (Add)",
    ]
    assert "did you mean 'Show'?" in message


def test_a_class_that_is_not_installed_cannot_be_linked_to_either() -> None:
    """Whatever slot its readers name."""
    assert "x.0.k (KSampler)" in error({"k": node("KSampler"), "s": node("Show", value=Link("k"))}, Link("k", 3), 0)


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ((Link("nowhere"), 0), "its result links to 'nowhere', which is no part of this run"),
        ((Link("y"), 0), "its result links to 'y', which is no part of this run"),
        ((Link("a", 1), 0), "its result links to output 1 of x.0.a (Number), whose outputs are: 0 INT"),
        ((Link("a", "mask"), 0), "its result links to output 'mask'"),
        ((Link("a"),), "it returned 1 values for 2 outputs"),
        ((), "it returned 0 values for 2 outputs"),
    ],
)
def test_results_must_lead_somewhere(slots: tuple[object, ...], words: str) -> None:
    """A node of the file that is in no one's way to an output is no part of the run."""
    assert words in error({"a": node("Number", value=1)}, *slots)


def test_new_nodes_may_not_read_what_is_not_planned() -> None:
    """
    y     y is in the file, but no output needs it, so it was never planned
    """
    graph = workflow(
        x=node("Become", nodes=Given(({"a": node("Add", a=Link("y"))},)), slots=Given(((Link("a"), 0),))),
        y=node("Number"),
    )
    message = run(graph, growing(), targets=["x"]).error("x")
    assert message == "x.0.a (Add): a: links to 'y', which is no part of this run"


def test_a_cycle_among_new_nodes_is_told_by_its_path() -> None:
    """Before any of them runs."""
    assert error({"a": node("Add", a=Link("b")), "b": node("Add", a=Link("a"))}, Link("a"), 0) == (
        "Dependency cycle detected: x.0.a (Add) -> x.0.b (Add) -> x.0.a (Add)"
    )


def test_a_new_node_that_reads_itself_is_a_cycle() -> None:
    """The shortest one."""
    assert "x.0.a (Add) -> x.0.a (Add)" in error({"a": node("Add", a=Link("a"))}, Link("a"), 0)


def test_new_nodes_that_read_the_one_they_came_from_are_a_cycle() -> None:
    """
    x ⇒ x.0.a, which reads x     found when nothing else can go on: x has failed, naming the path
    n → t                        goes on
    """
    result = become(
        {"a": node("Add", a=Link("x"))}, Link("a"), 0, n=node("Number", value=1), t=node("Show", value=Link("n"))
    )
    assert result.states == {"x": "failed", "s": "skipped", "n": "ran", "t": "ran", "x.0.a": "skipped"}
    assert result.error("x") == "Dependency cycle detected: x (Become) -> x.0.a (Add) -> x (Become)"
    assert result.report.nodes["s"].because == "x"


def test_new_nodes_that_read_a_reader_of_the_one_they_came_from_are_a_cycle() -> None:
    """
    x ⇒ x.0.a, which reads s, which reads x
    """
    result = become({"a": node("Add", a=Link("s"))}, Link("a"), 0)
    assert result.state("x") == "failed"
    assert "x (Become) -> s (Sum) -> x.0.a (Add) -> x (Become)" in result.error("x")


def test_a_node_that_becomes_itself_is_a_cycle() -> None:
    """Its result is a link to itself."""
    assert "x (Become) -> x (Become)" in error({}, Link("x"), 0)


def test_two_cycles_are_two_failures() -> None:
    """Each node that expanded into one is told."""
    graph = workflow(
        x=node("Become", nodes=Given(({"a": node("Add", a=Link("x"))},)), slots=Given(((Link("a"), 0),))),
        y=node("Become", nodes=Given(({"a": node("Add", a=Link("y"))},)), slots=Given(((Link("a"), 0),))),
    )
    result = run(graph, growing(), targets=["x", "y"])
    assert (result.state("x"), result.state("y")) == ("failed", "failed")


def test_a_value_released_before_is_made_again_and_told_again() -> None:
    """
    n → a → x ⇒ b, which reads n     n was dropped when a had ended
    """
    pack = growing()
    calls: list[int] = []

    @pack.node("Counted")
    def counted() -> int:
        calls.append(1)
        return len(calls)

    @pack.node("Look back")
    def look_back(value: int) -> int | Expansion:
        return Expansion({"b": node("Add", a=Link("n"), b=value)}, (Link("b"),))

    graph = workflow(n=node("Counted"), a=node("Add", a=Link("n")), x=node("Look back", value=Link("a")))
    result = run(graph, pack, targets=["x"])
    assert result.values("x") == [3]
    assert [line for line in result.headlines if line.endswith(" n")] == ["NodeStarted n", "NodeFinished n"] * 2


def test_a_node_that_is_made_again_expands_again() -> None:
    """
    x → a → y ⇒ b, which reads x     x expanded, was dropped, and is needed once more: new nodes, new ids
    """
    pack = growing()

    @pack.node("Look back")
    def look_back(value: int) -> int | Expansion:
        return Expansion({"b": node("Add", a=Link("x"), b=value)}, (Link("b"),))

    graph = workflow(x=node("Twice", value=2), a=node("Add", a=Link("x")), y=node("Look back", value=Link("a")))
    result = run(graph, pack, targets=["y"])
    assert result.values("y") == [8]
    assert {"x.0.a", "x.0~2.a"} <= result.states.keys()


def test_new_nodes_wait_for_a_stop_like_others() -> None:
    """
    x ⇒ n     stopped when x has expanded: n does not start, and x is not done
    """
    pack = growing()

    @pack.node("Stop and grow")
    def stop_and_grow(context: RunContext) -> int | Expansion:
        context.stop.stop()
        return Expansion({"n": node("Number", value=1)}, (Link("n"),))

    result = run(workflow(x=node("Stop and grow")), pack, targets=["x"])
    assert result.states == {"x": "skipped", "x.0.n": "skipped"}


def test_expansion_in_async_and_cheap_functions() -> None:
    """The same, wherever the function runs."""
    pack = growing()

    def into(value: int) -> Expansion:
        return Expansion({"n": node("Number", value=value)}, (Link("n"),))

    @pack.node("Async")
    async def asynchronous(value: int) -> int | Expansion:
        return into(value)

    @pack.node("Cheap", cheap=True)
    def cheap(value: int) -> int | Expansion:
        return into(value)

    graph = workflow(a=node("Async", value=1), c=node("Cheap", value=2), s=node("Add", a=Link("a"), b=Link("c")))
    assert run(graph, pack, targets=["s"]).values("s") == [3]


def test_labels_of_new_nodes_have_their_title() -> None:
    """As events tell them."""
    result = become({"a": node("Number", "The first", value=1)}, Link("a"), 0)
    labels = [event.label for event in result.told if isinstance(event, events.NodeStarted)]
    assert 'x.0.a "The first" (Number)' in labels


def test_a_raw_link_is_handed_over_as_a_link() -> None:
    """n → d ⇒ n → a: the node puts the link it got into what it expands into."""
    graph = workflow(
        n=node("Number", value=21), d=node("Doubled by link", value=Link("n")), s=node("Show", value=Link("d"))
    )
    assert run(graph, growing()).values("s") == [42]
