"""Keys differ whenever the work differs, and agree whenever it doesn't: in every process, under every label."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import node, number_workflows, plan, relabelled, workflow

from graphrun.errors import Uncacheable
from graphrun.kernel.cache_key import CacheKey, KeyInputs, encode, path_digest, step_key
from graphrun.kernel.node_types import Lazy, NodeType, Socket, Widget
from graphrun.kernel.signatures import node_type_from
from graphrun.kernel.workflow import BoundFile, Given, Link, Node, Workflow
from graphrun.packs import NodePack

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
)


def typed(value: object) -> object:
    """A value beside which an equal one of another type differs: 1, 1.0, True and -0.0 are four."""
    match value:
        case list():
            return ("list", *map(typed, value))
        case dict():
            return ("dict", frozenset((key, typed(each)) for key, each in value.items()))
        case float():
            return ("float", value, math.copysign(1, value))
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_encoding_is_injective(a: object, b: object) -> None:
    """Two values encode alike exactly if they are alike, types included."""
    assert (encode(a) == encode(b)) == (typed(a) == typed(b))


@given(VALUES)
def test_a_copy_encodes_alike(value: object) -> None:
    """Identity and the order of a mapping's keys are no part of a value."""
    if isinstance(value, dict):
        assert encode(dict(reversed(value.items()))) == encode(value)
    assert encode([value, value]) == encode([value] * 2)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (1, "1"),
        (0, False),
        (None, "None"),
        ("a", b"a"),
        (["12"], ["1", "2"]),
        ([[], []], [[[]]]),
        ([], {}),
        ({"a": 1}, ["a", 1]),
        (["a", "b"], [["a"], "b"]),
        (0.0, -0.0),
        ("", None),
    ],
)
def test_neighbours_do_not_collide(a: object, b: object) -> None:
    """Values that careless encodings confuse."""
    assert encode(a) != encode(b)


@pytest.mark.parametrize("value", [math.nan, object(), {1: "a"}, {"a": {1, 2}}, [Given((1,))], Link("a")])
def test_what_has_no_canonical_form_says_so(value: object) -> None:
    """Uncached rather than wrongly cached."""
    with pytest.raises(Uncacheable):
        encode(value)


def test_depth_and_size_are_no_matter() -> None:
    """A hundred thousand nested lists, and a number of more digits than Python will write."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert encode(deep)
    assert encode(16**5000) != encode(16**5000 + 1)
    assert encode(-5) != encode(5)


def keyed() -> NodePack:
    """Nodes that differ in what their key depends on."""
    pack = NodePack("keyed")

    @pack.node("Named", wants_id=True)
    def named(value: int = 0) -> int:
        return value

    @pack.node("Effect", not_idempotent=True)
    def effect(value: int = 0) -> int:
        return value

    @pack.node("Clock", always_run=True)
    def clock(value: int = 0) -> int:
        return value

    @pack.node("Scale")
    def scale(value: int = 1, factor: float = 2, label: str | None = None) -> float:
        return value * factor

    @pack.node("File", fingerprint=lambda arguments, folders: folders.read(str(arguments["name"])))
    def file(name: str) -> str:
        return name

    @pack.node("Bound")
    def bound(file: Annotated[str | BoundFile, Socket("COMBO"), Widget(file=True)]) -> str:
        return str(file)

    @pack.node("Maybe", needs=lambda arguments: [])
    def maybe(value: Annotated[int, Lazy()] = 0) -> int:
        return value

    @pack.node("Any")
    def anything(value: object = 0) -> object:
        return value

    return pack


def keys(graph: Workflow, **given: Any) -> dict[str, CacheKey | None]:
    """The key of every step of a plan whose targets are all nodes."""
    made = plan(graph, keyed(), targets=list(graph.nodes), **given)
    assert not made.problems, made.problems
    return {node_id: step.key for node_id, step in made.steps.items()}


def key(class_type: str, **inputs: object) -> CacheKey | None:
    """The key of a single node."""
    return keys(workflow(n=node(class_type, **inputs)))["n"]


@given(number_workflows(), st.data())
def test_relabelling_and_reordering_change_no_key(graph: Workflow, data: st.DataObject) -> None:
    """A key holds producers' keys, never their ids, titles or places."""
    ids = list(graph.nodes)
    fresh = data.draw(st.permutations([f"x{i}" for i in range(len(ids))]))
    names = dict(zip(ids, fresh, strict=True))
    other = keys(relabelled(graph, names, data.draw(st.permutations(ids))))
    assert {names[node_id]: key for node_id, key in keys(graph).items()} == other


