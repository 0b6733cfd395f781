"""The service: what it starts, what it makes up for, what it leaves when it is stopped."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from schedule_bench import Bench

from graphrun import UsageError, WorkflowError
from graphrun.schedules.history import Ended, Fire
from graphrun.schedules.state import StateFiles


def fired(number: int) -> Callable[[Counter[str]], bool]:
    """Enough: so many fires have ended."""
    return lambda heard: sum(count for name, count in heard.items() if name.startswith("finished")) >= number


def now() -> datetime:
    """Return the time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def hourly(**settings: object) -> str:
    """Return a file with one schedule, an hour's interval."""
    told = {"every": "1h", "workflow": "workflow.json", **settings}
    return f"schedules:\n  paint: {json.dumps(told)}\n"


def back_after(bench: Bench, hours: float, **settings: object) -> list[Fire]:
    """Let a service be away for so long, then run until a fire has ended or was missed."""
    timetable = bench.timetable(hourly(**settings))
    bench.seen_to(timetable, now() - timedelta(hours=hours))
    bench.serve(timetable, lambda heard: fired(1)(heard) or heard["missed"] > 0)
    return bench.fires()


def test_what_is_due_is_done_and_written_down(bench: Bench) -> None:
    """With times, seeds and outcome."""
    [fire] = back_after(bench, 1.01)
    assert (fire.schedule, fire.stands_for, fire.end.outcome, fire.end.exit_code) == ("paint", 1, "done", 0)
    assert fire.end.seeds == {"paint.seed": 7}
    assert fire.started
    assert fire.ended
    assert fire.planned <= fire.started <= fire.ended
    assert bench.called == [("a fox", 7)]


def test_times_that_passed_meanwhile_become_one_fire(bench: Bench) -> None:
    """Coalesced: the latest, for all that were not too late."""
    [fire] = back_after(bench, 4.01, misfire_grace="1d")
    assert fire.stands_for == 4
    assert len(bench.called) == 1


def test_times_that_passed_meanwhile_each_have_their_fire(bench: Bench) -> None:
    """Not coalesced: one after the other, the earliest first."""
    timetable = bench.timetable(hourly(misfire_grace="1d", coalesce=False))
    bench.seen_to(timetable, now() - timedelta(hours=3.01))
    bench.serve(timetable, fired(3))
    planned = [fire.planned for fire in bench.fires()]
    assert [later - earlier for earlier, later in pairwise(planned)] == [timedelta(hours=1)] * 2
    assert bench.most_at_once == 1


def test_times_that_are_too_late_are_missed(bench: Bench) -> None:
    """One entry says how many; nothing runs."""
    [entry] = back_after(bench, 3.5, misfire_grace="10m")
    assert (entry.end.outcome, entry.stands_for, entry.started) == ("missed", 3, None)
    assert "misfire_grace is 600 s" in (entry.end.message or "")
    assert bench.called == []


def test_a_restart_counts_on_from_the_last_fire(bench: Bench) -> None:
    """No time is done twice, and none that was missed is missed again."""
    back_after(bench, 2.01)
    back_after(bench, 0)
    timetable = bench.timetable(hourly())
    heard = bench.serve(timetable, lambda heard: heard["scheduled"] > 0)
    assert heard["missed"] == heard["finished done"] == 0
    assert len(bench.fires()) == 2


def cut_short(bench: Bench, tries: int, *, killed: bool) -> None:
    """Let the history say that a minute ago a fire with seed 41 was cut short, so many times."""
    planned = now() - timedelta(minutes=1)
    bench.seen_to(bench.timetable(hourly(seed="increment")), planned)
    history = bench.history()
    for _ in range(tries):
        fire = history.begin("paint", planned, 1, 41, planned)
        if not killed:
            history.end(fire, Ended("stopped", 130), planned)
    history.close()


@pytest.mark.parametrize("killed", [False, True])
def test_a_fire_that_was_cut_short_is_taken_up_again(bench: Bench, killed: bool) -> None:
    """By a stop or a kill: it is not done. Its seed is the one it had."""
    cut_short(bench, 1, killed=killed)
    bench.serve(bench.timetable(hourly(seed="increment")), fired(1))
    assert [fire.end.outcome for fire in bench.fires()] == ["died" if killed else "stopped", "done"]
    assert bench.called == [("a fox", 41)]


@pytest.mark.parametrize(("tries", "grace"), [(3, "1h"), (1, "30s")])
def test_a_fire_is_not_taken_up_for_ever(bench: Bench, tries: int, grace: str) -> None:
    """Not the third time, for it may be what kills the service, and not after its grace."""
    cut_short(bench, tries, killed=True)
    bench.serve(bench.timetable(hourly(seed="increment", misfire_grace=grace)), lambda heard: heard["scheduled"] > 0)
    assert bench.called == []


