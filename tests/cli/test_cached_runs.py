"""``graphrun run`` with a cache: what is made again, what isn't, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from callers import PAID, PICTURES, Graph, Graphrun, Said, Write, node

from graphrun.cli.ending import way_on
from graphrun.cli.exit_codes import REFUSED, run_exit_code
from graphrun.errors import LimitError, NodeError
from graphrun.kernel.workflow import Workflow
from graphrun.results import RunResult

OFFLINE = ("--provider", "offline")
EDITED: Graph = {
    **PAID,
    "8": node("ImageInvert", image=["10", 0]),
    "9": node("SaveImage", images=["8", 0], filename_prefix="fox"),
}
EMPTY = RunResult(
    workflow=Workflow({}),
    nodes={},
    artifacts=(),
    failures=(),
    problems=(),
    refused={},
    warnings=(),
    seeds={},
    seconds=0.0,
    stopped=False,
)


def summary(said: Said) -> str:
    """Return the last line without its time."""
    return said.err.splitlines()[-1].rpartition(" in ")[0]


def test_a_second_run_is_all_from_the_cache(graphrun: Graphrun, write: Write, here: Path) -> None:
    """It prints the same path, makes no file, says so in words, and spends no line on what nobody needed."""
    path = write(PAID)
    first = graphrun("run", path, *OFFLINE)
    second = graphrun("run", path, *OFFLINE)
    assert summary(first) == "2 ran"
    assert second.out == first.out
    assert len(list((here / "output").iterdir())) == 1
    assert second.err.splitlines()[:-1] == ["2 nodes planned", '9 "Save Image" (SaveImage): cached']
    assert summary(second) == "all from the cache: 1 cached, 1 spared"


def test_what_ran_was_cached_and_was_spared_is_summed_up(graphrun: Graphrun, write: Write) -> None:
    """A second folder gets its own file, from the picture that is there."""
    path = write(PAID)
    graphrun("run", path, *OFFLINE)
    again = graphrun("run", path, *OFFLINE, "--output-dir", "other")
    assert summary(again) == "1 ran, 1 cached"
    states = json.loads(graphrun("run", path, *OFFLINE, "--json", "--output-dir", "third").out)["nodes"]
    assert {node_id: each["state"] for node_id, each in states.items()} == {"10": "cached", "9": "ran"}


def test_no_cache_neither_looks_nor_keeps(graphrun: Graphrun, write: Write) -> None:
    """The run after it finds nothing of it either."""
    path = write(PAID)
    assert summary(graphrun("run", path, *OFFLINE, "--no-cache")) == "2 ran"
    assert summary(graphrun("run", path, *OFFLINE)) == "2 ran"
    assert summary(graphrun("run", path, *OFFLINE, "--no-cache")) == "2 ran"


@pytest.mark.parametrize(
    ("refresh", "told"),
    [
        (["--refresh", "9"], "1 ran, 1 cached, 1 spared"),
        (["--refresh", "ImageInvert"], "2 ran, 1 cached"),
        (["--refresh=10"], "3 ran"),
        (["--refresh", "9", "--refresh", "10"], "3 ran"),
        (["--refresh"], "3 ran"),
        (["--refresh", "--quiet", "--refresh", "9"], None),
    ],
)
def test_refresh_makes_a_node_again_and_what_depends_on_it(
    graphrun: Graphrun, write: Write, refresh: list[str], told: str | None
) -> None:
    """By id, class or title, several of them, or, without a name, everything."""
    path = write(EDITED)
    graphrun("run", path, *OFFLINE)
    said = graphrun("run", path, *OFFLINE, *refresh)
    assert said.code == 0
    assert said.err == "" if told is None else summary(said) == told


def test_refresh_does_not_take_the_file_for_a_node(graphrun: Graphrun, write: Write) -> None:
    """`graphrun run --refresh fox.json` refreshes everything in fox.json."""
    path = write(PAID)
    graphrun("run", path, *OFFLINE)
    assert summary(graphrun("run", "--refresh", path, *OFFLINE)) == "2 ran"
    assert summary(graphrun("run", *OFFLINE, "--refresh", "9", path)) == "1 ran, 1 cached"


@pytest.mark.parametrize(
    "words",
    [["run"], ["run", "--refresh"], ["check"], ["plan"], ["nodes", "show"], ["cache", "why"], ["run", "--quiet"]],
)
def test_a_call_without_its_file_is_told_what_is_missing(graphrun: Graphrun, words: list[str]) -> None:
    """Also where nothing follows that --refresh could have for a value."""
    said = graphrun(*words)
    assert (said.code, said.out) == (2, "")
    assert "Missing argument" in said.err


def test_refresh_may_be_the_last_word(graphrun: Graphrun, write: Write) -> None:
    """Everything is made again."""
    path = write(PAID)
    graphrun("run", path, *OFFLINE)
    assert summary(graphrun("run", path, *OFFLINE, "--refresh")) == "2 ran"


@pytest.mark.parametrize("name", ["", "x" * 5000])
def test_refresh_of_no_node_is_a_wrong_call(graphrun: Graphrun, write: Write, name: str) -> None:
    """`--refresh "$NODE"` with an empty variable must not buy everything again."""
    said = graphrun("run", write(PICTURES), "--refresh", name)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: no node is called '{name}'")


@pytest.mark.parametrize("other", ["--cached-only", "--refresh"])
def test_contradicting_options_are_a_wrong_call(graphrun: Graphrun, write: Write, other: str) -> None:
    """Nothing runs, and both are named."""
    said = graphrun("run", write(PICTURES), "--no-cache", other)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: --no-cache and {other} contradict each other: leave one of them out\n"


def test_cached_only_refuses_a_paid_call_with_exit_code_3(graphrun: Graphrun, write: Write, here: Path) -> None:
    """The node, the reason and the remedy in a line; nothing is made. What is there is served, and free work done."""
    path = write(PAID)
    said = graphrun("run", path, *OFFLINE, "--cached-only")
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        'error: 10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1): not in the cache, and only cached results are '
        "allowed; run without --cached-only to make it\n"
    )
    assert not (here / "output").exists()
    graphrun("run", path, *OFFLINE)
    assert graphrun("run", path, *OFFLINE, "--cached-only", "--output-dir", "other").code == 0


def test_json_of_a_refused_run_names_the_nodes(graphrun: Graphrun, write: Write) -> None:
    """A problem of its own type for each node that would have cost money."""
    said = graphrun("run", write(PAID), *OFFLINE, "--cached-only", "--json")
    assert said.code == 3
    [problem] = json.loads(said.out)["problems"]
    assert (problem["type"], problem["node_id"]) == ("limit", "10")


@pytest.mark.parametrize(
    ("refreshed", "drawn", "told"),
    [
        (False, False, "run it again to go on"),
        (True, False, "run it again without --refresh to go on"),
        (False, True, "run it again with the seeds of this run to go on"),
        (True, True, "run it again without --refresh and with the seeds of this run to go on"),
    ],
)
def test_the_way_on_after_a_stop_makes_nothing_twice(refreshed: bool, drawn: bool, told: str) -> None:
    """The same call would, where it refreshes or draws seeds."""
    assert way_on(refreshed=refreshed, drawn=drawn) == f"{told}: what is done comes from the cache"


def test_a_failure_that_a_limit_caused_is_exit_code_3_too() -> None:
    """A node may turn out to be needed only while the run goes on; 3 wins over the 1 of other failures."""
    refused, broken = NodeError("10", "Draw", None, "not in the cache"), NodeError("11", "Divide", None, "by zero")
    refused.__cause__, broken.__cause__ = LimitError("not in the cache", ["10"]), ZeroDivisionError()
    result = replace(EMPTY, failures=(broken, refused))
    assert run_exit_code(result) == REFUSED


def test_a_cache_of_ones_own(graphrun: Graphrun, write: Write, here: Path) -> None:
    """--cache-dir keeps a project's results apart from the user's."""
    path = write(PAID)
    graphrun("run", path, *OFFLINE)
    assert summary(graphrun("run", path, *OFFLINE, "--cache-dir", "mine")) == "2 ran"
    assert summary(graphrun("run", path, *OFFLINE, "--cache-dir", "mine")) == "all from the cache: 1 cached, 1 spared"
    assert (here / "mine").is_dir()
