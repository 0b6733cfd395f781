"""Running a plan: lists, blockers, lazy inputs, overlap, limits, failures, stopping, and what is told of it all.

In the drawings ``a → b`` means b reads a. Nothing sleeps: what must happen together meets at events and barriers.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import Story, add, around, node, number_workflows, run, story, workflow

from graphrun.errors import GraphrunError, NodeError, Stopped
from graphrun.executors import InlineExecutor, ThreadExecutor
from graphrun.kernel import events
from graphrun.kernel.context import RunContext, StopSignal
from graphrun.kernel.execute import execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.node_types import Blocked, Lazy, Shown
from graphrun.kernel.plan import make_plan
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.waiting import ended_by
from graphrun.kernel.workflow import Given, Link, Node, Workflow
from graphrun.packs import NodePack

SOON = 20.0  # seconds; only a failing test waits that long


def lists() -> NodePack:
    """Nodes that make, take and count lists."""
    pack = NodePack("lists")

    @pack.node("Range", cheap=True)
    def count(n: int) -> list[int]:
        return list(range(n))

    @pack.node("Letters", cheap=True)
    def letters(text: str) -> tuple[list[str], int]:
        return list(text), len(text)

    @pack.node("Pair", cheap=True)
    def pair(a: object = None, b: object = None) -> tuple[object, object]:
        return a, b

    @pack.node("Whole", cheap=True, list_input=True)
    def whole(a: list[object], b: list[object]) -> tuple[object, object]:
        return a, b

    @pack.node("Spread", cheap=True)
    def spread(n: int) -> list[int]:
        return [n] * n

    @pack.node("Not a list", cheap=True)
    def not_a_list() -> list[int]:
        return 5  # type: ignore[return-value]

    @pack.node("Block", cheap=True)
    def block(value: int, which: int = 1, message: str | None = None) -> int | Blocked:
        return Blocked(message) if value == which else value

    return pack


def pairs(**nodes: Node) -> list[tuple[object, object]]:
    """What the node ``p`` gave in its two slots, call by call."""
    result = run(workflow(**nodes), lists(), targets=["p"])
    return list(zip(result.values("p", 0), result.values("p", 1), strict=True))


# Lists


def test_a_node_is_called_once_per_item_of_its_longest_list() -> None:
    """
    range 3 → p ← 7     a literal is a list of one, and its last item is repeated
    """
    assert pairs(r=node("Range", n=3), p=node("Pair", a=Link("r"), b=7)) == [(0, 7), (1, 7), (2, 7)]


def test_lists_of_equal_length_are_zipped() -> None:
    """There is no cross product."""
    made = pairs(r=node("Range", n=3), q=node("Letters", text="xyz"), p=node("Pair", a=Link("r"), b=Link("q")))
    assert made == [(0, "x"), (1, "y"), (2, "z")]


def test_a_shorter_list_repeats_its_last_item() -> None:
    """Not its first, and it does not start over."""
    made = pairs(r=node("Range", n=4), q=node("Letters", text="xy"), p=node("Pair", a=Link("r"), b=Link("q")))
    assert made == [(0, "x"), (1, "y"), (2, "y"), (3, "y")]


@pytest.mark.parametrize("other", [Link("n"), Link("r"), Link("e"), 5])
def test_any_empty_list_means_no_call_and_empty_outputs(other: object) -> None:
    """
    range 0 → p → s     whatever else p reads; ComfyUI calls without arguments, or fails
    """
    graph = workflow(
        e=node("Range", n=0),
        r=node("Range", n=3),
        n=node("Number", value=1),
        p=node("Pair", a=Link("e"), b=other),
        s=node("Show", value=Link("p")),
    )
    result = run(graph, lists(), keep=["p"])
    assert (result.values("p", 0), result.values("p", 1), result.values("s")) == ([], [], [])
    assert result.state("s") == "ran"


def test_an_empty_list_means_no_call_of_a_list_node_either() -> None:
    """One rule for all."""
    assert pairs(e=node("Range", n=0), p=node("Whole", a=Link("e"), b=5)) == []


def test_a_node_without_inputs_is_called_once() -> None:
    """There is no list to count."""
    pack = NodePack("calls")
    calls: list[int] = []

    @pack.node("Once", output_node=True)
    def once() -> None:
        calls.append(1)

    run(workflow(o=node("Once")), pack)
    assert calls == [1]


def test_a_list_node_gets_whole_lists_in_one_call() -> None:
    """Literals arrive as lists of one."""
    assert pairs(r=node("Range", n=3), p=node("Whole", a=Link("r"), b=7)) == [([0, 1, 2], [7])]


def test_a_list_node_may_change_its_lists() -> None:
    """They are its own: other readers don't see it."""
    pack = lists()

    @pack.node("Clear", list_input=True, output_node=True)
    def clear(a: list[int]) -> None:
        a.clear()

    graph = workflow(r=node("Range", n=2), c=node("Clear", a=Link("r")), s=node("Show", value=Link("r")))
    assert run(graph, pack).values("s") == [0, 1]


def test_a_list_output_spreads_over_its_slot() -> None:
    """
    range 4 → spread     0, 1, 2 and 3 items, one list
    """
    graph = workflow(r=node("Range", n=4), s=node("Spread", n=Link("r")), t=node("Show", value=Link("s")))
    assert run(graph, lists()).values("t") == [1, 2, 2, 3, 3, 3]


