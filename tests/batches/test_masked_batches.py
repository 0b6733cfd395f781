"""Masks of a batch: each row may have its own, and none that is wrong costs anything."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from graphrun import Engine, GraphrunError, RowResult, Settings
from graphrun.batches import read_records
from graphrun.batches.report import write_report
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import FaultyImages

WORKFLOWS = Path(__file__).parents[2] / "workflows"
SIZE = (40, 30)
GRAPH: dict[str, Any] = {
    "3": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}, "_meta": {"title": "Photo"}},
    "4": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 1]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "mask"}},
}
EDIT: dict[str, Any] = {
    "3": GRAPH["3"],
    "6": {
        "class_type": "OpenAIGPTImage1",
        "inputs": {"prompt": "a boat", "image": ["3", 0], "mask": ["3", 1], "model": "gpt-image-2", "quality": "low"},
    },
    "5": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "edit"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo of 40 × 30 pixels, two masks of it, a mask of another size, and workflows."""
    PillowImage.new("RGB", SIZE, (200, 80, 20)).save(tmp_path / "photo.png")
    (tmp_path / "masks").mkdir()
    draw_mask(tmp_path / "masks" / "left.png", (0, 0, 10, 30))
    draw_mask(tmp_path / "masks" / "right.png", (30, 0, 40, 30))
    PillowImage.new("L", (41, 30)).save(tmp_path / "masks" / "wide.png")
    (tmp_path / "flow.json").write_text(json.dumps(GRAPH))
    (tmp_path / "edit.json").write_text(json.dumps(EDIT))
    return tmp_path


def draw_mask(path: Path, box: tuple[int, int, int, int]) -> None:
    """Write a mask that is white from the first corner to the second."""
    picture = PillowImage.new("L", SIZE)
    picture.paste(255, box)
    picture.save(path)


def run(folder: Path, job: str, *, provider: Any = "offline", **options: Any) -> list[RowResult]:
    """Write a job file into the folder, run it in an engine of its own and return its rows in their order."""
    (folder / "job.yaml").write_text(job)

    async def running() -> list[RowResult]:
        async with Engine(settings(folder)) as engine:
            rows = [row async for row in engine.batch(folder / "job.yaml", provider=provider, **options)]
        return sorted(rows, key=lambda row: row.index)

    return asyncio.run(running())


def settings(folder: Path) -> Settings:
    """Return settings that keep to the folder."""
    return Settings(data_dir=folder / "data", cache_dir=folder / "cache", output_dir=folder / "output")


def changed(picture: Path, original: Path | None = None) -> tuple[int, int, int, int, int]:
    """Return what isn't black, or differs from another picture: x, y, width and height, and how many pixels."""
    pixels = np.asarray(PillowImage.open(picture).convert("RGB")).astype(int)
    if original:
        pixels = pixels - np.asarray(PillowImage.open(original).convert("RGB"))
    ys, xs = np.nonzero(pixels.any(axis=2))
    return int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1, len(xs)


def boxes(rows: list[RowResult]) -> list[str]:
    """Return the box that the mask of each row selects, as it is written."""
    return ["{},{},{},{}".format(*changed(row.artifacts[0])) for row in rows]


def test_each_row_changes_only_its_box(tmp_path: Path) -> None:
    """One picture edited once a row: all pixels of the row's box are new, and none outside it."""
    desk = shutil.copytree(WORKFLOWS, tmp_path / "workflows")

    async def running() -> list[RowResult]:
        async with Engine(settings(tmp_path)) as engine:
            return [row async for row in engine.batch(desk / "jobs" / "places.yaml")]

    rows = sorted(asyncio.run(running()), key=lambda row: row.index)
    made = [changed(row.artifacts[0], desk / "input" / "lake.png") for row in rows]
    assert made == [(100, 300, 160, 120, 160 * 120), (360, 40, 90, 90, 90 * 90)]
    assert [row.record.ran for row in rows] == [("lake", "edit", "save")] * 2


