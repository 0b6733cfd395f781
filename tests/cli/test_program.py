"""The command line as a program: what only a process of its own can show. Each start costs half a second."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from callers import PAID, PICTURES, TEXT, Graphrun, Write, node

Program = Callable[..., subprocess.Popen[str]]

INPAINT = str(Path(__file__).parents[2] / "workflows" / "inpaint.yaml")
HEAVY = {"torch", "numpy", "PIL", "httpx"}


def heavy_modules_of(*arguments: str, env: Mapping[str, str] = {}) -> str:
    """Call the command line in a process of its own; return its exit code and the heavy modules it loaded."""
    script = (
        "import sys\nfrom graphrun.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit as end: code = end.code\n"
        f"print(code, sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["check", INPAINT], ["plan", INPAINT], ["nodes", "list"], ["cache", "why", INPAINT, "edit"]],
)
def test_looking_loads_nothing_heavy(arguments: list[str]) -> None:
    """Rule 6: none of them imports torch, numpy, Pillow or httpx, also where a paid node and its key are there."""
    env = {"OPENAI_API_KEY": "sk-not-a-key", "GRAPHRUN_PROVIDER": "openai"}
    assert heavy_modules_of(*arguments, env=env) == "0 []"


def test_a_run_from_the_cache_loads_nothing_heavy_and_writes_nothing(graphrun: Graphrun, here: Path) -> None:
    """Rule 6 and the demo: the second run of a picture finds its file, and touches nothing."""
    command = ("run", INPAINT, "--provider", "offline", "--output-dir", "made")
    assert graphrun(*command).code == 0
    before = snapshot(here)
    assert heavy_modules_of(*command) == "0 []"
    assert snapshot(here) == before


@pytest.mark.parametrize("arguments", [["cache", "stats"], ["cache", "prune"], ["cache", "clear", "--yes"]])
def test_looking_after_the_cache_loads_nothing_heavy(arguments: list[str], graphrun: Graphrun, write: Write) -> None:
    """Also where there is a picture in it."""
    graphrun("run", write(PAID), "--provider", "offline")
    assert heavy_modules_of(*arguments) == "0 []"


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return all files and folders with their sizes and times."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")]}


def test_the_version_is_the_packages(program: Program) -> None:
    """One line on stdout."""
    out, err = program("--version").communicate()
    assert (out.split()[0], err) == ("graphrun", "")


def test_a_workflow_is_read_from_standard_input(program: Program) -> None:
    """`-` stands for stdin."""
    process = program("run", "-", "--json")
    out, _ = process.communicate(json.dumps(TEXT))
    assert process.returncode == 0
    assert json.loads(out)["nodes"]["2"]["ui"] == {"text": ["a red fox"]}


def test_a_reader_that_leaves_early_is_no_error(program: Program) -> None:
    """`graphrun nodes list | head -1`: no traceback, and the exit code is the command's."""
    with program("nodes", "list") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("arguments", [["run", "workflow.json"], ["run", "workflow.json", "--json"], ["--version"]])
def test_a_full_disk_for_the_results_is_told_as_that(write: Write, arguments: list[str]) -> None:
    """No fault of ours: one sentence, after how the run ended; exit code 1."""
    write(PICTURES)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "graphrun", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[-1] == "error: can't write to standard output: No space left on device"
    assert arguments == ["--version"] or lines[-2].startswith("3 ran in ")


