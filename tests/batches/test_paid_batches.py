"""Batches of paid calls: one errand for all rows, one width, one record."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from graphrun import Engine, RowResult, Settings, StopSignal, UsageError, WorkflowError
from graphrun.batches.session import BatchOptions
from graphrun.providers.offline_rules import Heard
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import Answer, FaultyImages, Good, Moderated, OutOfMoney

ROWS = 40
WIDTH = 4
WORKFLOW: dict[str, Any] = {
    "make": {"class_type": "OpenAIGPTImage1", "inputs": {"prompt": "", "model": "gpt-image-2", "quality": "low"}},
    "save": {"class_type": "SaveImage", "inputs": {"images": ["make", 0], "filename_prefix": "out"}},
}
JOB: dict[str, Any] = {
    "workflow": WORKFLOW,
    "rows": [{"make.prompt": f"lake {row}"} for row in range(1, ROWS + 1)],
    "output": "{index}",
}


def run(
    service: FaultyImages, folder: Path, *, stop: StopSignal | None = None, refresh: Any = (), **job: Any
) -> list[RowResult]:
    """Run the job in an engine of its own."""

    async def running() -> list[RowResult]:
        settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", output_dir=folder / "output")
        images = OpenAIImages(service.base_url, "sk-test", capacity=WIDTH)
        async with Engine(settings) as engine:
            options: BatchOptions = {"provider": images, "stop": stop or StopSignal(), "refresh": refresh}
            rows = [row async for row in engine.batch({**JOB, **job}, **options)]
        await images.aclose()
        return rows

    return asyncio.run(running())


def states(rows: list[RowResult]) -> Counter[str]:
    """Count what became of rows."""
    return Counter(row.record.state for row in rows)


class Emptied:
    """An account with money for so many pictures."""

    def __init__(self, pictures: int) -> None:
        self._pictures = pictures

    def __call__(self, heard: Heard, number: int) -> Answer:
        self._pictures -= 1
        return Good() if self._pictures >= 0 else OutOfMoney()


def test_an_empty_account_ends_buying_for_all_rows(tmp_path: Path) -> None:
    """What was bought is kept, the others are left open unsent, and the same run goes on once there is money."""
    with FaultyImages(answer=Emptied(10)) as service:
        rows = run(service, tmp_path)
        assert states(rows) == {"done": 10, "open": ROWS - 10}
        assert len(service.requests) <= 10 + WIDTH
    with FaultyImages(answer=Good()) as service:
        service_rows = run(service, tmp_path)
        assert states(service_rows) == {"done": ROWS - 10}
        assert {row.folder for row in service_rows} == {row.folder for row in rows}


def test_all_rows_keep_to_the_width_of_the_service(tmp_path: Path) -> None:
    """However many rows run at a time."""
    latency = 0.02
    with FaultyImages(answer=Good(latency=latency)) as service:
        assert states(run(service, tmp_path, limits={"jobs": 20})) == {"done": ROWS}
        arrived = [request.arrived for request in service.requests]
    # None is answered before the latency is over, so those that came within it were there at once.
    assert max(sum(each <= other < each + latency for other in arrived) for each in arrived) <= WIDTH


def test_a_refused_prompt_is_a_failed_row(tmp_path: Path) -> None:
    """The others are made, and the run is complete: only another prompt would help."""

    def moderate(heard: Heard, number: int) -> Answer:
        return Moderated() if heard.text("prompt", "") == "lake 7" else Good()

    with FaultyImages(answer=moderate) as service:
        rows = run(service, tmp_path)
    assert [row.index for row in rows if row.record.state == "failed"] == [7]
    assert states(rows) == {"done": ROWS - 1, "failed": 1}


TWO: dict[str, Any] = {
    **WORKFLOW,
    "second": {"class_type": "OpenAIGPTImage1", "inputs": {"prompt": "bad", "model": "gpt-image-2", "quality": "low"}},
    "show": {"class_type": "PreviewImage", "inputs": {"images": ["second", 0]}},
}


def test_what_an_earlier_try_of_a_row_paid_is_in_its_cost(tmp_path: Path) -> None:
    """The second try takes the picture of the first from the cache, and it was paid for all the same."""
    with FaultyImages(prompts={"bad": [Moderated(), Moderated()]}) as service:
        [row] = run(service, tmp_path, workflow=TWO, rows=[{"make.prompt": "a lake"}], limits={"retry_rows": 1})
    assert (row.record.tries, row.record.state) == (2, "failed")
    assert sum(request.status == 200 for request in service.requests) == 1
    assert row.record.cost not in (None, "0")


def test_what_a_stopped_row_paid_is_told(tmp_path: Path) -> None:
    """Its call came back after the stop, and was kept; saving its picture is left to the next session."""
    stop, lakes = StopSignal(), [{"make.prompt": "a lake"}, {"make.prompt": "a sea"}]

    def halt(heard: Heard, number: int) -> Answer:
        stop.stop()
        return Good(latency=0.05)

    with FaultyImages(answer=halt) as service:
        [row] = run(service, tmp_path, stop=stop, rows=lakes, limits={"jobs": 1})
        assert (row.record.state, row.record.error) == ("open", "stopped before its end")
        assert row.record.cost not in (None, "0")
        rows = run(service, tmp_path, rows=lakes)
    assert states(rows) == {"done": 2}
    assert sum(float(each.record.cost or 0) > 0 for each in rows) == 1


def test_a_refreshed_batch_buys_anew_and_no_call_twice(tmp_path: Path) -> None:
    """What equal rows share, and what an earlier try of a row bought, is bought once in a session."""
    job = {"workflow": TWO, "rows": [{"make.prompt": "a lake", "note": note} for note in "ab"], "output": "{row.note}"}
    with FaultyImages() as service:
        run(service, tmp_path, **job)
        assert len(service.requests) == 2
        run(service, tmp_path, refresh="make", **job)
        assert [request.heard.text("prompt", "") for request in service.requests[2:]] == ["a lake"]
        run(service, tmp_path, refresh="all", **job)
        assert len(service.requests) == 5
    with FaultyImages(prompts={"bad": [Moderated()]}) as service:
        [row] = run(service, tmp_path, refresh="all", limits={"retry_rows": 1}, **{**job, "rows": job["rows"][:1]})
        assert (row.record.tries, row.ok) == (2, True)
        assert sum(request.heard.text("prompt", "") == "a lake" for request in service.requests) == 1


def test_rows_that_a_run_has_done_are_not_refreshed(tmp_path: Path) -> None:
    """Going on with a run makes what is missing, and that anew."""
    with FaultyImages() as service:
        run(service, tmp_path)
    with FaultyImages(answer=Emptied(10)) as service:
        assert states(run(service, tmp_path, refresh="all")) == {"done": 10, "open": ROWS - 10}
    with FaultyImages() as service:
        assert states(run(service, tmp_path, refresh="all")) == {"done": ROWS - 10}
        assert len(service.requests) == ROWS - 10


def test_a_node_to_refresh_that_is_not_there_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    """Once, not by every row."""
    with FaultyImages() as service:
        with pytest.raises(UsageError, match="no node is called 'mke'; did you mean 'make'"):
            run(service, tmp_path, refresh=["mke"])
        assert not service.requests


DEAD = {
    "make": {**WORKFLOW["make"], "class_type": "OpenAIDalle3", "inputs": {"prompt": "a lake"}},
    "save": WORKFLOW["save"],
}


def problems_of(job: Path) -> list[str]:
    """Check a job with a key for OpenAI, and return what is wrong with it."""

    async def checking() -> list[str]:
        images = OpenAIImages("https://api.openai.com/v1", "sk-test")
        try:
            async with Engine() as engine:
                await engine.batch_forecast(job, provider=images)
        except WorkflowError as error:
            return [problem.message for problem in error.problems]
        finally:
            await images.aclose()
        return []

    return asyncio.run(checking())


def test_a_dead_model_is_refused_with_a_way_on_for_batches(tmp_path: Path) -> None:
    """A line of the job's file, which then runs; for a workflow's own file the command."""
    (tmp_path / "dead.json").write_text(json.dumps(DEAD))
    job = tmp_path / "job.yaml"
    job.write_text("workflow: dead.json\nseeds: 1..2\n")
    assert "add --map-models (or map_models: true in job.yaml) to use gpt-image-2" in problems_of(job)[0]
    assert "dead.json --map-models)" in problems_of(tmp_path / "dead.json")[0]
    assert "graphrun batch" in problems_of(tmp_path / "dead.json")[0]
    job.write_text("workflow: dead.json\nseeds: 1..2\nmap_models: true\n")
    assert problems_of(job) == []


def test_a_row_that_no_model_would_take_fails_for_good(tmp_path: Path) -> None:
    """The run is complete, and the next one begins anew: an open row would be waited for, night after night."""
    job: dict[str, Any] = {"rows": [{"make.prompt": prompt} for prompt in ("a lake", " ", "a fox")]}
    with FaultyImages(answer=Good()) as service:
        rows = run(service, tmp_path, **job)
        again = run(service, tmp_path, **job)
    assert states(rows) == states(again) == {"done": 2, "failed": 1}
    assert {row.folder for row in rows}.isdisjoint(row.folder for row in again)
    assert len(service.requests) == 2