def test_only_declared_list_outputs_spread() -> None:
    """A list in an ordinary slot is one value."""
    pack = NodePack("values")

    @pack.node("Box", output_node=True)
    def box() -> Annotated[object, "*"]:
        return [1, 2]

    assert run(workflow(b=node("Box")), pack).values("b") == [[1, 2]]


def test_a_list_output_must_be_a_list() -> None:
    """The error names the output."""
    result = run(workflow(s=node("Show", value=Link("x")), x=node("Not a list")), lists())
    assert "output INT is a list output, but a int came" in result.error("x")


def test_values_handed_over_are_a_list() -> None:
    """What the embedding program gives makes a call each."""
    assert pairs(p=node("Pair", a=Given((1, 2)), b=Given((3,)))) == [(1, 3), (2, 3)]


def test_a_failing_call_takes_the_node_along() -> None:
    """An exception in one call discards the results of the others (comfyui-execution.md, 5.6)."""
    pack = lists()

    @pack.node("Invert")
    def invert(value: int) -> float:
        return 1 / value

    graph = workflow(r=node("Range", n=3), i=node("Invert", value=Link("r")), s=node("Pair", a=Link("i")))
    result = run(graph, pack, targets=["s"])
    assert result.states == {"r": "ran", "i": "failed", "s": "skipped"}


# Blockers


def blocked_messages(result: Story) -> list[tuple[str, str]]:
    """Who reported a blocker, and its message."""
    return [(event.node_id, event.message) for event in result.told if isinstance(event, events.NodeBlocked)]


def test_a_blocker_skips_the_one_call_it_reaches() -> None:
    """
    range 3 → block → add → show     item 1 is blocked; items 0 and 2 are not
    """
    graph = workflow(
        r=node("Range", n=3),
        b=node("Block", value=Link("r")),
        a=node("Add", a=Link("b"), b=10),
        s=node("Show", value=Link("a")),
    )
    result = run(graph, lists())
    assert result.values("s") == [10, Blocked(), 12]
    assert result.states == dict.fromkeys("rbas", "ran")


def test_a_message_is_told_by_direct_readers_only() -> None:
    """
    block → a → b     once per blocked call of each reader; then it is passed on silently
          → c
    """
    graph = workflow(
        x=node("Block", value=1, message="no picture"),
        a=node("Add", a=Link("x")),
        b=node("Show", value=Link("a")),
        c=node("Show", value=Link("x")),
    )
    result = run(graph, lists())
    assert sorted(blocked_messages(result)) == [("a", "no picture"), ("c", "no picture")]
    assert result.values("b") == [Blocked()]


def test_each_blocked_call_tells_the_message() -> None:
    """Two blocked items, two messages."""
    graph = workflow(
        r=node("Range", n=2),
        x=node("Block", value=1, which=Link("r"), message="no"),
        y=node("Block", value=1, which=1, message="never"),
        s=node("Show", value=Link("x")),
        t=node("Show", value=Link("y")),
    )
    assert blocked_messages(run(graph, lists())) == [("s", "no"), ("t", "never")]


def test_a_blocker_without_a_message_is_silent() -> None:
    """An empty message is one, though."""
    silent = workflow(x=node("Block", value=1), s=node("Show", value=Link("x")))
    assert blocked_messages(run(silent, lists())) == []
    empty = workflow(x=node("Block", value=1, message=""), s=node("Show", value=Link("x")))
    assert blocked_messages(run(empty, lists())) == [("s", "")]


def test_the_first_blocker_wins() -> None:
    """In the order of the inputs."""
    graph = workflow(
        x=node("Block", value=1, message="first"),
        y=node("Block", value=1, message="second"),
        p=node("Add", a=Link("x"), b=Link("y")),
    )
    assert blocked_messages(run(graph, lists(), targets=["p"])) == [("p", "first")]


def test_one_blocked_item_blocks_a_list_node() -> None:
    """Its one call reads them all."""
    graph = workflow(
        r=node("Range", n=3), x=node("Block", value=Link("r"), message="no"), w=node("Whole", a=Link("x"), b=1)
    )
    result = run(graph, lists(), targets=["w"])
    assert (result.values("w", 0), result.values("w", 1)) == ([Blocked()], [Blocked()])
    assert blocked_messages(result) == [("w", "no")]


def test_a_blocker_in_a_list_output_is_one_item() -> None:
    """It takes the place of the call's list (comfyui-execution.md, 5.6)."""
    graph = workflow(r=node("Range", n=3), x=node("Block", value=Link("r")), y=node("Spread", n=Link("x")))
    assert run(graph, lists(), targets=["y"]).values("y") == [Blocked(), 2, 2]


def test_a_blocked_node_is_not_called() -> None:
    """Async, sync or cheap."""
    pack = lists()
    calls: list[str] = []

    @pack.node("Async", output_node=True)
    async def asynchronous(value: int) -> None:
        calls.append("async")

    @pack.node("Sync", output_node=True)
    def synchronous(value: int) -> None:
        calls.append("sync")

    @pack.node("Cheap", output_node=True, cheap=True)
    def cheap(value: int) -> None:
        calls.append("cheap")

    graph = workflow(
        x=node("Block", value=1),
        a=node("Async", value=Link("x")),
        b=node("Sync", value=Link("x")),
        c=node("Cheap", value=Link("x")),
    )
    run(graph, pack)
    assert calls == []


# Lazy inputs