@given(number_workflows(), st.data())
def test_changing_a_literal_changes_its_node_and_descendants_only(graph: Workflow, data: st.DataObject) -> None:
    """And all of them."""
    numbers = [node_id for node_id, each in graph.nodes.items() if each.class_type == "Number"]
    changed_id = data.draw(st.sampled_from(numbers))
    before = keys(graph)
    after = keys(graph.with_inputs({f"{changed_id}.value": 99}))
    affected = {changed_id}
    for node_id in before:  # in topological order
        if affected & {link.node_id for _, link in graph.nodes[node_id].links}:
            affected.add(node_id)
    assert {node_id for node_id in before if before[node_id] != after[node_id]} == affected


def test_titles_are_no_part_of_a_key() -> None:
    """Renaming a node in the editor re-runs nothing."""
    graph = workflow(n=node("Number", value=1))
    titled = workflow(n=node("Number", title="Start", value=1))
    assert keys(graph) == keys(titled)


def test_literals_enter_as_converted() -> None:
    """7, "7" and 7.0 are one INT, 2 and 2.0 one FLOAT: what the function gets is what counts."""
    assert key("Number", value=7) == key("Number", value="7") == key("Number", value=7.0)
    assert key("Scale", factor=3) == key("Scale", factor=3.0) == key("Scale", factor="3")
    assert key("Number", value=7) != key("Number", value=8)


def test_what_is_not_converted_stays_distinct() -> None:
    """An input of any type tells 1, 1.0, true and "1" apart."""
    assert len({key("Any", value=value) for value in (1, 1.0, True, "1", [1], {"a": 1})}) == 6


def test_writing_a_default_out_changes_nothing() -> None:
    """The function's default, converted like a literal: ``factor: float = 2`` is 2.0."""
    assert key("Scale") == key("Scale", value=1) == key("Scale", value=1, factor=2.0) == key("Scale", factor=2)
    assert key("Scale") != key("Scale", label="")


def test_undeclared_constants_are_no_part_of_a_key() -> None:
    """They never reach the function."""
    assert key("Number", value=1) == key("Number", value=1, leftover="x")


def test_the_slot_and_the_input_of_a_link_count() -> None:
    """Swapping a and b is other work, and so is another output of the same node."""
    pack = keyed()

    @pack.node("Pair")
    def pair() -> tuple[int, int]:
        return 1, 2

    def sum_key(**links: object) -> CacheKey | None:
        graph = workflow(p=node("Pair"), n=node("Number", value=5), s=node("Add", **links))
        return plan(graph, pack, targets=["s"]).steps["s"].key

    made = [
        sum_key(a=Link("p", 0), b=Link("n")),
        sum_key(b=Link("p", 0), a=Link("n")),
        sum_key(a=Link("p", 1), b=Link("n")),
        sum_key(a=Link("p", 0)),
    ]
    assert len(set(made)) == 4


def test_lazy_and_undeclared_links_count() -> None:
    """Whether they are read is known only in the run."""
    with_link = keys(workflow(n=node("Number"), m=node("Maybe", value=Link("n"))))["m"]
    assert with_link != key("Maybe", value=0)
    variadic = workflow(a=node("Number"), b=node("Number", value=1), s=node("Sum", x=Link("a"), y=Link("b")))
    fewer = workflow(a=node("Number"), b=node("Number", value=1), s=node("Sum", x=Link("a")))
    assert keys(variadic)["s"] != keys(fewer)["s"]


def test_equal_nodes_share_a_key_unless_their_id_matters() -> None:
    """A node that wants its id, or has an effect, is not its twin."""
    for class_type, shared in (("Number", True), ("Named", False), ("Effect", False)):
        made = keys(workflow(a=node(class_type), b=node(class_type)))
        assert (made["a"] == made["b"]) is shared


@pytest.mark.parametrize(
    ("class_type", "inputs"),
    [("Clock", {}), ("Any", {"value": Given((object(),))}), ("Any", {"value": [math.nan]})],
)
def test_what_cannot_be_keyed_always_runs_and_so_does_what_reads_it(class_type: str, inputs: dict[str, object]) -> None:
    """
    clock → sum → show     none of these has a key;
    number                 this one has
    """
    graph = workflow(
        clock=node(class_type, **inputs),
        sum=node("Any", value=Link("clock")),
        show=node("Any", value=Link("sum")),
        number=node("Number"),
    )
    made = keys(graph)
    assert [made[each] for each in ("clock", "sum", "show")] == [None, None, None]
    assert made["number"] is not None


def test_a_fingerprint_brings_the_outside_in(tmp_path: Path) -> None:
    """Editing a file changes the key; touching it doesn't; a file that can't be read leaves none."""
    from graphrun.kernel.folders import Folders

    folders = Folders(tmp_path, tmp_path, tmp_path)
    graph = workflow(f=node("File", name="a.txt"))
    (tmp_path / "a.txt").write_text("one")
    first = keys(graph, folders=folders)["f"]
    (tmp_path / "a.txt").write_text("one")
    os.utime(tmp_path / "a.txt", (1, 1))
    assert keys(graph, folders=folders)["f"] == first
    (tmp_path / "a.txt").write_text("two")
    assert keys(graph, folders=folders)["f"] not in (first, None)
    (tmp_path / "a.txt").unlink()
    assert keys(graph, folders=folders)["f"] is None


