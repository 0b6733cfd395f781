"""Batches of paid calls: one errand for all rows, one width, one record."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from graphrun import Engine, RowResult, Settings
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


def run(service: FaultyImages, folder: Path, **job: Any) -> list[RowResult]:
    """Run the job in an engine of its own."""

    async def running() -> list[RowResult]:
        settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", output_dir=folder / "output")
        images = OpenAIImages(service.base_url, "sk-test", capacity=WIDTH)
        async with Engine(settings) as engine:
            rows = [row async for row in engine.batch({**JOB, **job}, provider=images)]
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