def lazies() -> NodePack:
    """Switches that ask for one input or the other."""
    pack = lists()

    @pack.node("Switch", cheap=True, needs=lambda inputs: ["yes"] if inputs["flag"] else ["no"])
    def switch(
        flag: bool, yes: Annotated[int | None, Lazy()] = None, no: Annotated[int | None, Lazy()] = None
    ) -> int | None:
        return yes if flag else no

    @pack.node("Stepwise", needs=lambda inputs: ["b"] if inputs["a"] else ["a"])
    def stepwise(a: Annotated[int, Lazy()], b: Annotated[int, Lazy()]) -> int:
        return a + b

    @pack.node("Never asks")
    def never(value: Annotated[object, Lazy()] = "default") -> Annotated[object, "*"]:
        return value

    @pack.node("Greedy", needs=lambda inputs: ["nonsense"])
    def greedy(value: Annotated[int, Lazy()] = 0) -> int:
        return value

    @pack.node("Flags", cheap=True)
    def flags() -> list[bool]:
        return [True, False, True]

    return pack


def test_only_the_input_that_is_asked_for_is_made() -> None:
    """
    a ⇢ switch     flag is true: a runs, b is spared and with it what b alone reads
    z → b ⇢ switch
    """
    graph = workflow(
        a=node("Number", value=1),
        z=node("Number", value=2),
        b=node("Add", a=Link("z")),
        w=node("Switch", flag=True, yes=Link("a"), no=Link("b")),
        s=node("Show", value=Link("w")),
    )
    result = run(graph, lazies())
    assert result.values("s") == [1]
    assert result.states == {"a": "ran", "z": "spared", "b": "spared", "w": "ran", "s": "ran"}


def test_a_lazy_switch_escapes_a_failure() -> None:
    """
    fail ⇢ switch ⇠ n     the failing branch is never started
    """
    graph = workflow(
        f=node("Fail"), n=node("Number", value=3), w=node("Switch", flag=False, yes=Link("f"), no=Link("n"))
    )
    assert run(graph, lazies(), targets=["w"]).values("w") == [3]


def test_a_lazy_input_whose_source_fails_takes_the_reader_along() -> None:
    """It asked for it."""
    graph = workflow(f=node("Fail"), w=node("Switch", flag=True, yes=Link("f"), no=1))
    result = run(graph, lazies(), targets=["w"])
    assert result.states == {"f": "failed", "w": "skipped"}
    assert result.report.nodes["w"].because == "f"


def test_a_node_may_ask_step_by_step() -> None:
    """It sees what it asked for before, and asks on."""
    graph = workflow(a=node("Number", value=1), b=node("Number", value=2), w=node("Stepwise", a=Link("a"), b=Link("b")))
    result = run(graph, lazies(), targets=["w"])
    assert result.values("w") == [3]
    assert result.headlines == [
        "RunStarted",
        "NodeStarted a",
        "NodeFinished a",
        "NodeStarted b",
        "NodeFinished b",
        "NodeStarted w",
        "NodeFinished w",
        "RunFinished",
    ]


def test_a_lazy_value_that_happens_to_be_there_is_not_handed_over() -> None:
    """
    a → show     a is made for show; the switch did not ask for it, so it gets None
    a ⇢ never
    """
    graph = workflow(a=node("Number", value=1), s=node("Show", value=Link("a")), w=node("Never asks", value=Link("a")))
    result = run(graph, lazies(), targets=["s", "w"])
    assert result.values("w") == [None]


def test_a_lazy_literal_is_there_from_the_start() -> None:
    """Only links wait."""
    assert run(workflow(w=node("Switch", flag=True, yes=5)), lazies(), targets=["w"]).values("w") == [5]


def test_one_call_that_asks_makes_the_input_there_for_all() -> None:
    """
    [true, false, true] → switch     the union is made (comfyui-execution.md, 5.5)
    """
    graph = workflow(
        f=node("Flags"),
        a=node("Number", value=1),
        b=node("Number", value=2),
        w=node("Switch", flag=Link("f"), yes=Link("a"), no=Link("b")),
    )
    assert run(graph, lazies(), targets=["w"]).values("w") == [1, 2, 1]


def test_a_blocked_call_asks_for_nothing() -> None:
    """``needs`` never sees a blocker."""
    pack = lazies()

    @pack.node("Blocked flag")
    def blocked_flag() -> bool | Blocked:
        return Blocked()

    graph = workflow(
        f=node("Blocked flag"), a=node("Number"), w=node("Switch", flag=Link("f"), yes=Link("a"), no=Link("a"))
    )
    result = run(graph, pack, targets=["w"])
    assert result.values("w") == [Blocked()]
    assert result.state("a") == "spared"


def test_asking_for_what_nothing_is_linked_to_is_an_error() -> None:
    """As in ComfyUI; the node is named, and the input."""
    result = run(workflow(a=node("Number"), w=node("Greedy", value=Link("a"))), lazies(), targets=["w"])
    assert result.error("w") == "it says it needs input 'nonsense', which nothing is linked to"


def test_a_lazy_source_that_several_want_is_made_once() -> None:
    """
    a ⇢ v, a ⇢ w
    """
    pack = lazies()
    calls: list[int] = []

    @pack.node("Count")
    def count() -> int:
        calls.append(1)
        return 1

    graph = workflow(
        a=node("Count"),
        v=node("Switch", flag=True, yes=Link("a")),
        w=node("Switch", flag=True, yes=Link("a")),
        s=node("Add", a=Link("v"), b=Link("w")),
    )
    assert run(graph, pack, targets=["s"]).values("s") == [2]
    assert calls == [1]


# Values


def test_any_workflow_computes_what_its_links_say() -> None:
    """The same sums as without an engine; see below for the law."""
    graph = workflow(
        a=node("Number", value=2),
        b=node("Add", a=Link("a"), b=Link("a")),
        c=node("Sum", x=Link("a"), y=Link("b"), z=Link("b")),
        s=node("Show", value=Link("c")),
    )
    assert run(graph).values("s") == [10]


