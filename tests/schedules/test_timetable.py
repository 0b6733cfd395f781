"""Schedule files: what they say, and what is wrong with them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from schedule_bench import Bench

from graphrun import Engine, FileFormatError, Settings, StopSignal, UsageError
from graphrun.schedules import read_timetable
from graphrun.schedules.fires import Fires

SHIPPED = sorted((Path(__file__).parents[2] / "workflows" / "schedules").iterdir())

GOOD = """\
timezone: Europe/Berlin
schedules:
  nightly:
    cron: "0 2 * * *"
    timezone: Asia/Tokyo
    seed: date
    workflow: workflow.json
    set: { paint.prompt: "a boat" }
  often:
    every: 1h30m
    misfire_grace: 10m
    coalesce: false
    max_instances: 2
    jitter: 30
    workflow: workflow.json
  inline:
    every: 90
    workflow: workflow.json
    matrix: { paint.seed: 1..3 }
  sweep:
    cron: "@daily"
    batch: job.yaml
    output_dir: swept
"""

ALL_WRONG = """\
timezone: Europe/Berln
schedules:
  bad-cron:
    cron: "61 * * * *"
    workflow: workflow.json
  bad-zone:
    cron: "@daily"
    timezone: Mars/Olympus
    workflow: workflow.json
  bad-key:
    cron: "@daily"
    workflow: workflow.json
    mistfire_grace: 5m
    limits: { job: 3 }
  bad-file:
    every: 1h
    workflow: workflw.json
  twice:
    every: 1h
    workflow: workflow.json
  twice:
    every: 2h
    workflow: workflow.json
  bad-name:
    every: 0s
    workflow: workflow.json
    set: { pant.prompt: "a" }
  nothing:
    every: 1h
    cron: "@daily"
