"""Batches: rows of one engine, their record, and what befalls them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from batch_jobs import WORKFLOW, Bench, texts

from graphrun import Engine, StopSignal, UsageError, WorkflowError
from graphrun.batches import read_records
from graphrun.batches.events import BatchFinished, RowWarned


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder and a pack."""
    return Bench(tmp_path)


def job(**fields: Any) -> dict[str, Any]:
    """Return a job over the workflow, each row of which has a file of its own."""
    return {"workflow": WORKFLOW, "name": "job", "output": "{index}", **fields}


def run_folders(bench: Bench) -> list[Path]:
    """Return the folders of the job's runs."""
    return sorted(path.parent for path in (bench.folder / "output" / "job").glob("*/run.json"))


def test_a_matrix_runs_what_its_rows_share_once(bench: Bench) -> None:
    """4 × 5 × 3 rows: the upload and the resize above them are made once, the rest sixty times."""
    matrix = {"paint.prompt": ["a", "b", "c", "d"], "paint.seed": "1..5", "paint.steps": [1, 2, 3]}
    rows = bench.run(job(matrix=matrix))
    assert bench.taken() == {"Load": 1, "Resize": 1, "Paint": 60, "Write": 60}
    assert texts(rows)[:4] == ["load a@10|a|1|1", "load a@10|a|1|2", "load a@10|a|1|3", "load a@10|a|2|1"]
    assert len({*texts(rows)}) == 60


def test_a_record_says_what_a_row_was_and_what_came_of_it(bench: Bench) -> None:
    """Inputs, seeds, files with their digests, and which nodes ran."""
    [row] = bench.run(job(rows=[{"Painter.prompt": "a lake", "note": "x"}], output="{row.note}-{seed}"))
    [record] = read_records(run_folders(bench)[0])
    assert record == row.record
    assert (record.row, record.state, record.error) == (1, "done", None)
    assert record.columns == {"Painter.prompt": "a lake", "note": "x"}
    assert record.inputs == {"paint.prompt": "a lake", "save.filename_prefix": "x-7"}
    assert record.seeds == {"paint.seed": 7}
    assert [each.path for each in record.artifacts] == ["x-7.txt"]
    assert len(record.artifacts[0].digest) == 64
    assert record.ran == ("load", "size", "paint", "save")


def test_a_failed_row_stops_no_other(bench: Bench) -> None:
    """Its record says why; the others are done."""
    rows = bench.run(job(matrix={"paint.prompt": ["a", "bad", "c"]}))
    assert [row.ok for row in rows] == [True, False, True]
    assert "no luck" in (rows[1].record.error or "")


def test_a_failed_row_is_tried_again_as_often_as_asked(bench: Bench) -> None:
    """Twice more, and then it has failed."""
    [row] = bench.run(job(matrix={"paint.prompt": ["bad"]}, limits={"retry_rows": 2}))
    assert (row.record.tries, row.record.state) == (3, "failed")
    assert bench.taken()["Paint"] == 3


def test_a_complete_run_is_followed_by_a_new_one(bench: Bench) -> None:
    """Its files are written anew in a folder of their own; what was made before comes from the cache."""
    bench.run(job(seeds="1..3"))
    bench.taken()
    bench.run(job(seeds="1..3"))
    assert bench.taken() == {"Write": 3}
    assert len(run_folders(bench)) == 2


def test_an_incomplete_run_is_gone_on_with(bench: Bench) -> None:
    """Leaving it early loses no row; the next session makes only what is missing."""
    asyncio.run(_leave_after(bench, job(seeds="1..20", limits={"jobs": 2}), rows=5))
    before = {record.row for record in read_records(run_folders(bench)[0])}
    assert 5 <= len(before) < 20
    rows = bench.run(job(seeds="1..20"))
    assert {row.index for row in rows} == {*range(1, 21)} - before
    assert len(run_folders(bench)) == 1
    assert bench.taken()["Paint"] == 20


