"""What a plan will cost: calls that lists multiply, ranges, and what nobody knows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from priced_runs import picture, settings_in

from graphrun import Engine, NodePack, installed_packs
from graphrun.kernel.events import CostEstimated, NodeCost
from graphrun.paying import told
from graphrun.providers.estimates import Estimate, Outlay
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.prices import PriceRange
from graphrun.sinks.wording import cost_lines

pack = NodePack("lists")


@pack.node("Prompts")
def prompts(count: int) -> list[str]:
    """Give a list."""
    return ["a fox"] * count


@pack.node("Louder")
def louder(text: str) -> str:
    """Give as many as come."""
    return f"{text}!"


@pack.node("Joined", list_input=True)
def joined(text: list[str]) -> str:
    """Give one of many."""
    return " ".join(text)


def outlay(folder: Path, graph: dict[str, Any]) -> Outlay:
    """Return what a graph will cost at OpenAI."""
    graph = {**graph, "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    engine = Engine(settings_in(folder), packs=[*installed_packs(), pack])
    found = engine.forecast(graph, provider=OpenAIImages("https://api.openai.com/v1", "sk-test")).outlay
    assert found is not None
    return found


LIST = {"class_type": "Prompts", "inputs": {"count": 3}}


@pytest.mark.parametrize(
    ("between", "calls"),
    [
        ({}, None),
        ({"2": {"class_type": "Louder", "inputs": {"text": ["3", 0]}}}, None),
        ({"2": {"class_type": "Joined", "inputs": {"text": ["3", 0]}}}, 1),
        ({"2": {"class_type": "Louder", "inputs": {"text": "a fox"}}}, 1),
    ],
    ids=["a list", "through another node", "made one again", "no list"],
)
def test_a_list_that_comes_by_a_link_makes_calls_of_unknown_number(
    tmp_path: Path, between: dict[str, Any], calls: int | None
) -> None:
    """Directly or not; the price of one is known all the same."""
    source = ["2", 0] if between else ["3", 0]
    [estimate] = outlay(tmp_path, {"3": LIST, **between, "1": picture(source)}).estimates
    assert estimate.calls == calls
    assert estimate.each is not None
    assert (estimate.price is None) == (calls is None)


def test_what_no_price_is_known_for_is_left_out_of_the_sum(tmp_path: Path) -> None:
    """And said to be."""
    graph = {"1": picture("a fox")}
    graph["1"] = {
        "class_type": "OpenAIGPTImage1",
        "inputs": {**graph["1"]["inputs"], "quality": "high", "n": 2},
    }
    found = outlay(tmp_path, graph)
    assert found.total == PriceRange(Decimal("0.42145"), Decimal("0.42145"))
    unknown = Estimate("2", "2 (Node)", None, remark="nobody knows")
    event = told(Outlay((*found.estimates, unknown), found.as_of))
    assert (event.low, event.high, event.unknown) == ("0.42145", "0.42145", 1)
    assert [*cost_lines(event)][-2:] == [
        "cost of 2 (Node): unknown (nobody knows)",
        "cost in all: 0.4215 USD by the prices of 2026-11-20, and that of 1 node nobody knows",
    ]


def test_nodes_of_which_the_same_is_to_be_said_share_a_line() -> None:
    """However many they are; a file's titles can't fake lines."""
    nodes = tuple(NodeCost(str(id), f"{id} (Node)\n", "1", "2", "m, 1 picture") for id in range(20))
    lines = [*cost_lines(CostEstimated("20", "40", 0, None, nodes))]
    assert lines == [
        "cost of 0 (Node), 1 (Node), 2 (Node), 3 (Node), 4 (Node) and 15 more: 1 to 2 USD each (m, 1 picture)",
        "cost in all: 20 to 40 USD",
    ]
    assert [*cost_lines(CostEstimated("0", "0", 0, None, nodes))] == ["cost: nothing"]
