"""A hundred paid calls of two seconds at width 20, with ledger and cache on the disk, over the ideal ten seconds."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from graphrun import Engine, Settings
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import FaultyImages, Good

CALLS, SECONDS, WIDTH = 100, 2.0, 20


def workflow() -> dict[str, Any]:
    """Return image nodes with a prompt of their own each, and their savers."""
    nodes: dict[str, Any] = {}
    for number in range(CALLS):
        inputs = {"prompt": f"lake {number}", "model": "gpt-image-2", "quality": "low"}
        nodes[f"make {number}"] = {"class_type": "OpenAIGPTImage1", "inputs": inputs}
        saved = {"images": [f"make {number}", 0], "filename_prefix": "lake"}
        nodes[f"save {number}"] = {"class_type": "SaveImage", "inputs": saved}
    return nodes


async def seconds(base_url: str, folder: Path) -> float:
    """Return how long a run takes."""
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", output_dir=folder / "output")
    service = OpenAIImages(base_url, "sk-test", capacity=WIDTH)
    async with Engine(settings) as engine:
        started = perf_counter()
        result = await engine.run(workflow(), provider=service)
        taken = perf_counter() - started
    await service.aclose()
    result.raise_for_failures()
    return taken


def report() -> None:
    """Print the time, and over the ideal one."""
    ideal = CALLS * SECONDS / WIDTH
    with tempfile.TemporaryDirectory() as name, FaultyImages(answer=Good(latency=SECONDS)) as service:
        taken = asyncio.run(seconds(service.base_url, Path(name)))
    what = f"{CALLS} calls of {SECONDS:g} s at width {WIDTH}"
    print(f"\n{what}: {taken:.2f} s, {taken / ideal:.3f} of the ideal {ideal:g} s")  # noqa: T201