"""


def faults(bench: Bench, text: str) -> list[str]:
    """Return what is wrong with a schedule file."""
    with pytest.raises(FileFormatError) as error:
        bench.timetable(text)
    return [str(problem) for problem in error.value.problems]


def test_a_file_says_when_and_what(bench: Bench) -> None:
    """Timing, zone, job, and whether it has rows."""
    bench.write("job.yaml", "workflow: workflow.json\nseeds: 1..3\n")
    schedules = bench.timetable(GOOD).schedules
    assert [*schedules] == ["nightly", "often", "inline", "sweep"]
    assert [each.timing.text for each in schedules.values()] == [
        "cron 0 2 * * *",
        "every 1h30m",
        "every 1m30s",
        "cron @daily",
    ]
    assert [str(each.zone) for each in schedules.values()] == ["Asia/Tokyo", *["Europe/Berlin"] * 3]
    assert [each.is_batch for each in schedules.values()] == [False, False, True, True]
    often = schedules["often"].timing
    assert (often.misfire_grace, often.coalesce, often.max_instances, often.jitter) == (600, False, 2, 30)
    assert schedules["nightly"].job.set == {"paint.prompt": "a boat"}
    assert schedules["sweep"].job.path(schedules["sweep"].job.output_dir or "") == bench.folder / "swept"


@pytest.mark.parametrize(
    ("limits", "is_batch"),
    [("{max_cost: 0.5, max_images: 3}", False), ("{max_cost: none}", False), ("{max_cost: 0.5, jobs: 2}", True)],
)
def test_caps_alone_make_no_batch(bench: Bench, limits: str, is_batch: bool) -> None:
    """A workflow runs once within them; what is about rows is of a batch."""
    text = f"schedules: {{a: {{every: 5, workflow: workflow.json, limits: {limits}}}}}"
    assert bench.timetable(text).schedules["a"].is_batch is is_batch


def test_without_a_zone_it_is_that_of_the_computer(bench: Bench) -> None:
    """Summer time included: a zone, not an offset."""
    [schedule] = bench.timetable("schedules: {a: {every: 5, workflow: workflow.json}}").schedules.values()
    assert isinstance(schedule.zone, ZoneInfo)


def test_every_fault_is_told_at_once_at_its_line(bench: Bench) -> None:
    """Of the file, of each schedule, and of the names each has for nodes."""
    told = faults(bench, ALL_WRONG)
    assert [each.partition(" ")[0] for each in told] == [
        f"schedule.yaml:{place}:"
        for place in ("1:1", "4:5", "8:5", "13:5", "14:15", "17:5", "21:3", "25:5", "27:12", "28:3", "28:3")
    ]
    assert [each.partition(" ")[2] for each in told] == [
        "timezone: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?",
        "bad-cron: cron: Error validating expression '61': the last value (61) is higher than the maximum value (59)",
        "bad-zone: timezone: there is no time zone 'Mars/Olympus', as Europe/Berlin is one",
        "bad-key: mistfire_grace: there is no such setting; did you mean 'misfire_grace'?",
        "bad-key: limits.job: there is no such setting; did you mean 'jobs'?",
        "bad-file: workflow: there is no file 'workflw.json'; did you mean 'workflow.json'?",
        "'twice' is defined twice, first in line 18",
        "bad-name: every: Input should be greater than or equal to 1",
        "bad-name: 'pant.prompt': no node is called 'pant'; did you mean 'paint'?",
        "nothing: runs nothing: name a workflow:, or as batch: a job file",
        "nothing: write either cron: or every:, to say when it fires",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file holds no document"),
        ("schedules:", "schedules: write settings here"),
        ("schedules: {}", "schedules: is empty"),
        ("[1]", "schedule.yaml: write settings here"),
        (
            "schedules: {a: {every: 1h, workflow: workflow.json}}\ntimezon: UTC",
            "2:1: timezon: there is no such setting",
        ),
        ("schedules:\n  a: 5\n", "schedule.yaml:2:3: schedules.a: write settings here"),
        ("schedules:\n  a: {workflow: workflow.json}\n", "2:3: a: write either cron: or every:"),
        ("schedules:\n  a: {cron: * * * * *}\n", "quote a text that starts with"),
        ("schedules:\n  a: {every: 1h, batch: none.yaml}\n", "2:18: a: batch: there is no file 'none.yaml'"),
        ("schedules:\n  a: {every: 1h, workflow: broken.json}\n", "broken.json"),
        ("schedules:\n  a: {every: 1h, batch: bad.yaml}\n", "bad.yaml:2:1: seeds: has no values"),
        ("schedules:\n  a: {every: 1h, batch: good.yaml, set: {x.y: 1}}\n", "set: stands in the job file"),
        (
            "schedules:\n  a: {every: 1h, workflow: workflow.json, seed: date, seeds: [1]}\n",
            "2:43: a: seed: contradicts seeds:",
        ),
        (
            "schedules:\n  a: {every: 1h, batch: good.yaml, max_instances: 2}\n",
            "2:36: a: max_instances: a batch runs once at a time",
        ),
        (
            "schedules:\n  a:\n    every: 1h\n    workflow: workflow.json\n    limits: {max_cost: lots}\n",
            "schedule.yaml:5:14: a: limits.max_cost: 'lots': write an amount in USD such as 2.50, or none",
        ),
        ("schedules:\n  a: {every: 1h, batch: dear.yaml}\n", "dear.yaml:2:10: limits.max_cost: -1: write an amount"),
        ("schedules:\n  a: {every: soon, workflow: workflow.json}\n", "2:7: a: every: 'soon' is no length of time"),
        ("schedules:\n  a: {every: 1h, workflow: [1]}\n", "a: workflow: name the workflow's file"),
    ],
)
def test_what_is_wrong_is_one_clear_sentence(bench: Bench, text: str, said: str) -> None:
    """With its place where there is one."""
    bench.write("broken.json", "{")
    bench.write("bad.yaml", "workflow: workflow.json\nseeds: []\n")
    bench.write("good.yaml", "workflow: workflow.json\n")
    bench.write("dear.yaml", "workflow: workflow.json\nlimits: {max_cost: -1}\n")
    [told] = faults(bench, text)
    assert said in told


def test_a_schedule_that_is_not_there_is_told(bench: Bench) -> None:
    """With the nearest name."""
    timetable = bench.timetable("schedules: {nightly: {every: 5, workflow: workflow.json}}")
    with pytest.raises(UsageError, match="no schedule is called 'nihgtly'; did you mean 'nightly'"):
        timetable.named("nihgtly")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_schedule_file_can_run(path: Path, tmp_path: Path) -> None:
    """Each of its fires would do something, and nothing is wrong with any."""

    async def checked() -> list[str]:
        async with Engine(Settings(output_dir=tmp_path)) as engine:
            fires = Fires(engine, StopSignal())
            schedules = read_timetable(path).schedules.values()
            return [text for each in schedules for text in await fires.check(each, datetime.now(each.zone))]

    assert asyncio.run(checked()) == []
