"""A node pack as strangers write them: its nodes print, raise whatever they like, and don't listen to a stop."""

from __future__ import annotations

import time
from typing import Any, Literal

from graphrun import NodePack, RunContext

pack = NodePack("strangers")


@pack.node("Print", display_name="Chatterbox", output_node=True)
def print_something(text: str = "hello") -> str:
    """Print on standard output."""
    print(text)  # noqa: T201 - that is the point
    return text


@pack.node("Divide", display_name="Divide by Zero", output_node=True)
def divide(by: float = 0) -> float:
    """Raise an exception that nobody meant to raise."""
    return 1 / by


@pack.node("Sleep", output_node=True)
def sleep(seconds: float) -> str:
    """Sleep, deaf to everything."""
    time.sleep(seconds)
    return "awake"


@pack.node("Report", output_node=True)
def report(seconds: float, context: RunContext) -> str:
    """Sleep in short naps, as a node should: it hears of a stop."""
    for nap in range(int(seconds * 100)):
        context.progress(nap, seconds * 100)
        time.sleep(0.01)
    return "awake"


@pack.node("Choose", output_node=True)
def choose(what: Any, count: Literal[1, 2, 4] = 1) -> str:
    """Take anything, and a number of choices."""
    return f"{what!r} {count!r}"


@pack.node("Dice", output_node=True, always_run=True)
def dice() -> int:
    """Give another number each time."""
    return time.monotonic_ns() % 6 + 1