@pytest.mark.parametrize(
    ("masks", "values", "expected"),
    [
        ("3,4,5,6", [1, 2], ["3,4,5,6", "3,4,5,6"]),
        ([3, 4, 5, 6], [1], ["3,4,5,6"]),
        ("masks/left.png", [1], ["0,0,10,30"]),
        (["{row.a},0,1,1", [9, 0, 1, 9]], [2, 7], ["2,0,8,9", "7,0,3,9"]),
        ("{row.a}", ["3,4,5,6", [3, 4, 6, 6], "masks/right.png"], ["3,4,5,6", "3,4,6,6", "30,0,10,30"]),
        ("{row.a}", [["masks/left.png", "masks/right.png"], [[0, 0, 1, 1], "3,3,1,1"]], ["0,0,40,30", "0,0,4,4"]),
        ("masks/{row.a}.png", ["left", "right"], ["0,0,10,30", "30,0,10,30"]),
        ("{index},0,{row.a},2", [5, 6], ["1,0,5,2", "2,0,6,2"]),
    ],
)
def test_a_mask_is_a_picture_a_box_or_several(
    folder: Path, masks: object, values: list[object], expected: list[str]
) -> None:
    """Written in the job or put in by the row, whose values may be lists too. Paths are meant from the job's folder."""
    rows = [{"a": value, "5.filename_prefix": "mask"} for value in values]
    made = run(folder, json.dumps({"workflow": "flow.json", "rows": rows, "masks": {"Photo": masks}}))
    assert boxes(made) == expected


def test_a_folder_of_pictures_has_a_mask_for_each(folder: Path) -> None:
    """The pictures still go to the only input that takes one; masks are found by the names of pictures."""
    (folder / "photos").mkdir()
    for name in ("left", "right"):
        shutil.copy(folder / "photo.png", folder / "photos" / f"{name}.png")
    rows = run(folder, "workflow: flow.json\nrows: photos\nmasks: {Photo: 'masks/{row.name}.png'}\n")
    assert boxes(rows) == ["0,0,10,30", "30,0,10,30"]


def test_the_record_and_the_report_say_which_mask(folder: Path) -> None:
    """Boxes and the base names of files: no folder of the user's."""
    (folder / "rows.csv").write_text('box\n"1,2,3,4"\n')
    [row] = run(folder, "workflow: flow.json\nrows: rows.csv\nmasks: {Photo: [masks/left.png, '{row.box}']}\n")
    assert row.record.masks == {"3": ["left.png", "1,2,3,4"]}
    assert [*read_records(row.folder)] == [row.record]
    assert str(folder) not in (row.folder / "rows.jsonl").read_text()
    write_report(row.folder)
    assert "left.png 1,2,3,4" in (row.folder / "report.html").read_text()


def test_a_changed_mask_makes_only_its_row_again(folder: Path) -> None:
    """Going on with a run, what a mask file holds counts, not only its name; other rows stay as they are."""
    (folder / "rows.csv").write_text("mask\nleft\nright\n")
    job = "workflow: flow.json\nrows: rows.csv\nmasks: {Photo: 'masks/{row.mask}.png'}\noutput: '{row.mask}'\n"
    rows = run(folder, job)
    draw_mask(folder / "masks" / "right.png", (20, 0, 30, 20))
    os.utime(folder / "masks" / "right.png", (1, 1))
    again = run(folder, job, resume=str(rows[0].folder))
    assert [row.index for row in again] == [2]
    assert boxes(again) == ["20,0,10,20"]
    assert run(folder, job, resume=str(rows[0].folder)) == []


def test_a_changed_box_makes_only_its_row_again(folder: Path) -> None:
    """A row of the file that was edited is another one."""
    job = "workflow: flow.json\nrows: rows.csv\nmasks: {Photo: '{row.box}'}\noutput: '{index}'\n"
    (folder / "rows.csv").write_text('box\n"1,2,3,4"\n"5,6,7,8"\n')
    [first, _] = run(folder, job)
    (folder / "rows.csv").write_text('box\n"1,2,3,4"\n"5,6,7,9"\n')
    assert boxes(run(folder, job, resume=str(first.folder))) == ["5,6,7,9"]


