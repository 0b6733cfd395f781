"""What the tests of money share: workflows of image calls, run as at OpenAI's prices against the faulty service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from graphrun import Engine, RunResult, Settings
from graphrun.outlook import Forecast
from graphrun.providers.metered import Tariff
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import FaultyImages

ONE = "0.005895"
"""USD of one of these pictures: 196 tokens out at 30 USD a million, 3 in at 5."""


def picture(prompt: object, **different: object) -> dict[str, Any]:
    """Return an image node."""
    inputs = {"prompt": prompt, "model": "gpt-image-2", "quality": "low", "background": "opaque", "size": "1024x1024"}
    return {"class_type": "OpenAIGPTImage1", "inputs": {**inputs, **different}}


def fan(prompts: Iterable[str], **different: object) -> dict[str, Any]:
    """prompt → image → save, once per prompt."""
    nodes: dict[str, Any] = {}
    for number, prompt in enumerate(prompts):
        nodes[f"make {number}"] = picture(prompt, **different)
        saved = {"images": [f"make {number}", 0], "filename_prefix": "lake"}
        nodes[f"save {number}"] = {"class_type": "SaveImage", "inputs": saved}
    return nodes


def lakes(count: int) -> list[str]:
    """Return prompts of equal length, three tokens each."""
    return [f"a lake, {number:02}" for number in range(count)]


def settings_in(folder: Path, **different: Any) -> Settings:
    """Return settings whose cache, ledger and output lie in a folder."""
    return Settings(**{f"{name}_dir": folder / name for name in ("data", "cache", "output")}, **different)


def run(folder: Path, service: FaultyImages, workflow: Any, **options: Any) -> RunResult:
    """Run as a new process would, at OpenAI's prices unless a ``tariff`` says otherwise."""

    async def once() -> RunResult:
        given = {name: options.pop(name) for name in ("retries",) if name in options}
        provider = OpenAIImages(service.base_url, "sk-test", tariff=options.pop("tariff", Tariff.OPENAI), **given)
        async with Engine(options.pop("settings", None) or settings_in(folder)) as engine:
            result = await engine.run(workflow, provider=provider, **options)
        await provider.aclose()
        return result

    return asyncio.run(once())


def forecast(folder: Path, service: FaultyImages, workflow: Any, **options: Any) -> Forecast:
    """Tell what the same would cost."""

    async def once() -> Forecast:
        provider = OpenAIImages(service.base_url, "sk-test", tariff=options.pop("tariff", Tariff.OPENAI))
        async with Engine(settings_in(folder)) as engine:
            told = engine.forecast(workflow, provider=provider, **options)
        await provider.aclose()
        return told

    return asyncio.run(once())
