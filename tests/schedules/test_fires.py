"""One fire: what it may cost, and what it did cost."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graphrun import Engine, Settings, StopSignal
from graphrun.providers.metered import Tariff
from graphrun.providers.openai import OpenAIImages
from graphrun.schedules import read_timetable
from graphrun.schedules.fires import Fires
from graphrun.schedules.history import Ended
from graphrun.testing import CutConnection, FaultyImages, Moderated

ONE = Decimal("0.00589")
"""USD of one of these pictures: 196 tokens out at 30 USD a million, 2 in at 5."""


def picture(prompt: str) -> dict[str, Any]:
    """Return a node that buys a picture."""
    inputs = {"prompt": prompt, "model": "gpt-image-2", "quality": "low", "background": "opaque", "size": "1024x1024"}
    return {"class_type": "OpenAIGPTImage1", "inputs": inputs}


def shown(node_id: str) -> dict[str, Any]:
    """Return a node that wants its picture."""
    return {"class_type": "PreviewImage", "inputs": {"images": [node_id, 0]}}


GRAPH = {"a": picture("a fox"), "b": picture("a lake"), "c": shown("a"), "d": shown("b")}


def fire(folder: Path, service: FaultyImages, **settings: Any) -> Ended:
    """Do one fire of a schedule with these settings, at OpenAI's prices."""
    (folder / "workflow.json").write_text(json.dumps(GRAPH))
    told = {"every": "1h", "workflow": "workflow.json", "provider": "shop", **settings}
    file = folder / "schedule.yaml"
    file.write_text(json.dumps({"schedules": {"paint": told}}))
    schedule = read_timetable(file).named("paint")

    async def once() -> Ended:
        shop = OpenAIImages(service.base_url, "sk-test", tariff=Tariff.OPENAI, capacity=1)
        kept = Settings(**{f"{name}_dir": folder / name for name in ("data", "cache", "output")})
        async with Engine(kept, providers={"shop": shop}) as engine:
            fires = Fires(engine, StopSignal())
            ended = await fires.fire(schedule, datetime.now(schedule.zone), None, lambda text: None)
        await shop.aclose()
        return ended

    return asyncio.run(once())


@pytest.mark.parametrize("rows", [{}, {"seeds": [1]}], ids=["a workflow", "a batch"])
def test_a_cap_holds_for_one_fire(tmp_path: Path, rows: dict[str, Any]) -> None:
    """What it bought is kept and told; the next fire has the same room again, and buys the rest."""
    limits = {"max_cost": 0.007, **({"jobs": 1} if rows else {})}
    with FaultyImages() as service:
        refused = fire(tmp_path, service, limits=limits, **rows)
        assert (refused.outcome, refused.exit_code, refused.cost, refused.known_cost) == ("refused", 3, ONE, ONE)
        assert "may cost 0.007 USD" in (refused.message or "")
        done = fire(tmp_path, service, limits=limits, **rows)
        assert (done.outcome, done.cost) == ("done", ONE)
        assert len(service.requests) == 2


def test_what_nobody_knows_is_unknown_and_the_rest_is_told(tmp_path: Path) -> None:
    """A picture that was blocked after it was made may have been billed."""
    with FaultyImages(prompts={"a lake": [Moderated(stage="output")]}) as service:
        ended = fire(tmp_path, service)
    assert (ended.outcome, ended.cost, ended.known_cost) == ("failed", None, ONE)


def test_a_fire_that_could_not_run_cost_nothing(tmp_path: Path) -> None:
    """Its workflow is wrong, and nothing was sent."""
    with FaultyImages() as service:
        ended = fire(tmp_path, service, targets=["c"], set={"a.size": "1x1"})
        assert (ended.outcome, ended.exit_code, ended.cost) == ("failed", 2, 0)
        assert service.requests == ()


def test_a_row_that_waits_for_a_person_does_not_end_a_schedule(tmp_path: Path) -> None:
    """
    The first night's answer to the fox is lost. The second night goes on, gets nowhere, and begins a run of its own:
    the fox still waits, is not asked for again, and the rest is done.
    """
    night = {"matrix": {"a.prompt": ["a fox", "a wolf"]}, "targets": ["c"], "limits": {"jobs": 1}}
    with FaultyImages(prompts={"a fox": [CutConnection()]}) as service:
        first = fire(tmp_path, service, **night)
        second = fire(tmp_path, service, **night)
        assert [each.heard.fields["prompt"] for each in service.requests if each.heard] == ["a fox", "a wolf"]
    assert first.message
    assert first.message.startswith("2 rows: 1 done, 1 left open")
    assert second.message
    assert second.message.startswith("2 rows: 1 done, 1 left open")
    assert second.report != first.report
    assert second.cost == 0