@given(number_workflows(), st.booleans())
def test_a_run_computes_the_same_as_plain_functions(graph: Workflow, keep_all: bool) -> None:
    """Whatever the graph; and every value can be kept."""
    expected: dict[str, int] = {}
    result = run(graph, keep=list(graph.nodes) if keep_all else ())
    for node_id in result.report.nodes:
        inputs = graph.nodes[node_id].inputs
        values = [expected[value.node_id] if isinstance(value, Link) else value for value in inputs.values()]
        expected[node_id] = sum(values)  # type: ignore[arg-type]
    kept = expected if keep_all else {"end": expected["end"]}
    assert {node_id: list(slots[0]) for node_id, slots in result.report.values.items()} == {
        node_id: [value] for node_id, value in kept.items()
    }


class Big:
    """A value whose end can be watched."""


def test_a_value_is_dropped_as_soon_as_its_last_reader_has_ended() -> None:
    """
    make → use → use → check     the first value is gone when check looks
    """
    pack = NodePack("values")
    made: list[weakref.ref[Big]] = []

    @pack.node("Make")
    def make() -> Annotated[object, "*"]:
        big = Big()
        made.append(weakref.ref(big))
        return big

    @pack.node("Use")
    def use(value: object) -> int:
        assert isinstance(value, Big)
        return 1

    @pack.node("Look", output_node=True)
    def look(value: int) -> bool:
        gc.collect()
        return made[0]() is None

    graph = workflow(m=node("Make"), u=node("Use", value=Link("m")), l=node("Look", value=Link("u")))
    assert run(graph, pack).values("l") == [True]
    kept = run(graph, pack, keep=["m"])
    assert isinstance(kept.values("m")[0], Big)


def test_a_long_chain_holds_no_more_than_two_values() -> None:
    """
    grow → grow → …     each step's input is dropped when it has ended
    """
    pack = NodePack("values")
    alive: weakref.WeakSet[Big] = weakref.WeakSet()
    most: list[int] = []

    @pack.node("Grow", cheap=True)
    def grow(value: object = None) -> Annotated[object, "*"]:
        big = Big()
        alive.add(big)
        most.append(len(alive))
        return big

    nodes = {"0": node("Grow")} | {str(i): node("Grow", value=Link(str(i - 1))) for i in range(1, 300)}
    run(Workflow(nodes), pack, targets=["299"])
    assert max(most) <= 2


# Overlap


def test_async_and_sync_calls_proceed_together() -> None:
    """
    two async calls, a sync one in a thread: each waits until all three are under way
    """
    pack = NodePack("overlap")
    under_way: list[str] = []
    all_three = threading.Event()

    def arrive(name: str) -> None:
        under_way.append(name)
        if len(under_way) == 3:
            all_three.set()

    async def met() -> bool:
        return await asyncio.get_running_loop().run_in_executor(None, all_three.wait, SOON)

    @pack.node("Paint", output_node=True)
    async def paint(name: str) -> bool:
        arrive(name)
        return await met()

    @pack.node("Resize", output_node=True)
    def resize(name: str) -> bool:
        arrive(name)
        return all_three.wait(SOON)

    graph = workflow(a=node("Paint", name="a"), b=node("Paint", name="b"), c=node("Resize", name="c"))
    executor = ThreadExecutor(1)
    result = run(graph, pack, executor=executor)
    executor.close()
    assert [result.values(each) for each in "abc"] == [[True]] * 3


def test_a_chain_of_cheap_steps_does_not_starve_a_call() -> None:
    """
    paint ends while 2,000 cheap steps run inline, and its reader starts before they are all done
    """
    pack = NodePack("overlap")
    order: list[str] = []

    @pack.node("Paint")
    async def paint() -> int:
        await asyncio.sleep(0)
        return 1

    @pack.node("Note", cheap=True, output_node=True)
    def note(value: int, name: str) -> None:
        order.append(name)

    nodes = {"p": node("Paint"), "x": node("Note", value=Link("p"), name="paint"), "0": node("Number")}
    nodes |= {str(i): node("Add", a=Link(str(i - 1))) for i in range(1, 2000)}
    nodes |= {"y": node("Note", value=Link("1999"), name="chain")}
    run(Workflow(nodes), pack)
    assert order == ["paint", "chain"]


def test_the_calls_of_an_async_node_are_made_together() -> None:
    """
    range 3 → meet     each call waits for the two others
    """
    pack = lists()

    @pack.node("Meet", output_node=True)
    async def meet(value: int, context: RunContext) -> int:
        barrier = barriers.setdefault("b", asyncio.Barrier(3))
        async with asyncio.timeout(SOON):
            await barrier.wait()
        return value

    barriers: dict[str, asyncio.Barrier] = {}
    assert run(workflow(r=node("Range", n=3), m=node("Meet", value=Link("r"))), pack).values("m") == [0, 1, 2]