async def _leave_after(bench: Bench, job: Any, rows: int) -> None:
    async with Engine(bench.settings(), packs=[bench.pack]) as engine:
        results = engine.batch(job)
        async for _ in results:
            rows -= 1
            if not rows:
                break
        await results.aclose()


def test_new_leaves_an_incomplete_run_alone(bench: Bench) -> None:
    """And resume names it later."""
    asyncio.run(_leave_after(bench, job(seeds="1..20", limits={"jobs": 1}), rows=5))
    assert len(bench.run(job(seeds="1..20"), new=True)) == 20
    first = run_folders(bench)[0]
    rows = bench.run(job(seeds="1..20"), resume=first.name)
    assert {record.row for record in read_records(first)} == {*range(1, 21)}
    assert len(rows) < 20


def test_a_changed_job_begins_a_new_run(bench: Bench) -> None:
    """An incomplete run of another job is not what was asked for; a raised limit is no other job."""
    asyncio.run(_leave_after(bench, job(seeds="1..20", limits={"jobs": 1}), rows=2))
    bench.run(job(seeds="1..3"))
    assert len(run_folders(bench)) == 2


def test_another_job_of_the_same_name_in_between_does_not_end_a_run(bench: Bench) -> None:
    """They share a folder; drawn seeds would be drawn, and bought, anew."""
    numbers = {"seeds": "random", "matrix": {"paint.steps": "1..20"}}
    asyncio.run(_leave_after(bench, job(**numbers, limits={"jobs": 1}), rows=5))
    bench.run(job(seeds="1..3"))
    bench.taken()
    assert 0 < len(bench.run(job(**numbers))) < 20
    assert bench.taken()["Paint"] < 20
    assert len(run_folders(bench)) == 2


def test_a_line_taken_out_of_an_unfinished_run_is_told(bench: Bench) -> None:
    """All that follow have moved: once said, what was done of them is made again."""
    lines = [f"lake {number}\n" for number in range(20)]
    rows = bench.write("rows.csv", "".join(["paint.prompt\n", *lines]))
    asyncio.run(_leave_after(bench, job(rows=str(rows), limits={"jobs": 1}), rows=5))
    bench.write("rows.csv", "".join(["paint.prompt\n", *lines[1:]]))
    bench.run(job(rows=str(rows)))
    [told] = [event for event in bench.heard if isinstance(event, RowWarned)]
    assert told.row == 1
    assert "has changed since" in told.message


def test_a_row_whose_file_was_removed_is_made_again(bench: Bench) -> None:
    """A record counts while what it tells of is there."""
    [row, _] = bench.run(job(seeds="1..2"))
    row.artifacts[0].unlink()
    again = bench.run(job(seeds="1..2"), resume=str(row.folder))
    assert [each.index for each in again] == [1]
    assert row.artifacts[0].exists()


def test_drawn_seeds_are_the_same_when_a_run_is_gone_on_with(bench: Bench) -> None:
    """They follow from what the run drew at its start, so that nothing is bought for another seed."""
    numbers = {"seeds": "random", "matrix": {"paint.steps": "1..20"}}
    asyncio.run(_leave_after(bench, job(**numbers, limits={"jobs": 1}), rows=5))
    bench.run(job(**numbers))
    assert bench.taken()["Paint"] == 20
    seeds = [record.seeds["paint.seed"] for record in read_records(run_folders(bench)[0])]
    assert len({*seeds}) == 20
    bench.run(job(**numbers))
    assert bench.taken()["Paint"] == 20, "a new run draws new ones"


def test_two_runs_of_one_job_at_once_are_refused(bench: Bench) -> None:
    """The second is told who has it, and runs nothing."""

    async def both() -> None:
        async with Engine(bench.settings(), packs=[bench.pack]) as engine:
            first = engine.batch(job(seeds="1..3"))
            await anext(first)
            with pytest.raises(UsageError, match="is being run already"):
                await anext(engine.batch(job(seeds="1..3")))
            await first.aclose()

    asyncio.run(both())


