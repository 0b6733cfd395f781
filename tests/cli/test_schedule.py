"""``graphrun schedule``: what it tells, and the service as a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from callers import PAID, TEXT, Graphrun, Write, node

from graphrun.testing import FaultyImages, Good

Program = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the service is stopped by signals")


@pytest.fixture
def file(here: Path, write: Write) -> Path:
    """A schedule file with an hourly and a nightly schedule."""
    write(TEXT)
    path = here / "schedule.yaml"
    path.write_text(
        "timezone: Europe/Berlin\nschedules:\n"
        "  often: {every: 1h, workflow: workflow.json}\n"
        '  nightly: {cron: "0 2 * * *", workflow: workflow.json, targets: ["2"]}\n'
    )
    return path


def service(here: Path, schedules: dict[str, dict[str, Any]], graph: Any) -> Path:
    """Write a schedule file with one workflow for all."""
    (here / "workflow.json").write_text(json.dumps(graph))
    path = here / "service.yaml"
    path.write_text(json.dumps({"schedules": {name: {**each} for name, each in schedules.items()}}))
    return path


def log_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a service that writes its log as JSON."""
    assert process.stdout
    return map(json.loads, process.stdout)


def heard(log: Iterator[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    """Wait for an event."""
    return next(each for each in log if wanted.items() <= each.items())


def fires(graphrun: Graphrun, path: Path) -> list[dict[str, Any]]:
    """Return the history, the oldest first."""
    said = graphrun("schedule", "history", path, "--json", "--limit", 1000)
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)["fires"][::-1]  # type: ignore[no-any-return]


def test_list_tells_when_and_what(graphrun: Graphrun, file: Path) -> None:
    """A line per schedule; or an object."""
    said = graphrun("schedule", "list", file)
    assert said.code == 0
    often, nightly = said.out.splitlines()
    assert often.startswith("often    every 1h        workflow workflow.json  next ")
    assert " 02:00:00+0" in nightly
    assert nightly.endswith("never run")
    [first, second] = json.loads(graphrun("schedule", "list", file, "--json").out)["schedules"]
    assert (first["name"], first["when"]["every"], second["when"]["cron"]) == ("often", 3600, "0 2 * * *")
    assert second["when"]["timezone"] == "Europe/Berlin"
    assert first["last"] is None


def test_next_tells_the_fires_to_come(graphrun: Graphrun, file: Path) -> None:
    """In order of time, of all or of one."""
    coming = json.loads(graphrun("schedule", "next", file, "--count", 30, "--json").out)["next"]
    times = [datetime.fromisoformat(each["time"]) for each in coming]
    assert times == sorted(times)
    assert {each["schedule"] for each in coming} == {"often", "nightly"}
    lines = graphrun("schedule", "next", file, "--schedule", "nightly", "--count", 2).out.splitlines()
    assert [line.split()[1][:8] for line in lines] == ["02:00:00", "02:00:00"]


def test_looking_leaves_nothing_behind(graphrun: Graphrun, file: Path, here: Path) -> None:
    """No history, no lock, no folder."""
    assert graphrun("schedule", "history", file, "--state", "state").out == "nothing has run yet\n"
    assert graphrun("schedule", "list", file, "--state", "state").code == 0
    assert sorted(path.name for path in here.iterdir()) == ["schedule.yaml", "workflow.json"]


def test_a_wrong_file_is_told_whole_before_anything_runs(graphrun: Graphrun, file: Path, here: Path) -> None:
    """Every fault at its line; exit code 2."""
    file.write_text(
        'schedules:\n  a: {cron: "61 * * * *", workflow: workflow.json}\n'
        "  b: {every: 1h, timezone: Mars, workflow: workflow.json}\n"
        "  c: {every: 1h, workflow: none.json}\n  d: {evry: 1h, workflow: workflow.json}\n"
        "  a: {every: 1h, workflow: workflow.json}\n"
        "  e: {every: 1h, workflow: workflow.json, limits: {max_cost: -1}}\n"
    )
    for command in ("run", "list", "next", "history"):
        said = graphrun("schedule", command, file, "--state", "state")
        assert (said.code, said.out) == (2, "")
        lines = said.err.splitlines()
        assert [line.split()[1].rsplit(":", 2)[0] for line in lines] == [
            f"schedule.yaml:{line}" for line in (3, 4, 5, 5, 6, 7)
        ]
        assert "Mars" in lines[0]
    assert not (here / "state").exists()


def test_a_workflow_that_can_not_run_is_told_before_anything_does(graphrun: Graphrun, file: Path, write: Write) -> None:
    """As `graphrun run` tells it; exit code 2."""
    write({"2": node("SaveImage", images=["5", 0], filename_prefix="x"), "5": node("KSampler")})
    said = graphrun("schedule", "run", file)
    assert (said.code, said.out) == (2, "")
    assert "KSampler" in said.err


def test_two_jobs_every_two_seconds_for_twenty(program: Program, graphrun: Graphrun, here: Path) -> None:
    """The quick one keeps to its grid. The slow one never overlaps itself, and one fire stands for those that waited.

    Stopped, and started again after some were missed, both make up for them by their rule.
    """
    sleep = {"1": node("Sleep", seconds=0.0)}
    each = {"every": 2, "workflow": "workflow.json", "targets": ["1"]}
    path = service(
        here,
        {
            "quick": {**each, "set": {"1.seconds": 0.05}, "misfire_grace": 1, "seed": "keep"},
            "slow": {**each, "set": {"1.seconds": 4.5}, "misfire_grace": "1h"},
        },
        sleep,
    )
    run = ("schedule", "run", path, "--json-logs")
    process = program(*run, "--cache-dir", "cache-1")
    time.sleep(20)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    history = fires(graphrun, path)
    check_quick([fire for fire in history if fire["schedule"] == "quick"])
    check_slow([fire for fire in history if fire["schedule"] == "slow"])

    time.sleep(4.5)
    process = program(*run, "--cache-dir", "cache-2")
    log = log_of(process)
    begun = heard(log, event="started", schedule="slow")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    later = fires(graphrun, path)[len(history) :]
    [missed] = [fire for fire in later if fire["outcome"] == "missed"]
    assert missed["schedule"] == "quick"
    assert missed["stands_for"] >= 1
    [made_up] = [fire for fire in later if fire["schedule"] == "slow"]
    assert begun["times"] == made_up["stands_for"] >= 2
    assert process.returncode == 0


def check_quick(history: list[dict[str, Any]]) -> None:
    """It is done nearly each time; a busy computer may make it late."""
    check_accounted(history)
    assert 6 <= sum(fire["outcome"] == "done" for fire in history) <= 10


def check_slow(history: list[dict[str, Any]]) -> None:
    """It never overlaps itself, and some fires stand for those that waited."""
    check_accounted(history)
    assert all(earlier["ended"] <= later["started"] for earlier, later in pairwise(history))
    assert max(fire["stands_for"] for fire in history) >= 2
    assert {fire["outcome"] for fire in history} == {"done"}


def check_accounted(history: list[dict[str, Any]], seconds: int = 2) -> None:
    """Every time of the grid is that of one fire, or one stands for it."""
    for earlier, later in pairwise(history):
        steps = datetime.fromisoformat(later["planned"]) - datetime.fromisoformat(earlier["planned"])
        assert steps == timedelta(seconds=seconds) * later["stands_for"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_what_runs_finish(
    program: Program, graphrun: Graphrun, here: Path, number: int, code: int
) -> None:
    """It is in the history, the health file says so, and no lock and no half file is left."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, {"1": node("Sleep", seconds=1.0)})
    process = program("schedule", "run", path, "--json-logs", "--state", "state", "--health", "health.json")
    log = log_of(process)
    heard(log, event="started", schedule="a")
    process.send_signal(number)
    assert heard(log, event="stopping")["running"] == 1
    assert heard(log, event="finished")["outcome"] == "done"
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, "")
    [fire] = json.loads(graphrun("schedule", "history", path, "--state", "state", "--json").out)["fires"]
    assert (fire["outcome"], fire["exit_code"]) == ("done", 0)
    assert json.loads((here / "health.json").read_text())["state"] == "stopped"
    assert [each.suffix for each in (here / "state").iterdir()] == [".sqlite3"]


def test_a_second_signal_cancels(program: Program, graphrun: Graphrun, here: Path) -> None:
    """Even a deaf node: the fire is written down as stopped, and the program ends with 130."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, {"1": node("Sleep", seconds=3600.0)})
    process = program("schedule", "run", path, "--json-logs")
    log = log_of(process)
    heard(log, event="started", schedule="a")
    process.send_signal(signal.SIGTERM)
    heard(log, event="stopping")
    time.sleep(0.02)  # sooner, it would be no second wish
    process.send_signal(signal.SIGTERM)
    heard(log, event="stopped")
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert [fire["outcome"] for fire in fires(graphrun, path)] == ["stopped"]


def test_a_killed_service_is_told_by_the_next(program: Program, graphrun: Graphrun, here: Path) -> None:
    """Its fire has died, its lock is free, and the fire is taken up again."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, {"1": node("Sleep", seconds=1.5)})
    process = program("schedule", "run", path, "--json-logs")
    planned = heard(log_of(process), event="started", schedule="a")["planned"]
    process.kill()
    process.communicate()
    process = program("schedule", "run", path, "--json-logs")
    log = log_of(process)
    assert heard(log, event="died")["schedule"] == "a"
    assert heard(log, event="started", schedule="a")["planned"] >= planned
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert [fire["outcome"] for fire in fires(graphrun, path)] == ["died", "done"]


def test_a_computer_that_slept_makes_up_for_it_once(program: Program, graphrun: Graphrun, here: Path) -> None:
    """What came due meanwhile is coalesced at run time as it is after a restart."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, {"1": node("Dice")})
    process = program("schedule", "run", path, "--json-logs")
    log = log_of(process)
    heard(log, event="finished", schedule="a")
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    assert next(each["times"] for each in log if "times" in each) >= 2
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    history = fires(graphrun, path)
    check_accounted(history, seconds=1)


def test_two_services_on_one_file_are_refused(program: Program, graphrun: Graphrun, file: Path) -> None:
    """The second says where to look; exit code 2."""
    process = program("schedule", "run", file, "--json-logs")
    heard(log_of(process), event="scheduled")
    said = graphrun("schedule", "run", file)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert said.code == 2
    assert "another service runs this file already" in said.err


def test_what_nodes_print_is_no_part_of_the_log(program: Program, here: Path) -> None:
    """The log is on standard output, theirs on standard error."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, {"1": node("Print", text="ho")})
    process = program("schedule", "run", path)
    assert process.stdout
    assert any("event=finished outcome=done" in line.replace(" fire=1", "") for line in process.stdout)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert err.startswith("ho\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_log_that_can_not_be_written_stops_no_schedule(graphrun: Graphrun, here: Path) -> None:
    """Fires are done and written down."""
    path = service(here, {"a": {"every": 1, "workflow": "workflow.json"}}, TEXT)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "graphrun", "schedule", "run", str(path)]
        process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        while not any(fire["outcome"] == "done" for fire in fires(graphrun, path)):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_looking_loads_nothing_heavy(file: Path) -> None:
    """Rule 6; and no other command loads APScheduler."""
    script = (
        "import sys\nfrom graphrun.cli import app\nassert 'apscheduler' not in sys.modules\n"
        f"try: app(['schedule', 'list', {str(file)!r}])\n"
        "except SystemExit: print(sorted({'torch', 'numpy', 'PIL', 'httpx'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_an_editor_file_runs_as_it_does_elsewhere(program: Program, here: Path) -> None:
    """Its values are named by the classes that are installed."""
    editor_file = Path(__file__).parents[2] / "workflows" / "lake-editor.json"
    file = here / "service.yaml"
    paint = {"every": 1, "workflow": str(editor_file), "provider": "offline", "output_dir": str(here / "painted")}
    file.write_text(json.dumps({"schedules": {"paint": paint}}))
    process = program("schedule", "run", file, "--json-logs", "--state", "state")
    ended = heard(log_of(process), event="finished")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (ended["outcome"], process.returncode) == ("done", 0)
    assert [*(here / "painted").glob("*.png")]


def test_the_history_tells_what_each_fire_cost(program: Program, graphrun: Graphrun, here: Path) -> None:
    """Of a workflow and of a batch; offline it is nothing, and what nobody knows is called unknown."""
    paid = {"every": 2, "workflow": "workflow.json", "provider": "openai"}
    path = service(
        here,
        {
            "one": {**paid, "seed": "date"},
            "rows": {**paid, "seeds": [5, 6]},
            "vague": {**paid, "set": {"10.prompt": "a sea"}},
            "half": {**paid, "set": {"10.prompt": "a lake"}, "seeds": [7, 8]},
            "offline": {**paid, "provider": "offline"},
        },
        PAID,
    )
    with FaultyImages(prompts={"a sea": [Good(usage=None)], "a lake": [Good(usage=None)]}) as images:
        env = {"OPENAI_BASE_URL": images.base_url, "OPENAI_API_KEY": "sk-test"}
        process = program("schedule", "run", path, "--json-logs", "--state", "state", env=env)
        log = log_of(process)
        ended = set()
        while len(ended) < 5:
            ended.add(heard(log, event="finished")["schedule"])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    history = ("schedule", "history", path, "--state", "state", "--limit", 1000)
    # The newest come first, so the first of each schedule remains: what came later was there already.
    fires = {fire["schedule"]: fire for fire in json.loads(graphrun(*history, "--json").out)["fires"]}
    assert {name: (fire["cost"], fire["known_cost"]) for name, fire in fires.items()} == {
        "one": ("0.00589", "0.00589"),
        "rows": ("0.01178", "0.01178"),
        "vague": (None, "0"),
        "half": (None, "0.00589"),
        "offline": ("0", "0"),
    }
    lines = {line.split()[2]: line for line in graphrun(*history).out.splitlines()}
    assert "  0.0059 USD  " in lines["one"]
    assert "  0 USD  " in lines["offline"]
    assert "  cost unknown  " in lines["vague"]
    assert "  cost unknown, at least 0.0059 USD  " in lines["half"]


@pytest.mark.parametrize("rows", [{}, {"seeds": [1]}], ids=["a workflow", "a batch"])
def test_what_its_cap_cut_short_is_refused(program: Program, here: Path, rows: dict[str, Any]) -> None:
    """A batch as a workflow, and as `graphrun batch` and `graphrun run` say by their exit codes."""
    capped = {"every": 1, "workflow": "workflow.json", "provider": "offline", "limits": {"max_images": 0}, **rows}
    process = program("schedule", "run", service(here, {"paint": capped}, PAID), "--json-logs", "--state", "state")
    ended = heard(log_of(process), event="finished")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (ended["outcome"], ended["exit_code"]) == ("refused", 3)
    assert "--max-images 1 would allow it" in ended["message"]
