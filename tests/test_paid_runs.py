"""Runs whose calls cost money: what one refusal leaves of the others, and what the next run pays for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphrun import Engine, RunResult, Settings
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import Answer, FaultyImages, Good, Moderated, OutOfMoney

SEASONS = [f"a lake, {number}" for number in range(8)]


def fan(prompts: list[str]) -> dict[str, Any]:
    """prompt → image → save, once per prompt."""
    nodes: dict[str, Any] = {}
    for number, prompt in enumerate(prompts):
        inputs = {"prompt": prompt, "model": "gpt-image-2", "quality": "low", "background": "opaque"}
        nodes[f"make {number}"] = {"class_type": "OpenAIGPTImage1", "inputs": inputs}
        saved = {"images": [f"make {number}", 0], "filename_prefix": "lake"}
        nodes[f"save {number}"] = {"class_type": "SaveImage", "inputs": saved}
    return nodes


class Household:
    """Runs workflows against a faulty service, each run as a new process would: only the disk is shared."""

    def __init__(self, folder: Path, service: FaultyImages) -> None:
        self._folder = folder
        self.service = service

    def run(self, prompts: list[str] = SEASONS, **options: Any) -> RunResult:
        """Run a fan of image nodes."""
        return asyncio.run(self._run(prompts, options))

    async def _run(self, prompts: list[str], options: dict[str, Any]) -> RunResult:
        names = ("data", "cache", "output")
        settings = Settings(**{f"{name}_dir": self._folder / name for name in names})
        provider = OpenAIImages(self.service.base_url, "sk-test")
        async with Engine(settings) as engine:
            result = await engine.run(fan(prompts), provider=provider, **options)
        await provider.aclose()
        return result

    def saved(self) -> int:
        """Count the pictures."""
        return len(list((self._folder / "output").glob("*.png")))

    def answering(self, **prompts: Answer) -> int:
        """Script the answers to come, by number of the prompt; return how many requests there were so far."""
        scripted = {SEASONS[int(name.removeprefix("n"))]: [answer] * 9 for name, answer in prompts.items()}
        self.service.script(prompts=scripted)
        return len(self.service.requests)


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    with FaultyImages(answer=Good()) as service:
        yield Household(tmp_path, service)


def test_one_refused_prompt_costs_seven_others_nothing(household: Household) -> None:
    """Refused at the input stage: seven are saved, and once the cause is gone one request is made."""
    household.answering(n3=Moderated(stage="input"))
    first = household.run()
    assert household.saved() == 7
    assert [failure.node_id for failure in first.failures] == ["make 3"]
    assert "Change the prompt" in str(first.failures[0])
    before = household.answering()
    second = household.run()
    assert second.ok
    assert household.saved() == 8
    assert [request.heard.text("prompt", "") for request in household.service.requests[before:] if request.heard] == [
        SEASONS[3]
    ]


def test_a_picture_blocked_after_it_was_made_is_repeated_only_on_request(household: Household) -> None:
    """Refused at the output stage: reported as maybe billed; an ordinary run doesn't send it again."""
    household.answering(n3=Moderated(stage="output"))
    first = household.run()
    assert "The service may have charged for this" in str(first.failures[0])
    before = household.answering()
    second = household.run()
    assert "nothing was sent" in str(second.failures[0])
    assert len(household.service.requests) == before
    third = household.run(retry_unknown=True)
    assert third.ok
    assert len(household.service.requests) == before + 1
    assert household.saved() == 8


def test_an_empty_account_stops_what_is_pending_and_keeps_what_is_finished(household: Household) -> None:
    """No other call of the run is sent once the service says that there is no money; the rest comes later."""
    prompts = [f"a lake, {number}" for number in range(40)]
    household.service.script(answer=lambda heard, number: OutOfMoney() if number > 10 else Good(latency=0.02))
    first = household.run(prompts)
    assert household.saved() == 10
    sent = len(household.service.requests)
    assert sent <= 10 + 8, "those on their way got their own refusal"
    assert "organization/billing" in str(first.failures[0])
    household.service.script(answer=Good())
    assert household.run(prompts).ok
    assert len(household.service.requests) == sent + 30
    assert household.saved() == 40


def test_the_ledger_outlives_the_cache(household: Household, tmp_path: Path) -> None:
    """With the cache gone, and without any, an equal run is served from the ledger."""
    household.run()
    paid = len(household.service.requests)
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            path.unlink()
    assert household.run().ok
    assert household.run(cache="off").ok
    assert len(household.service.requests) == paid == 8


def test_refreshing_a_node_buys_a_new_take_of_it_alone(household: Household) -> None:
    """The wish for another picture is a purchase; what the run after it finds is the new one."""
    household.run()
    old = household.run(keep=["make 2"])["make 2"].pictures
    household.run(refresh=["make 2"])
    assert len(household.service.requests) == 9
    new = household.run(keep=["make 2"], cache="off")["make 2"].pictures
    assert len(household.service.requests) == 9
    assert new != old