ROWS = "rows: rows.csv\n"
PHOTO = 'the mask of 3 "Photo" (LoadImage)'
SAVER = '5 (SaveImage): the node loads no picture with a mask; give it to 3 "Photo" (LoadImage)'


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("masks: {Foto: '1,2,3,4'}\n", "job.yaml:2:9: no node is called 'Foto'; did you mean 'Photo'?"),
        ("masks: {'5': '1,2,3,4'}\n", f"job.yaml:2:9: the mask of {SAVER}"),
        (f"{ROWS}masks: {{'5': '{{row.good}}'}}\n", f"job.yaml:3:9: the mask of {SAVER}"),
        ("masks: {Photo: '1,2,3'}\n", "job.yaml:2:9: masks.Photo: '1,2,3': a box is x,y,w,h, in whole pixels"),
        ("masks: {Photo: [1, 2, 3]}\n", "job.yaml:2:9: masks.Photo: [1,2,3]: a box is x,y,w,h, in whole pixels"),
        ("masks: {Photo: [1, 2, 3, 4.5]}\n", "job.yaml:2:9: masks.Photo: [1,2,3,4.5]: a box is x,y,w,h"),
        (
            "masks: {Photo: [true, 2, 3, 4]}\n",
            "masks.Photo: [True,2,3,4] is no mask: give a mask picture",
        ),
        ("masks: {Photo: []}\n", "job.yaml:2:9: masks.Photo: give a mask picture, or a box x,y,width,height"),
        ("masks: {Photo: 5}\n", "job.yaml:2:9: masks.Photo: 5 is no mask: give a mask picture, or a box"),
        ("masks: {Photo: }\n", "job.yaml:2:9: masks.Photo: None is no mask"),
        ("masks: [Photo]\n", "job.yaml:2:1: masks: write settings here, each as key: value"),
        ("masks: {Photo: gone.png}\n", "job.yaml:2:9: the mask of Photo: there is no file"),
        (f"masks: {{Photo: {'x' * 300}}}\n", "job.yaml:2:9: the mask of Photo: there is no file"),
        ("masks: {3: '0,0,9,9', Photo: '20,0,9,9'}\n", "job.yaml:2:9: the mask of 3: the node is given masks"),
        ("masks: {Photo: flow.json}\n", f"job.yaml:2:9: {PHOTO}: "),
        ("masks: {Photo: masks/wide.png}\n", "the mask is 41 × 30 pixels, the picture 40 × 30: scale the mask"),
        ("masks: {Photo: '30,0,11,4'}\n", f"job.yaml:2:9: {PHOTO}: the box 30,0,11,4 leaves"),
        (f"{ROWS}masks: {{Photo: '{{row.box}}'}}\n", "there is no column 'box'"),
        (f"{ROWS}masks: {{Photo: '{{row.form}}'}}\n", "rows.csv:3: the mask of Photo: '1,2,3': a box is x,y,w,h"),
        (f"{ROWS}masks: {{Photo: '{{row.empty}}'}}\n", "rows.csv:3: the mask of Photo: '' is no mask"),
        (f"{ROWS}masks: {{Photo: '{{row.file}}'}}\n", "rows.csv:3: the mask of Photo: there is no file"),
        (f"{ROWS}masks: {{Photo: '{{row.far}}'}}\n", f"rows.csv:3: {PHOTO}: the box 39,0,2,2 leaves"),
        (f"{ROWS}masks: {{Photo: '{{index}},{{row.zero}}'}}\n", "rows.csv:2: the mask of Photo: '1,0': a box is"),
        (
            f"{ROWS}files: {{3.image: '{{row.picture}}'}}\nmasks: {{Photo: '35,25,5,5'}}\n",
            f"rows.csv:3: {PHOTO}: the box",
        ),
    ],
)
def test_a_wrong_mask_is_one_clear_error_before_anything_is_sent(folder: Path, job: str, said: str) -> None:
    """At its place: in the job, or in the row, however late. No folder is made."""
    (folder / "rows.csv").write_text(
        "good,form,empty,file,far,zero,picture\n"
        '"0,0,9,9","0,0,9,9","0,0,9,9",masks/left.png,"0,0,9,9",0,photo.png\n'
        '"0,0,9,9","1,2,3",,masks/gone.png,"39,0,2,2",0,small.png\n'
    )
    PillowImage.new("RGB", (20, 20)).save(folder / "small.png")
    with FaultyImages() as service:
        images = OpenAIImages(service.base_url, "sk-test")
        with pytest.raises(GraphrunError) as caught:
            run(folder, f"workflow: edit.json\n{job}", provider=images)
        asyncio.run(images.aclose())
        assert not service.requests
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not (folder / "output").exists()


def test_wrong_masks_of_several_rows_are_told_at_once(folder: Path) -> None:
    """Each at its line; one that many rows share, at the first."""
    (folder / "rows.csv").write_text('box\n"99,0,1,1"\n"99,0,1,1"\n"0,0,1,1"\n"0,99,1,1"\n')
    with pytest.raises(GraphrunError) as caught:
        run(folder, "workflow: flow.json\nrows: rows.csv\nmasks: {Photo: '{row.box}'}\n")
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == ["rows.csv:2", "rows.csv:5"]