def test_a_limit_holds_for_all_calls_that_name_it() -> None:
    """
    Twelve calls in four nodes, async and sync, under a limit of three; others are not held up.
    """
    pack = lists()
    inside: list[int] = [0]
    most: list[int] = []

    @pack.node("Paint", limit="paint", output_node=True)
    async def paint(value: int) -> int:
        inside[0] += 1
        most.append(inside[0])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        inside[0] -= 1
        return value

    @pack.node("Paint here", limit="paint", output_node=True)
    def paint_here(value: int) -> int:
        most.append(inside[0] + 1)
        return value

    async def limited() -> Story:
        graph = workflow(
            r=node("Range", n=3),
            **{name: node("Paint", value=Link("r")) for name in "abcd"},
            e=node("Paint here", value=Link("r")),
        )
        return await story(graph, pack, limits={"paint": asyncio.Semaphore(3)})

    result = asyncio.run(limited())
    assert result.values("a") == [0, 1, 2]
    assert max(most) == 3


# Failure


def test_independent_branches_go_on_after_a_failure() -> None:
    """
    f ✗ → a → s     a and s are skipped, naming f
    n ──→ b → t     b and t run
    """
    graph = workflow(
        f=node("Fail"),
        a=node("Add", a=Link("f")),
        s=node("Show", value=Link("a")),
        n=node("Number", value=1),
        b=node("Add", a=Link("n")),
        t=node("Show", value=Link("b")),
    )
    result = run(graph)
    assert result.states == {"f": "failed", "a": "skipped", "s": "skipped", "n": "ran", "b": "ran", "t": "ran"}
    assert [result.report.nodes[each].because for each in "as"] == ["f", "f"]
    assert result.values("t") == [1]