def test_a_fingerprint_that_raises_means_always_run() -> None:
    """Whatever it raises (comfyui-execution.md, 6.3)."""
    pack = NodePack("broken")

    @pack.node("Broken", fingerprint=lambda arguments, folders: 1 / 0)
    def broken() -> int:
        return 1

    made = plan(workflow(b=node("Broken")), pack, targets=["b"])
    assert not made.problems
    assert made.steps["b"].key is None


def test_a_bound_file_enters_by_content(tmp_path: Path) -> None:
    """Not by name or place: a copy is the same picture, an edited one is not."""
    (tmp_path / "a.png").write_bytes(b"same")
    (tmp_path / "b.png").write_bytes(b"same")
    one = key("Bound", file=BoundFile("a.png", tmp_path / "a.png"))
    assert one == key("Bound", file=BoundFile("b.png", tmp_path / "b.png"))
    assert one == key("Bound", file=BoundFile("c", b"same"))
    assert one != key("Bound", file=BoundFile("a.png", b"other"))
    assert one != key("Bound", file="same")


def test_a_bound_file_that_is_gone_leaves_no_key(tmp_path: Path) -> None:
    """The plan stands; the node will say what is wrong when it reads."""
    assert key("Bound", file=BoundFile("a.png", tmp_path / "gone.png")) is None


class Service:
    """A kind of service, with an identity."""

    def __init__(self, identity: str) -> None:
        self.identity = identity


def test_the_identity_of_a_service_counts_where_it_is_used() -> None:
    """Another provider gives other pictures; nodes that use none don't care."""
    pack = NodePack("services")

    @pack.node("Paint", services=(Service,))
    def paint() -> int:
        return 1

    graph = workflow(p=node("Paint"), n=node("Number"))

    def made(identity: str) -> dict[str, Any]:
        steps = plan(graph, pack, targets=["p", "n"], services={Service: Service(identity)}).steps
        return {node_id: step.key for node_id, step in steps.items()}

    assert made("one") == made("one")
    assert made("one")["p"] != made("two")["p"]
    assert made("one")["n"] == made("two")["n"]


def made_type(**flags: Any) -> NodeType:
    """A node type that differs in one thing."""

    def function(value: int) -> int:
        return value

    return node_type_from(function, "Made", **flags)


def test_class_version_and_pack_count() -> None:
    """A node whose results changed has another version; another pack may use the same name."""
    base = made_type(pack="mine")
    variants = [
        base,
        replace(base, version=2),
        replace(base, version="1"),
        replace(base, pack="yours"),
        replace(base, name="Other"),
    ]
    assert len({step_key(KeyInputs(each, {"value": 1}, {})) for each in variants}) == 5
    assert step_key(KeyInputs(base, {"value": 1}, {})) == step_key(
        KeyInputs(replace(base, display_name="Shown"), {"value": 1}, {})
    )


def test_fingerprint_services_and_id_do_not_stand_in_for_one_another() -> None:
    """The same text in another role gives another key."""
    base = made_type()
    made = {
        step_key(KeyInputs(base, {}, {})),
        step_key(KeyInputs(base, {}, {}, fingerprint="x")),
        step_key(KeyInputs(base, {}, {}, services=["x"])),
        step_key(KeyInputs(base, {}, {}, node_id="x")),
        step_key(KeyInputs(base, {"x": "x"}, {})),
        step_key(KeyInputs(base, {}, {"x": (CacheKey("x"), 0)})),
    }
    assert len(made) == 6


PROGRAM = """
from graphrun.kernel.cache_key import KeyInputs, step_key
from graphrun.kernel.signatures import node_type_from

def function(value: int) -> int:
    return value

made = node_type_from(function, "Made", pack="mine", version=3)
literals = {"b": [1, 2.5, "é", None, True], "a": {"y": b"1", "x": {}}}
links = {"in": (step_key(KeyInputs(made, literals, {})), 1)}
print(step_key(KeyInputs(made, literals, links, fingerprint="f", services=["s"], node_id="7")))
"""


def test_a_key_is_the_same_in_every_process() -> None:
    """Whatever the seed of Python's own hashes."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_a_deep_chain_keys_in_linear_time() -> None:
    """Each link holds a digest, so a node that reads its neighbour twice doubles nothing."""
    nodes = {"0": Node("Number")}
    for i in range(1, 2000):
        nodes[str(i)] = Node("Add", {"a": Link(str(i - 1)), "b": Link(str(i - 1))})
    made = plan(Workflow(nodes), targets=["1999"]).steps["1999"].key
    assert made is not None
    assert len(made) == 64


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    """As BLAKE3 and in hex."""
    (tmp_path / "a").write_bytes(b"")
    assert path_digest(tmp_path / "a") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