def test_the_first_stop_starts_no_further_row(bench: Bench) -> None:
    """What runs ends, and the run is left incomplete."""
    stop = StopSignal()

    async def stopped() -> int:
        async with Engine(bench.settings(), packs=[bench.pack]) as engine:
            number = 0
            async for _ in engine.batch(job(seeds="1..50", limits={"jobs": 2}), stop=stop, emit=bench.heard.append):
                number += 1
                stop.stop()
            return number

    assert asyncio.run(stopped()) < 10
    end = bench.heard[-1]
    assert isinstance(end, BatchFinished)
    assert end.stopped
    assert not end.complete


def test_events_tell_every_row(bench: Bench) -> None:
    """As JSON objects, from start to end."""
    bench.run(job(seeds="1..3"))
    told = [event.to_json() for event in bench.heard]
    assert told[0]["event"] == "BatchStarted"
    assert sorted(each["row"] for each in told if each["event"] == "RowFinished") == [1, 2, 3]
    assert json.loads(json.dumps(told[-1]))["complete"] is True


def test_a_changed_prompt_reruns_only_what_reads_it(bench: Bench) -> None:
    """The other rows, and what is above the prompt, come from the cache."""
    bench.write("rows.csv", "paint.prompt\na\nb\n")
    path = bench.folder / "rows.csv"
    bench.run(job(rows=str(path)))
    bench.taken()
    bench.write("rows.csv", "paint.prompt\na\nc\n")
    rows = bench.run(job(rows=str(path)))
    taken = bench.taken()
    assert (taken["Paint"], taken["Write"], taken.get("Load")) == (1, 2, None)
    assert texts(rows) == ["load a@10|a|7|1", "load a@10|c|7|1"]


def test_a_torn_last_line_is_a_row_that_was_not_recorded(bench: Bench) -> None:
    """A kill or a full disk may cut a line short: the lines before it count."""
    bench.run(job(seeds="1..3"))
    folder = run_folders(bench)[0]
    record = folder / "rows.jsonl"
    record.write_bytes(record.read_bytes()[:-20])
    assert len([*read_records(folder)]) == 2
    assert len(bench.run(job(seeds="1..3"), resume=str(folder))) == 1
    assert {each.row for each in read_records(folder)} == {1, 2, 3}
    assert all(json.loads(line) for line in record.read_text().splitlines())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rows": "none.csv"}, "there is no file"),
        ({"matrix": {}}, "is empty"),
        ({"matrix": {"paint.prompt": []}}, "has no values"),
        ({"matrix": {"pain.prompt": ["a"]}}, "no node is called 'pain'"),
        ({"matrix": {"paint.promt": ["a"]}}, "no such input; did you mean 'prompt'"),
        ({"matrix": {"paint.seed": ["many"]}}, "is no INT"),
        ({"matrix": {"size.width": [1, 500]}}, "bigger than the most allowed"),
        ({"seeds": "1..9999999"}, "bigger than|more than"),
        ({"matrix": {"paint.seed": "0..9999", "paint.steps": "1..1000"}}, "10,000,000 rows are more than"),
        ({"zip": {"paint.seed": [1, 2], "paint.steps": [1]}}, "equally long"),
        ({"rows": [{"paint.prompt": "a"}], "output": "{row.nme}"}, "no column 'nme'"),
        ({"rows": [{"name": "a"}]}, "nothing of rows is used"),
        ({"output": "{no.such}"}, "stands for nothing here"),
        ({"targets": ["nobody"]}, "no node is called"),
        ({"sets": {}}, "no such setting; did you mean 'set'"),
        ({"limits": {"jobs": 0}}, "greater than or equal to 1"),
        ({"rows": [{"size.width": 3}, {"size.width": 1000}]}, r"rows\[1\].*bigger than"),
    ],
)
def test_a_wrong_job_is_one_clear_error_before_anything_runs(bench: Bench, fields: Any, said: str) -> None:
    """Nothing is called, and no folder is made."""
    with pytest.raises((UsageError, WorkflowError), match=said):
        bench.run(job(**fields))
    assert bench.taken() == {}
    assert not (bench.folder / "output").exists()
