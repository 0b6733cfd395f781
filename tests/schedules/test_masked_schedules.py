"""Schedules of one workflow whose pictures get masks."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from graphrun import Engine, FileFormatError, Settings, StopSignal, WorkflowError
from graphrun.schedules import Timetable, read_timetable
from graphrun.schedules.fires import Fires
from graphrun.schedules.history import Ended

GRAPH = {
    "3": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}, "_meta": {"title": "Photo"}},
    "4": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 1]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "mask"}},
}
NIGHT = datetime(2026, 11, 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a workflow and its photo of 40 × 30 pixels."""
    (tmp_path / "flow.json").write_text(json.dumps(GRAPH))
    PillowImage.new("RGB", (40, 30), (200, 80, 20)).save(tmp_path / "photo.png")
    return tmp_path


def timetable(folder: Path, masks: str) -> Timetable:
    """Write a schedule file with one schedule, and read it."""
    path = folder / "schedule.yaml"
    path.write_text(f"schedules:\n  night:\n    every: 1h\n    workflow: flow.json\n    masks: {masks}\n")
    return read_timetable(path)


def checked(folder: Path, masks: str) -> list[str]:
    """Return what may yet change of what is wrong."""

    async def checking() -> list[str]:
        async with Engine(Settings(output_dir=folder / "out", cache_dir=folder / "cache")) as engine:
            return await Fires(engine, StopSignal()).check(timetable(folder, masks).named("night"), NIGHT)

    return asyncio.run(checking())


def fired(folder: Path, masks: str) -> Ended:
    """Do one fire."""

    async def firing() -> Ended:
        async with Engine(Settings(output_dir=folder / "out", cache_dir=folder / "cache")) as engine:
            schedule = timetable(folder, masks).named("night")
            return await Fires(engine, StopSignal()).fire(schedule, NIGHT, None, lambda text: None)

    return asyncio.run(firing())


def test_a_fire_masks_the_picture(folder: Path) -> None:
    """With the box that the schedule says."""
    ended = fired(folder, "{Photo: '10,5,4,2'}")
    assert ended.outcome == "done"
    selected = np.asarray(PillowImage.open(ended.artifacts[0]).convert("L"))
    assert [each.tolist() for each in (selected[5:7, 10:14].min(), (selected > 0).sum())] == [255, 8]


def test_a_mask_may_come_with_the_day(folder: Path) -> None:
    """Named by the day of the fire, from the folder of the file; until it is there, that is told and no more."""
    [told] = checked(folder, "{Photo: '{date}.png'}")
    assert "the mask of Photo: there is no file" in told
    assert "2026-11-01.png" in told
    assert fired(folder, "{Photo: '{date}.png'}").outcome == "failed"
    PillowImage.new("L", (40, 30), 255).save(folder / "2026-11-01.png")
    assert checked(folder, "{Photo: '{date}.png'}") == []
    assert fired(folder, "{Photo: '{date}.png'}").outcome == "done"


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ("{Foto: '1,2,3,4'}", "schedule.yaml:5:13: night: no node is called 'Foto'; did you mean 'Photo'?"),
        ("{Photo: '1,2,3'}", "schedule.yaml:5:13: night: masks.Photo: '1,2,3': a box is x,y,w,h"),
        ("{Photo: '39,0,2,2'}", 'schedule.yaml:5:13: the mask of 3 "Photo" (LoadImage): the box 39,0,2,2 leaves'),
        ("{'5': '1,2,3,4'}", "schedule.yaml:5:13: the mask of 5 (SaveImage): the node loads no picture with a mask"),
    ],
)
def test_a_wrong_mask_is_told_before_the_first_fire(folder: Path, masks: str, said: str) -> None:
    """At its line, for good: it won't change by itself."""
    with pytest.raises((FileFormatError, WorkflowError)) as caught:
        checked(folder, masks)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
