"""The cache between processes: one of them makes a slow step, and one that finds everything loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from counted import run_fresh

import graphrun

PROGRAM = Path(__file__).parent / "slow_step.py"
INPAINT = Path(__file__).parents[1] / "workflows" / "inpaint.yaml"


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Start the slow step in a process of its own."""
    command = [sys.executable, str(PROGRAM), str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> str:
    """Return what a process printed. Whoever waits for a lock that never comes fails here."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def calls(folder: Path) -> int:
    """Return how often the step was called, in all processes."""
    file = folder / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_two_processes_started_together_make_a_slow_step_once(tmp_path: Path) -> None:
    """One makes it; the other waits, looks again, and takes the result from disk."""
    both = [start(tmp_path, 1.0) for _ in range(2)]
    assert sorted(end(each) for each in both) == ["cached 7", "ran 7"]
    assert calls(tmp_path) == 1


def test_when_the_one_that_makes_it_is_killed_the_other_goes_on(tmp_path: Path) -> None:
    """The system releases a killed process's lock: the second makes the step itself instead of waiting for ever."""
    first = start(tmp_path, 600.0)
    while not calls(tmp_path):
        assert first.poll() is None, first.communicate()
        time.sleep(0.01)
    second = start(tmp_path, 0.0)
    time.sleep(0.5)  # let it come to the lock; were it late, it would only have less to wait for
    assert second.poll() is None, "it waits for the first"
    first.kill()
    first.communicate()
    assert end(second) == "ran 7"
    assert calls(tmp_path) == 2


CACHED_RUN = """
import runpy, sys
sys.argv = ["graphrun", "run", *sys.argv[1:]]
try:
    runpy.run_module("graphrun", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print(end.code or 0, *sorted({"torch", "numpy", "PIL", "httpx"} & sys.modules.keys()))
"""


def test_a_process_that_finds_everything_loads_nothing_heavy(tmp_path: Path) -> None:
    """No torch, numpy, Pillow or httpx for a picture that was made, paid and saved before."""
    output = tmp_path / "output"
    run_fresh(tmp_path, None, graphrun.load(INPAINT), provider="offline", input_dir=INPAINT.parent / "input")
    before = sorted(path.stat().st_mtime_ns for path in output.iterdir())
    options = ["--provider", "offline", "--output-dir", str(output), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-c", CACHED_RUN, str(INPAINT), *options], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(output / "inpaint_00001_.png"), "0"], done.stderr
    assert sorted(path.stat().st_mtime_ns for path in output.iterdir()) == before