def test_a_failure_is_told_with_the_node_as_people_know_it() -> None:
    """The node's own exception is the cause."""
    result = run(workflow(f=node("Fail", title="Bad luck")), targets=["f"])
    error = result.report.nodes["f"].error
    assert isinstance(error, NodeError)
    assert str(error) == 'f "Bad luck" (Fail): ZeroDivisionError: no luck'
    assert isinstance(error.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ValueError("bad size"), "bad size"),
        (ValueError(), "ValueError"),
        (UnicodeError("odd text"), "UnicodeError: odd text"),
        (GraphrunError("no credit left"), "no credit left"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_an_error_in_a_sentence_needs_no_type_name(raised: Exception, message: str) -> None:
    """Ours, and a ValueError, with which nodes refuse a value. ``KeyError: 'x'`` says more than ``'x'``."""
    pack = NodePack("errors")

    @pack.node("Raise", output_node=True)
    def fail() -> None:
        raise raised

    assert run(workflow(x=node("Raise")), pack).error("x") == message


def test_fail_fast_starts_nothing_after_the_first_failure() -> None:
    """
    f ✗     inline steps that were ready with it stay undone
    a → s
    """
    pack = NodePack("fast")

    @pack.node("Fail here", cheap=True, output_node=True)
    def fail_here() -> None:
        raise ZeroDivisionError

    graph = workflow(f=node("Fail here"), a=node("Number"), s=node("Show", value=Link("a")))
    result = run(graph, pack, fail_fast=True)
    assert result.states == {"f": "failed", "a": "skipped", "s": "skipped"}
    assert not result.report.stopped


def test_fail_fast_lets_calls_in_flight_finish() -> None:
    """
    paint is under way when fail raises: it finishes and is reported; its reader does not start
    """
    pack = NodePack("fast")
    failed = asyncio.Event()

    @pack.node("Paint")
    async def paint() -> int:
        async with asyncio.timeout(SOON):
            await failed.wait()
        return 7

    @pack.node("Fail later", output_node=True)
    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    def listen(event: events.Event) -> None:
        if isinstance(event, events.NodeFailed):
            failed.set()

    graph = workflow(p=node("Paint"), s=node("Show", value=Link("p")), f=node("Fail later"))
    result = run(graph, pack, fail_fast=True, emit=listen, keep=["p"])
    assert result.states == {"p": "ran", "s": "skipped", "f": "failed"}
    assert result.values("p") == [7]


def test_one_failing_call_cancels_no_sibling() -> None:
    """
    range 3 → paint     call 1 fails at once; calls 0 and 2 still finish, since they may have been paid for
    """
    pack = lists()
    finished: list[int] = []
    failed = asyncio.Event()

    @pack.node("Paint", output_node=True)
    async def paint(value: int) -> int:
        if value == 1:
            failed.set()
            raise ZeroDivisionError
        async with asyncio.timeout(SOON):
            await failed.wait()
        finished.append(value)
        return value

    result = run(workflow(r=node("Range", n=3), p=node("Paint", value=Link("r"))), pack)
    assert sorted(finished) == [0, 2]
    assert result.state("p") == "failed"


def test_a_call_that_cancels_itself_has_failed() -> None:
    """Nobody stopped the run, so it must not pass for a stop, nor for success."""
    pack = NodePack("cancel")

    @pack.node("Cancel", output_node=True)
    async def cancel() -> None:
        raise asyncio.CancelledError

    @pack.node("Stop", output_node=True)
    def stop() -> None:
        raise Stopped("of its own accord")

    result = run(workflow(c=node("Cancel"), s=node("Stop")), pack)
    assert result.states == {"c": "failed", "s": "failed"}
    assert isinstance(result.told[-1], events.RunFinished)
    assert not result.told[-1].ok


@pytest.mark.parametrize(
    ("returned", "message"),
    [((1,), "returned 1 value for 2 outputs"), ((1, 2, 3), "returned 3 values for 2 outputs")],
)
def test_a_wrong_number_of_outputs_fails_the_node(returned: object, message: str) -> None:
    """Rather than shifting what follows."""
    pack = NodePack("arity")

    @pack.node("Two", output_node=True)
    def two() -> tuple[int, int]:
        return returned  # type: ignore[return-value]

    assert message in run(workflow(x=node("Two")), pack).error("x")


# UI payloads and files


def test_ui_payloads_of_all_calls_are_joined() -> None:
    """Per key, in order; a key that one call leaves out is no error."""
    pack = lists()

    @pack.node("Tell", output_node=True)
    def tell(value: int) -> Shown[int]:
        return Shown(value, {"text": [str(value)], **({"odd": [value]} if value % 2 else {})})

    result = run(workflow(r=node("Range", n=4), t=node("Tell", value=Link("r"))), pack)
    assert result.report.nodes["t"].ui == {"text": ["0", "1", "2", "3"], "odd": [1, 3]}


def test_files_in_a_payload_are_told_as_artifacts() -> None:
    """Output and temp files with their paths; input files and other items are none."""
    pack = NodePack("files")

    @pack.node("Save", output_node=True)
    def save() -> Shown[None]:
        images = [
            {"filename": "a.png", "subfolder": "sub", "type": "output"},
            {"filename": "b.png", "type": "temp"},
            {"filename": "c.png", "subfolder": "", "type": "input"},
            "text",
        ]
        return Shown(None, {"images": images})

    folders = Folders(Path("in"), Path("out"), Path("tmp"))
    result = run(workflow(s=node("Save")), pack, surroundings=around(pack, folders=folders))
    written = [event for event in result.told if isinstance(event, events.ArtifactWritten)]
    assert [(each.path, each.kind) for each in written] == [
        (Path("out/sub/a.png"), "output"),
        (Path("tmp/b.png"), "temp"),
    ]


# Stopping


class Stage:
    """A pack with a call that waits to be let go, and what is needed to steer it."""

    def __init__(self) -> None:
        self.stop = StopSignal()
        self.under_way = asyncio.Event()
        self.let_go = asyncio.Event()
        self.heard: list[str] = []
        self.pack = NodePack("stage")

        @self.pack.node("Paint", limit="paint")
        async def paint(value: int = 7) -> int:
            self.heard.append(f"starts {value}")
            self.under_way.set()
            try:
                async with asyncio.timeout(SOON):
                    await self.let_go.wait()
            except asyncio.CancelledError:
                self.heard.append(f"cancelled {value}")
                raise
            return value

    async def play(self, graph: Workflow, script: Callable[[], None], **request: Any) -> Story:
        """Run, and once the call is under way do what the script says."""

        async def direct() -> None:
            await self.under_way.wait()
            script()

        director = asyncio.create_task(direct())
        request.setdefault("targets", [*graph.nodes])
        result = await story(graph, self.pack, stop=self.stop, **request)
        await director
        return result


def played(script: Callable[[Stage], None], graph: Workflow, **request: Any) -> tuple[Stage, Story]:
    """Play a graph of Paint nodes on a stage."""

    async def main() -> tuple[Stage, Story]:
        stage = Stage()
        limits = {"paint": asyncio.Semaphore(request.pop("width", 9))}
        return stage, await stage.play(graph, lambda: script(stage), limits=limits, **request)

    return asyncio.run(main())


PAINT_AND_SHOW = workflow(p=node("Paint"), s=node("Show", value=Link("p")))


def stop_once(stage: Stage) -> None:
    """Ask to stop, then let the call finish."""
    stage.stop.stop()
    stage.let_go.set()


def stop_twice(stage: Stage) -> None:
    """Ask to stop, and ask again."""
    stage.stop.stop()
    stage.stop.stop()


def test_the_first_stop_lets_calls_finish_and_starts_nothing_new() -> None:
    """
    paint → show     paint's value is there, as it may have been paid for; show does not start
    """
    _, result = played(stop_once, PAINT_AND_SHOW)
    assert result.states == {"p": "ran", "s": "skipped"}
    assert result.values("p") == [7]
    assert result.report.stopped
    assert result.headlines == [
        "RunStarted",
        "NodeStarted p",
        "RunStopping",
        "NodeFinished p",
        "RunFinished",
    ]


def test_the_second_stop_cancels_what_runs() -> None:
    """The call hears of it, is told as stopped, and its readers as skipped because of it."""
    stage, result = played(stop_twice, PAINT_AND_SHOW)
    assert stage.heard == ["starts 7", "cancelled 7"]
    assert result.states == {"p": "skipped", "s": "skipped"}
    assert result.headlines == [
        "RunStarted",
        "NodeStarted p",
        "RunStopping",
        "NodeStopped p",
        "NodeSkipped s",
        "RunFinished",
    ]


def test_further_stops_do_not_cut_a_cancelled_call_short() -> None:
    """It may be writing down that an answer is unknown."""
    wrote: list[str] = []

    async def main() -> Story:
        stage = Stage()
        leaving = asyncio.Event()

        @stage.pack.node("Careful", output_node=True)
        async def careful() -> None:
            stage.under_way.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                leaving.set()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                wrote.append("unknown")
                raise

        async def insist() -> None:
            await leaving.wait()
            stage.stop.stop()

        insisting = asyncio.create_task(insist())
        result = await stage.play(workflow(c=node("Careful")), lambda: stop_twice(stage))
        await insisting
        return result

    assert asyncio.run(main()).headlines[-2:] == ["NodeStopped c", "RunFinished"]
    assert wrote == ["unknown"]


def test_a_call_that_waits_for_its_limit_does_not_start_after_a_stop() -> None:
    """
    Three calls under a limit of one: the one under way finishes, the others are never made.
    """
    graph = workflow(a=node("Paint", value=1), b=node("Paint", value=2), c=node("Paint", value=3))
    stage, result = played(stop_once, graph, width=1)
    assert stage.heard == ["starts 1"]
    assert result.states == {"a": "ran", "b": "skipped", "c": "skipped"}
    assert [line for line in result.headlines if "Stopped" in line] == ["NodeStopped b", "NodeStopped c"]


@pytest.mark.parametrize(("script", "warned"), [(stop_once, False), (stop_twice, True)])
def test_only_a_call_that_was_cancelled_may_have_been_charged(script: Callable[[Stage], None], warned: bool) -> None:
    """At the first stop, a service's client that waits for its turn gives up by itself: nothing was sent."""

    async def main() -> Story:
        stage = Stage()

        @stage.pack.node("Client", output_node=True, api_node=True)
        async def client() -> None:
            stage.under_way.set()
            async with ended_by(stage.stop):
                await asyncio.Event().wait()

        return await stage.play(workflow(c=node("Client")), lambda: script(stage))

    result = asyncio.run(main())
    assert result.states == {"c": "skipped"}
    assert any(isinstance(event, events.Warned) for event in result.told) == warned


def test_a_sync_call_that_waits_for_its_turn_does_not_start_after_a_stop() -> None:
    """
    One thread, two steps: the stop comes while the first runs, so the second is never called.
    """
    pack = NodePack("threads")
    stop = StopSignal()
    calls: list[int] = []

    @pack.node("Work", output_node=True)
    def work(value: int) -> int:
        calls.append(value)
        stop.stop()
        return value

    executor = ThreadExecutor(1)
    result = run(workflow(a=node("Work", value=1), b=node("Work", value=2)), pack, executor=executor, stop=stop)
    executor.close()
    assert calls == [1]
    assert result.states == {"a": "ran", "b": "skipped"}


def test_a_stop_holds_back_inline_steps_that_were_ready() -> None:
    """The rule is the same for cheap ones."""
    pack = NodePack("cheap")
    stop = StopSignal()

    @pack.node("Stop here", cheap=True, output_node=True)
    def stop_here() -> None:
        stop.stop()

    result = run(workflow(x=node("Stop here"), s=node("Show", value=1)), pack, stop=stop)
    assert result.states == {"x": "ran", "s": "skipped"}


def test_a_run_that_is_stopped_before_it_starts_runs_nothing() -> None:
    """The signal may be older than the run."""
    stop = StopSignal()
    stop.stop()
    result = run(workflow(s=node("Show", value=1)), stop=stop)
    assert result.states == {"s": "skipped"}
    assert result.headlines == ["RunStarted", "RunFinished"]


def test_a_stop_from_another_thread_is_heard() -> None:
    """As a signal handler's, or a web server's."""
    _, result = played(
        lambda stage: (threading.Thread(target=stage.stop.stop).start(), stage.let_go.set())[0], PAINT_AND_SHOW
    )
    assert result.state("p") == "ran"


def test_values_that_were_not_to_be_kept_are_not_reported_after_a_stop() -> None:
    """What the stop left unread is no result."""
    _, result = played(stop_once, PAINT_AND_SHOW, targets=["s"])
    assert result.report.values == {}


def test_a_sync_function_can_ask_whether_to_stop() -> None:
    """``check_stopped`` and ``progress`` raise once the run was stopped twice."""
    stop = StopSignal()
    told: list[tuple[float, float, str]] = []
    context = RunContext("1", Folders(Path(), Path(), Path()), stop=stop, report=lambda *each: told.append(each))
    stop.stop()
    context.progress(1, 2, "half")
    stop.stop()
    with pytest.raises(Stopped, match="node 1"):
        context.progress(2, 2)
    assert told == [(1, 2, "half")]


def test_cancelling_the_run_itself_cancels_its_calls() -> None:
    """An embedding program may put a timeout around a run: nothing goes on behind its back."""

    async def main() -> list[str]:
        stage = Stage()
        running = asyncio.create_task(stage.play(PAINT_AND_SHOW, lambda: None))
        await stage.under_way.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1
        return stage.heard

    assert asyncio.run(main()) == ["starts 7", "cancelled 7"]


def test_a_listener_that_raises_ends_the_run_and_its_calls() -> None:
    """Its exception comes out; no call is left behind."""

    async def main() -> list[str]:
        stage = Stage()

        def listen(event: events.Event) -> None:
            if isinstance(event, events.NodeFinished):
                raise OSError("disk full")

        @stage.pack.node("Later")
        async def later() -> int:
            await stage.under_way.wait()
            return 1

        graph = workflow(p=node("Paint"), x=node("Later"))
        with pytest.raises(OSError, match="disk full"):
            await story(graph, stage.pack, targets=["p", "x"], emit=listen)
        assert len(asyncio.all_tasks()) == 1
        return stage.heard

    assert asyncio.run(main()) == ["starts 7", "cancelled 7"]


# What is told


def test_the_story_of_a_run() -> None:
    """
    n → f ✗ → s     told in order, with labels, and counted at the end
    """
    graph = workflow(
        n=node("Number"), f=node("Fail", title="Bad luck", value=Link("n")), s=node("Show", value=Link("f"))
    )
    result = run(graph)
    assert result.headlines == [
        "RunStarted",
        "NodeStarted n",
        "NodeFinished n",
        "NodeStarted f",
        "NodeFailed f",
        "NodeSkipped s",
        "RunFinished",
    ]
    first, last = result.told[0], result.told[-1]
    assert isinstance(first, events.RunStarted)
    assert isinstance(last, events.RunFinished)
    assert dict(first.nodes) == {"n": "n (Number)", "f": 'f "Bad luck" (Fail)', "s": "s (Show)"}
    assert (last.ok, last.ran, last.failed, last.skipped, last.stopped) == (False, 1, 1, 1, False)


def test_a_good_run_ends_well() -> None:
    """A run with refused outputs does not, though all that ran went well."""
    good = run(workflow(s=node("Show", value=1))).told[-1]
    assert isinstance(good, events.RunFinished)
    assert good.ok
    partly = run(workflow(s=node("Show", value=1), t=node("Show", value="x"))).told
    assert isinstance(partly[-1], events.RunFinished)
    assert not partly[-1].ok
    assert isinstance(partly[0], events.RunStarted)
    assert [problem.node_id for problem in partly[0].problems] == ["t"]


def test_warnings_of_the_plan_are_told_first() -> None:
    """Before anything starts."""
    result = run(workflow(s=node("Show", value=1, old=2)))
    assert result.headlines[:2] == ["RunStarted", "Warned"]


def test_progress_from_a_thread_is_heard_in_order_on_the_loops_thread() -> None:
    """And before the node's end."""
    pack = NodePack("progress")
    threads: set[int] = set()

    @pack.node("Work", output_node=True)
    def work(context: RunContext) -> bool:
        for i in range(50):
            context.progress(i + 1, 50, f"row {i}")
        context.warn("that was a lot")
        return threading.get_ident() != threading.main_thread().ident

    executor = ThreadExecutor(1)
    result = run(
        workflow(w=node("Work")), pack, executor=executor, emit=lambda event: threads.add(threading.get_ident())
    )
    executor.close()
    assert result.values("w") == [True]
    assert threads == {threading.get_ident()}
    progress = [event for event in result.told if isinstance(event, events.NodeProgress)]
    assert [event.value for event in progress] == list(range(1, 51))
    assert (progress[0].maximum, progress[0].text, progress[0].label) == (50, "row 0", "w (Work)")
    assert result.headlines[-3:] == ["Warned", "NodeFinished w", "RunFinished"]
    assert result.told[-3] == events.Warned("w (Work): that was a lot", "w")


def test_nothing_is_told_after_the_end() -> None:
    """
    A sync call that was cancelled goes on in its thread; what it reports then is heard by no one.
    """
    pack = NodePack("late")
    stop = StopSignal()
    started, go_on = threading.Event(), threading.Event()
    contexts: list[RunContext] = []

    @pack.node("Stubborn", output_node=True)
    def stubborn(context: RunContext) -> None:
        contexts.append(context)
        started.set()
        go_on.wait(SOON)
        context.report(1, 1, "still here")

    async def main() -> Story:
        executor = ThreadExecutor(1)
        running = asyncio.create_task(story(workflow(s=node("Stubborn")), pack, executor=executor, stop=stop))
        await asyncio.get_running_loop().run_in_executor(None, started.wait, SOON)
        stop.stop()
        stop.stop()
        result = await running
        told = list(result.told)
        go_on.set()
        executor.close()
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        contexts[0].report(1, 1, "from the loop")
        assert result.told == told
        return result

    assert asyncio.run(main()).headlines[-2:] == ["NodeStopped s", "RunFinished"]
    contexts[0].warn("the loop is closed")


def test_a_context_knows_its_node_and_what_the_run_was_given() -> None:
    """Id, metadata, folders and services are passed, not looked up."""
    pack = NodePack("context")
    seen: list[RunContext] = []

    class Painter:
        identity = "painter"

    @pack.node("Look", services=(Painter,), output_node=True)
    def look(context: RunContext) -> bool:
        seen.append(context)
        return isinstance(context.service(Painter), Painter)

    given = around(pack, services={Painter: Painter()})
    result = run(workflow(x=node("Look")), surroundings=given, metadata={"prompt": {}})
    assert result.values("x") == [True]
    assert (seen[0].node_id, seen[0].metadata, seen[0].folders) == ("x", {"prompt": {}}, given.folders)
    with pytest.raises(KeyError):
        seen[0].service(int)


def test_spared_steps_are_reported_as_such() -> None:
    """They were planned, and nothing asked for them."""
    graph = workflow(a=node("Number"), w=node("Never asks", value=Link("a")))
    assert run(graph, lazies(), targets=["w"]).states == {"a": "spared", "w": "ran"}


def test_two_runs_on_one_loop_share_nothing() -> None:
    """Each has its values and its story."""

    async def both() -> list[Story]:
        return await asyncio.gather(
            *(story(workflow(n=node("Number", value=i), s=node("Show", value=Link("n")))) for i in range(2))
        )

    assert [result.values("s") for result in asyncio.run(both())] == [[0], [1]]


def test_a_plan_can_be_run_again() -> None:
    """It is a value: a run changes nothing in it."""
    given = around()
    made = make_plan(workflow(n=node("Number", value=1), s=node("Show", value=Link("n"))), given)
    for _ in range(2):
        report = asyncio.run(execute(made, RunRequest(given, InlineExecutor())))
        assert [list(slot) for slot in report.values["s"]] == [[1]]


def test_a_chain_of_100_000_steps_runs() -> None:
    """Nothing recurses."""
    nodes: Mapping[str, Node] = {"0": node("Number", value=1)} | {
        str(i): Node("Add", {"a": Link(str(i - 1)), "b": 1}) for i in range(1, 100_000)
    }
    assert run(Workflow(nodes), targets=["99999"]).values("99999") == [100_000]


def test_a_node_function_can_be_called_with_no_engine_in_sight() -> None:
    """Registering leaves it as it was."""
    assert add(1, 2) == 3