def test_a_run_that_nobody_listens_to_is_still_a_run(program: Program, write: Write, here: Path) -> None:
    """With both streams closed by their readers the pictures are made, and the exit code is 0."""
    with program("run", write(PICTURES), "--output-dir", "made") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
    assert process.returncode == 0
    assert len(list((here / "made").glob("*.png"))) == 4


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("graphrun run workflow.json --target ", ["1", "2"]),
        ("graphrun run workflow.json --target 2", ["2"]),
        ("graphrun run workflow.json --refresh ", ["1", "2"]),
        ("graphrun cache why workflow.json ", ["1", "2"]),
        ("graphrun run workflow.json --set 2.", ["2.source="]),
        ("graphrun run missing.json --set 2.", []),
        ("graphrun plan workflow.json --format me", ["mermaid"]),
        ("graphrun nodes show SaveImageW", ["SaveImageWebsocket"]),
    ],
)
def test_the_shell_completes_what_the_workflow_has(
    program: Program, write: Write, typed: str, offered: list[str]
) -> None:
    """Nodes for --target, inputs for --set, classes for `nodes show`; nothing where there is no file."""
    write(TEXT)
    words = typed.split(" ")
    env = {"_GRAPHRUN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    out, err = program(env=env).communicate()
    assert (out.split(), err) == (offered, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_the_live_view_leaves_it_as_it_was(write: Write, here: Path) -> None:
    """The last picture stays, the cursor comes back, and stdout has the paths alone."""
    screen, terminal = os.openpty()
    command = [sys.executable, "-m", "graphrun", "run", str(write(PICTURES))]
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=terminal, text=True, check=True)
    os.close(terminal)
    seen = _read_all(screen)
    assert len(done.stdout.splitlines()) == 4
    assert '✓ 2 "Save Image" (SaveImage)' in seen
    assert "3 ran in " in seen.splitlines()[-1]
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")
    assert "\x1b[32m" not in seen


def _read_all(screen: int) -> str:
    """Read what was drawn. Linux ends a pseudo-terminal nobody writes to with an error."""
    drawn = b""
    with open(screen, "rb", buffering=0) as reader, suppress(OSError):
        while piece := reader.read(65536):
            drawn += piece
    return drawn.decode()


def started(process: subprocess.Popen[str], events: Path) -> None:
    """Wait until a node runs."""
    while not (events.exists() and "NodeStarted" in events.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_what_runs_finish(program: Program, write: Write, here: Path, number: int) -> None:
    """A call that may be paid for is not given up; what would come after it doesn't start. 130."""
    process = program(
        *("run", write(PAID), "--provider", "offline", "--events", "events.ndjson"),
        env={"GRAPHRUN_OFFLINE_LATENCY": "0.6"},
    )
    started(process, here / "events.ndjson")
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == ""
    assert "stopping: waiting for what runs; press Ctrl-C again to cancel\n" in err
    assert '10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1): done in' in err
    summary, way_on = err.splitlines()[-2:]
    assert summary.startswith("stopped: 1 ran, 1 skipped in ")
    assert way_on == "run it again to go on: what is done comes from the cache"


def test_the_second_signal_cancels_even_a_deaf_node(program: Program, write: Write, here: Path) -> None:
    """A function that can't be stopped doesn't hold the program: it ends in seconds, not in the node's hour."""
    process = program("run", write({"1": node("Sleep", seconds=3600)}), "--events", "events.ndjson")
    started(process, here / "events.ndjson")
    process.send_signal(signal.SIGINT)
    events = here / "events.ndjson"
    while "RunStopping" not in events.read_text():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.02)  # sooner, it would be no second wish
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "1 (Sleep): stopped\n" in err
    assert "Traceback" not in err


INTERRUPTED_IMPORT = """
import signal, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["graphrun", "run", "workflow.json"]
{start}
"""
COMMAND = "from graphrun.__main__ import main; main()"
MODULE = "import runpy; runpy.run_module('graphrun', run_name='__main__')"


@pytest.mark.parametrize(
    ("start", "module"),
    [
        (COMMAND, "graphrun.cli"),
        (COMMAND, "typer"),
        (COMMAND, "graphrun.cli.run"),
        (MODULE, "graphrun.cli"),
        (MODULE, "graphrun.cli.spend"),
    ],
)
def test_ctrl_c_while_the_program_is_loaded_ends_it_quietly(write: Write, start: str, module: str) -> None:
    """No command listens yet: 130, and nothing is said. (The package itself is imported before anyone can listen.)"""
    write(TEXT)
    script = INTERRUPTED_IMPORT.format(start=start, module=module)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "arguments", [["run", INPAINT, "--provider", "offline"], ["check", INPAINT], ["nodes", "list"]]
)
def test_ctrl_c_while_packs_are_loaded_ends_it_quietly(program: Program, here: Path, arguments: list[str]) -> None:
    """As long as nothing runs."""
    installed = here / "eager-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: eager\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[graphrun.nodes]\neager = eager:pack\n")
    (here / "eager.py").write_text(
        "import signal\nimport graphrun\nsignal.raise_signal(signal.SIGINT)\npack = graphrun.NodePack('eager')\n"
    )
    process = program(*arguments, env={"PYTHONPATH": str(here)})
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


def test_a_terminal_of_another_time_gets_escapes(program: Program, write: Write) -> None:
    """What its encoding lacks is written as escapes, instead of failing after the work is done."""
    write({"1": node("PreviewAny", "Größe 🦊", source="x")})
    out, err = program("plan", "workflow.json", env={"PYTHONIOENCODING": "ascii"}).communicate()
    assert (out.splitlines()[1], err) == ('  1  run  1 "Gr\\xf6\\xdfe \\U0001f98a" (PreviewAny)', "")
