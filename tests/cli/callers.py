"""What the tests of the command line share: how a workflow is written, and what a call leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Graph = dict[str, dict[str, Any]]
Write = Callable[[Graph], Path]

STRANGERS = Path(__file__).parent / "strangers"
"""A folder that holds an installed node pack."""


@dataclass(frozen=True)
class Said:
    """What a call of the command line left: its exit code and what it wrote."""

    code: int | str | None
    out: str
    err: str


Graphrun = Callable[..., Said]


def node(class_type: str, title: str | None = None, **inputs: object) -> dict[str, Any]:
    """Write a node as the API format has it."""
    return {"class_type": class_type, "inputs": inputs, **({"_meta": {"title": title}} if title else {})}


TEXT: Graph = {
    "1": node("PrimitiveString", value="a red fox"),
    "2": node("PreviewAny", "Show it", source=["1", 0]),
}
PICTURES: Graph = {
    "1": node("EmptyImage", width=8, height=8, batch_size=2, color=255),
    "2": node("SaveImage", images=["1", 0], filename_prefix="fox"),
    "3": node("SaveImage", images=["1", 0], filename_prefix="dog"),
}
PAID: Graph = {
    "10": node(
        "OpenAIGPTImage1",
        prompt="a fox",
        seed=1,
        quality="low",
        background="auto",
        size="1024x1024",
        n=1,
        model="gpt-image-2",
    ),
    "9": node("SaveImage", images=["10", 0], filename_prefix="fox"),
}
LOCAL_MODELS: Graph = {
    "4": node("CheckpointLoaderSimple", ckpt_name="x"),
    "5": node("KSampler", model=["4", 0]),
    "9": node("SaveImage", images=["5", 0], filename_prefix="x"),
}
NEEDS_LOCAL_MODELS = (
    'error: output 9 "Save Image" (SaveImage) needs CheckpointLoaderSimple, KSampler: '
    "local models, which graphrun does not run"
)
