"""What the OpenAI nodes say before a run that they will ask."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun import Ask, Engine, ImageAnswer, ImageRequest, ImageService, Settings
from graphrun.kernel.plan import Step
from graphrun_nodes import openai

TYPES = {node_type.name: node_type for node_type in openai.pack}
V2 = {
    "model": "gpt-image-2",
    "model.size": "auto",
    "model.background": "auto",
    "model.quality": "low",
    "n": 1,
    "seed": 0,
}
PICTURE = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 2, "color": 0}}
MASK = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 8, "height": 8}}


class Hearing(ImageService):
    """Keeps what it is asked, and answers nothing."""

    identity, capacity = "hearing", 4

    def __init__(self) -> None:
        self.heard: list[ImageRequest] = []

    async def create(self, request: ImageRequest) -> ImageAnswer:
        self.heard.append(request)
        raise RuntimeError("heard")


def step(class_type: str, inputs: Mapping[str, Any]) -> Step:
    """Plan one node, with a picture, a mask, a text and a number to link to."""
    others = {
        "picture": PICTURE,
        "mask": MASK,
        "text": {"class_type": "PrimitiveString", "inputs": {"value": "a"}},
        "number": {"class_type": "PrimitiveInt", "inputs": {"value": 2}},
    }
    graph = {**others, "1": {"class_type": class_type, "inputs": inputs}}
    plan = Engine().plan(graph, targets=["1"], provider=Hearing())
    return plan.steps["1"]


def asked(class_type: str, **inputs: Any) -> Ask | None:
    """Return what a node says it will ask."""
    planned = step(class_type, {"prompt": "a fox", **inputs})
    ask = planned.type.asked(planned.literals, planned.links)
    assert ask is None or isinstance(ask, Ask)
    return ask


def sent(class_type: str, inputs: Mapping[str, Any], folder: Path) -> ImageRequest:
    """Return what a node asks in a run."""
    service = Hearing()

    async def once() -> None:
        async with Engine(Settings(output_dir=folder)) as engine:
            await engine.run({"1": {"class_type": class_type, "inputs": inputs}}, targets=["1"], provider=service)

    asyncio.run(once())
    [request] = service.heard
    return request


@pytest.mark.parametrize(
    ("class_type", "inputs"),
    [
        ("OpenAIDalle2", {}),
        ("OpenAIDalle2", {"size": "256x256", "n": 3, "seed": 9}),
        ("OpenAIDalle3", {"style": "vivid", "quality": "hd"}),
        ("OpenAIGPTImage1", {}),
        ("OpenAIGPTImage1", {"model": "gpt-image-2", "size": "Custom", "custom_width": 2048, "quality": "high"}),
        ("OpenAIGPTImageNodeV2", V2),
        ("OpenAIGPTImageNodeV2", {**V2, "model.size": "Custom", "model.custom_height": 1360, "seed": 4}),
    ],
)
def test_a_request_of_literals_is_known_before_the_run(class_type: str, inputs: dict[str, Any], tmp_path: Path) -> None:
    """To the last parameter: the ledger is asked by its address."""
    ask = asked(class_type, **inputs)
    assert ask is not None
    assert ask.request is not None
    request = sent(class_type, {"prompt": "a fox", **inputs}, tmp_path)
    assert ask.request.digest == request.digest
    assert ask == Ask.of(request)


@pytest.mark.parametrize(
    ("class_type", "inputs", "expected"),
    [
        ("OpenAIDalle2", {"image": ["picture", 0], "mask": ["mask", 0]}, (1, False, 5)),
        ("OpenAIGPTImage1", {"image": ["picture", 0]}, (None, False, 5)),
        ("OpenAIGPTImage1", {"image": ["picture", 0], "mask": ["mask", 0]}, (1, True, 5)),
        ("OpenAIGPTImage1", {"prompt": ["text", 0]}, (0, False, None)),
        ("OpenAIGPTImageNodeV2", {**V2, "model.images.image_1": ["picture", 0]}, (None, False, 5)),
        (
            "OpenAIGPTImageNodeV2",
            {**V2, "model.images.image_2": ["picture", 0], "model.mask": ["mask", 0]},
            (1, True, 5),
        ),
    ],
)
def test_what_comes_by_a_link_is_not_known(
    class_type: str, inputs: dict[str, Any], expected: tuple[int | None, bool, int | None]
) -> None:
    """Pictures of an unknown number, a prompt of an unknown length; with a mask it is one picture."""
    ask = asked(class_type, **inputs)
    assert ask is not None
    assert (ask.references, ask.masked, ask.prompt_length) == expected
    assert ask.request is None


def test_a_linked_number_is_unknown_and_not_absent() -> None:
    """The parameter is sent, with a value that only the run will tell."""
    ask = asked("OpenAIGPTImage1", n=["number", 0])
    assert ask is not None
    assert (ask.count, ask.parameters["n"]) == (None, None)
    assert ask.counts == (1, 10)


LITERALS = st.dictionaries(
    st.sampled_from(["prompt", "model", "size", "n", "seed", "quality", "model.size", "model.custom_width"]),
    st.none() | st.integers() | st.text() | st.sampled_from(["Custom", "gpt-image-2", "auto"]),
)
LINKED = st.sets(st.sampled_from(["prompt", "model", "n", "image", "mask", "model.images.image_1"]))


@settings(deadline=None)
@given(st.sampled_from(sorted(TYPES)), LITERALS, LINKED)
def test_any_literals_give_an_answer(class_type: str, literals: dict[str, object], linked: Collection[str]) -> None:
    """Whatever stands in a file: an ask, or None where the model isn't known."""
    asks = TYPES[class_type].asks
    assert asks is not None
    assert isinstance(asks(literals, linked), Ask | None)