def test_seeds_are_counted_on(bench: Bench) -> None:
    """From the seed of the file, across restarts."""
    timetable = bench.timetable(hourly(seed="increment", misfire_grace="1d", coalesce=False))
    bench.seen_to(timetable, now() - timedelta(hours=2.01))
    bench.serve(timetable, fired(2))
    bench.serve(timetable, fired(1), clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    assert [seed for _, seed in bench.called] == [7, 8, 9]


def test_a_failure_is_written_down_and_ends_nothing(bench: Bench) -> None:
    """With what the node said."""
    [fire] = back_after(bench, 1.01, set={"paint.prompt": "bad"})
    assert (fire.end.outcome, fire.end.exit_code) == ("failed", 1)
    assert "no luck" in (fire.end.message or "")


def test_a_workflow_that_has_gone_is_a_failed_fire(bench: Bench) -> None:
    """The service goes on: the file may come back."""
    timetable = bench.timetable("schedules: {paint: {every: 1, seed: increment, workflow: workflow.json}}")

    def until(heard: Counter[str]) -> bool:
        (bench.folder / "workflow.json").unlink(missing_ok=True)
        return heard["finished failed"] >= 2

    bench.serve(timetable, until)
    assert {(fire.end.outcome, fire.end.exit_code) for fire in bench.fires()} == {("failed", 2)}


def test_no_more_run_at_once_than_may(bench: Bench) -> None:
    """What comes due meanwhile waits, and one fire stands for it."""
    slow = {"every": 1, "workflow": "workflow.json", "set": {"paint.seconds": 1.6}}
    heard = bench.serve(bench.timetable(f"schedules: {json.dumps({'slow': slow})}"), fired(3))
    assert heard["finished done"] >= 3
    assert bench.most_at_once == 1
    assert max(fire.stands_for for fire in bench.fires()) == 2


def test_several_may_run_at_once(bench: Bench) -> None:
    """As many as the file says."""
    slow = {"every": 1, "max_instances": 2, "workflow": "workflow.json", "set": {"paint.seconds": 1.5}}
    bench.serve(bench.timetable(f"schedules: {json.dumps({'slow': slow})}"), fired(2))
    assert bench.most_at_once == 2


def test_the_first_stop_lets_finish_what_runs(bench: Bench) -> None:
    """The node in flight ends; the next one doesn't start, and the fire is written down as stopped."""
    [fire] = back_after(bench, 1.01, set={"paint.prompt": "stop", "paint.seconds": 0.2})
    assert (fire.end.outcome, fire.end.exit_code) == ("stopped", 130)
    assert fire.ended
    assert bench.at_once == 0
    assert bench.lines[-1]["event"] == "stopped"


def test_a_batch_is_a_fire(bench: Bench) -> None:
    """Its folder is where its record is."""
    bench.write("job.yaml", "workflow: workflow.json\nmatrix: { paint.prompt: [a, b, bad] }\noutput_dir: out\n")
    timetable = bench.timetable("schedules: {sweep: {every: 1h, batch: job.yaml, seed: date}}")
    bench.seen_to(timetable, now() - timedelta(hours=1.01))
    bench.serve(timetable, fired(1))
    [fire] = bench.fires()
    assert (fire.end.outcome, fire.end.exit_code) == ("failed", 1)
    assert (fire.end.message or "").startswith("3 rows: 2 done, 1 failed; row 3: ")
    assert fire.end.report
    assert fire.end.report.startswith(str(bench.folder / "out"))
    assert {seed for _, seed in bench.called} == {int(f"{fire.planned.astimezone():%Y%m%d}")}


def test_jitter_comes_after_the_planned_time(bench: Bench) -> None:
    """And never moves the next one."""
    bench.serve(bench.timetable("schedules: {a: {every: 1, jitter: 0.5, workflow: workflow.json}}"), fired(2))
    one, other = bench.fires()
    assert other.planned - one.planned == timedelta(seconds=1)


def test_the_health_file_says_what_is_next(bench: Bench) -> None:
    """While it runs and when it has ended."""
    path = bench.folder / "health.json"
    seen: list[dict[str, object]] = []

    def until(heard: Counter[str]) -> bool:
        if path.exists():
            seen.append(json.loads(path.read_text()))
        return fired(1)(heard)

    bench.serve(bench.timetable("schedules: {a: {every: 1, workflow: workflow.json}}"), until, health=path)
    assert seen[-1]["state"] == "running"
    assert list(seen[-1]["next"]) == ["a"]  # type: ignore[call-overload]
    assert json.loads(path.read_text())["state"] == "stopped"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"set": {"paint.seed": "many"}}, "is no INT"),
        ({"provider": "nobody"}, "nobody"),
        ({"matrix": {"paint.seed": [-5]}}, "smaller than"),
        ({"seed": "date", "targets": ["show"], "workflow": "small.json"}, "no seed to set"),
    ],
)
def test_what_can_not_run_is_told_before_anything_does(bench: Bench, settings: dict[str, object], said: str) -> None:
    """Nothing is called, and no time counts as seen to."""
    bench.write("small.json", '{"show": {"class_type": "Show", "inputs": {"text": "a"}}}')
    timetable = bench.timetable(hourly(**settings))
    with pytest.raises((WorkflowError, UsageError), match=said):
        bench.serve(timetable, lambda heard: True)
    assert bench.called == []
    assert bench.fires() == []


def test_a_history_that_can_not_be_written_ends_the_service(bench: Bench) -> None:
    """It would not know what it has done. What was begun is finished first."""
    timetable = bench.timetable("schedules: {a: {every: 1, workflow: workflow.json}}")

    def break_it(heard: Counter[str]) -> bool:
        if heard["scheduled"]:
            with closing(sqlite3.connect(bench.history_file)) as db:
                db.execute("DROP TABLE IF EXISTS fires")
        return False

    with pytest.raises(UsageError, match="can't be used: no such table"):
        bench.serve(timetable, break_it)
    assert bench.called == []


def test_one_service_at_a_time_has_a_file(bench: Bench) -> None:
    """By whatever path it is called."""
    file = bench.write("schedule.yaml", "")
    (bench.folder / "link.yaml").symlink_to(file)
    with (
        StateFiles.of(file, bench.folder / "state").locked(),
        pytest.raises(UsageError, match="runs this file already"),
    ):
        StateFiles.of(bench.folder / "link.yaml", bench.folder / "state").locked()
