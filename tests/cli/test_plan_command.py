"""``graphrun plan``: what would run, drawn."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from callers import LOCAL_MODELS, NEEDS_LOCAL_MODELS, PAID, PICTURES, TEXT, Graph, Graphrun, Write, node

from graphrun import Engine
from graphrun.kernel.cache_key import CacheKey

DIAMOND: Graph = {
    "5": node("PreviewAny", "Out", source=["4", 0]),
    "4": node("StringConcatenate", string_a=["2", 0], string_b=["3", 0], delimiter=" "),
    "3": node("StringConcatenate", string_a=["1", 0], string_b="b", delimiter=""),
    "2": node("StringConcatenate", string_a=["1", 0], string_b="a", delimiter=""),
    "1": node("PrimitiveString", "Start", value="x"),
}


def test_a_tree_from_the_outputs_down(graphrun: Graphrun, write: Write) -> None:
    """At the left the order of the run and who would run; what two nodes read is drawn once, then referred to."""
    said = graphrun("plan", write(DIAMOND))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "5 nodes would run, in the order of the numbers",
        '  5  run  5 "Out" (PreviewAny)',
        '  4  run  └── source: 4 "Concatenate Text" (StringConcatenate)',
        '  3  run      ├── string_a: 2 "Concatenate Text" (StringConcatenate)',
        '  1  run      │   └── string_a: 1 "Start" (PrimitiveString)',
        '  2  run      └── string_b: 3 "Concatenate Text" (StringConcatenate)',
        '  1  run          └── string_a: 1 "Start" (PrimitiveString) (drawn above)',
    ]


def test_what_cannot_run_is_told_beside_the_tree(graphrun: Graphrun, write: Write) -> None:
    """The tree is for what runs; stdout can be kept, stderr says what is wrong."""
    said = graphrun("plan", write({**TEXT, **LOCAL_MODELS}))
    assert said.code == 1
    assert said.out.startswith("2 nodes would run")
    assert said.err.splitlines() == [NEEDS_LOCAL_MODELS]
    assert graphrun("plan", write(LOCAL_MODELS)).code == 2


def test_json_lists_the_steps_in_order(graphrun: Graphrun, write: Write) -> None:
    """Each with what it reads; and the findings of `check`."""
    plan = json.loads(graphrun("plan", write(DIAMOND), "--format", "json").out)
    assert [step["node"] for step in plan["steps"]] == ["1", "3", "2", "4", "5"]
    assert plan["steps"][-1]["reads"] == {"source": ["4", 0]}
    assert (plan["targets"], plan["problems"], plan["ok"]) == (["5"], [], True)


def test_a_format_that_is_not_there_is_a_wrong_call(graphrun: Graphrun, write: Write) -> None:
    """What there is, and what was probably meant."""
    said = graphrun("plan", write(TEXT), "--format", "mermiad")
    assert (said.code, said.out) == (2, "")
    assert said.err == ("error: --format: 'mermiad' is not one of tree, json, mermaid, svg; did you mean 'mermaid'?\n")


def test_mermaid_draws_every_node_and_link(graphrun: Graphrun, write: Write) -> None:
    """Names of nodes are made up, since ids may hold anything."""
    lines = graphrun("plan", write({**TEXT, **LOCAL_MODELS}), "--format", "mermaid").out.splitlines()
    assert lines[:4] == [
        "flowchart LR",
        '  n1["1 #34;String#34; (PrimitiveString)"]',
        '  n2(["2 #34;Show it#34; (PreviewAny)"])',
        '  n1 -->|"source"| n2',
    ]
    assert lines[4].startswith('  refused1["output 9 #34;Save Image#34; (SaveImage) needs ')
    assert lines[4].endswith('"]:::refused')


@pytest.mark.parametrize(
    "title", ['"] --> x["', "</div><b>", "`code` **bold**", "#quot;", "a\nb\x1b[31m", "%%{init}%%"]
)
def test_no_title_breaks_out_of_its_label(graphrun: Graphrun, write: Write, title: str) -> None:
    """Only letters, digits, plain punctuation and entities stand between the quotes."""
    lines = graphrun(
        "plan", write({"1": node("PreviewAny", title, source="x")}), "--format", "mermaid"
    ).out.splitlines()
    [_, label] = lines
    assert re.fullmatch(r'  n1\(\["(?:[\w ()/.,:;?!=+…-]|#\d+;)*"\]\)', label)


def test_targets_and_seeds_change_the_plan(graphrun: Graphrun, write: Write) -> None:
    """--target cuts the plan down to what one node needs."""
    said = graphrun("plan", write(DIAMOND), "--target", "3", "--seed", "7")
    assert said.out.splitlines()[0] == "2 nodes would run, in the order of the numbers"


def test_a_chain_longer_than_any_stack_is_drawn(graphrun: Graphrun, write: Write) -> None:
    """5,000 nodes, each reading the one before: a line each, and no line grows with the chain."""
    chain = {
        str(n): node("StringConcatenate", string_a=[str(n - 1), 0], string_b="", delimiter="") for n in range(1, 5000)
    }
    graph = {"0": node("PrimitiveString", value="x"), **chain, "out": node("PreviewAny", source=["4999", 0])}
    lines = graphrun("plan", write(graph)).out.splitlines()
    drawn = [line for line in lines[1:] if not line.endswith("(drawn below)")]
    assert len(drawn) == 5001
    assert len({line.split()[0] for line in drawn}) == 5001
    assert max(map(len, lines)) < 160


def test_after_a_run_the_tree_shows_what_the_cache_spares(graphrun: Graphrun, write: Write) -> None:
    """The output is there, so nobody needs what it was made from; with another service all would run."""
    path = write(PAID)
    graphrun("run", path, "--provider", "offline")
    assert graphrun("plan", path, "--provider", "offline").out.splitlines() == [
        "none of 2 nodes would run: 1 in the cache, 1 spared",
        '  2  hit     9 "Save Image" (SaveImage)',
        '  1  spared  └── images: 10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1)',
        "cost: nothing",
    ]
    assert graphrun("plan", path).out.startswith("2 nodes would run, ")
    assert graphrun("plan", path, "--provider", "offline", "--seed", "8").out.startswith("2 nodes would run, ")
    assert graphrun("plan", path, "--provider", "offline", "--cache-dir", "new").out.startswith("2 nodes would run, ")


def lose_a_file(graphrun: Graphrun, path: Path) -> None:
    """Leave two savers of one source, of which one has lost its file, and whose source is not in the cache."""
    graphrun("run", path)
    Path("output/dog_00001_.png").unlink()
    engine = Engine()
    engine.cache.disk.forget(engine.plan(path).steps["1"].key or CacheKey(""))
    asyncio.run(engine.aclose())


def test_a_hit_that_waits_for_its_source_is_a_perhaps(graphrun: Graphrun, write: Write) -> None:
    """The lost file is saved again, for which the source is made again; if it comes out equal the other file stands."""
    path = write(PICTURES)
    lose_a_file(graphrun, path)
    lines = graphrun("plan", path).out.splitlines()
    assert lines[0] == "2 of 3 nodes would run, in the order of the numbers; 1 perhaps in the cache"
    assert [line.split()[1] for line in lines[1:]] == ["perhaps", "run", "run", "run"]
    assert graphrun("run", path).err.splitlines()[-1].startswith("2 ran, 1 cached in ")


def test_json_and_mermaid_tell_the_same_fates(graphrun: Graphrun, write: Write) -> None:
    """A field per step; a class per node that would not simply run."""
    path = write(PICTURES)
    lose_a_file(graphrun, path)
    plan = json.loads(graphrun("plan", path, "--format", "json").out)
    assert {step["node"]: step["fate"] for step in plan["steps"]} == {"1": "run", "2": "perhaps", "3": "run"}
    lines = graphrun("plan", path, "--format", "mermaid").out.splitlines()
    assert [line.partition(":::")[2] for line in lines[1:4]] == ["", "perhaps", ""]
    [style] = [line for line in lines if "classDef" in line]
    assert style.startswith("  classDef perhaps fill:")
