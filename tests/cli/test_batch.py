"""``graphrun batch``."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from callers import PAID, PICTURES, Graphrun, Write, node

from graphrun.testing import CutConnection, FaultyImages, Good

TEXT = {
    "1": node("PrimitiveString", "Prompt", value="a red fox"),
    "2": node("OpenAIDalle2", prompt=["1", 0], seed=1, size="256x256", n=1),
    "3": node("SaveImage", images=["2", 0], filename_prefix="fox"),
}


def test_it_prints_the_files_and_says_how_it_went(graphrun: Graphrun, write: Write, here: Path) -> None:
    """A line per file on standard output, a line per row and the sum on standard error."""
    said = graphrun("batch", write(PICTURES), "--matrix", "1.width=8,16", "--name", "{index}-{1.width}", "--jobs", 1)
    assert said.code == 0
    assert sorted(Path(line).name for line in said.out.splitlines()) == [
        f"{index}-{width}-{saver}_{number:05}_.png"
        for index, width in ((1, 8), (2, 16))
        for saver in "23"
        for number in (1, 2)
    ]
    assert "row 2: done" in said.err
    assert "2 rows: 2 done" in said.err
    assert all((here / line).is_file() for line in said.out.splitlines())


def test_a_dry_run_tells_and_makes_nothing(graphrun: Graphrun, write: Write, here: Path) -> None:
    """How many rows, how many are there, how many calls, the first of them."""
    (here / "rows.csv").write_text("Prompt.value\na fox\na dog\na fox\n")
    arguments = ("batch", write(TEXT), "--rows", "rows.csv", "--provider", "offline")
    said = graphrun(*arguments, "--dry-run")
    assert said.out.splitlines()[:3] == [
        "3 rows",
        "0 in the cache, 2 image calls to make",
        "row 1: to make: 1.value='a fox'",
    ]
    assert not (here / "output").exists()
    graphrun(*arguments)
    assert graphrun(*arguments, "--dry-run").out.splitlines()[1] == "3 in the cache, 0 image calls to make"


SOME = ("--provider", "openai")
OPENAI = (*SOME, "--seeds", "1..12")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyImages]:
    """An image service at the address that OPENAI_BASE_URL names."""
    with FaultyImages() as faulty:
        monkeypatch.setenv("OPENAI_BASE_URL", faulty.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield faulty


def test_a_dry_run_says_where_the_cap_ends_it(graphrun: Graphrun, write: Write, service: FaultyImages) -> None:
    """By the dated prices, with the flag that allows the rest."""
    said = graphrun("batch", write(PAID), *OPENAI, "--dry-run", "--max-cost", "0.02")
    told = "the batch may cost 0.02 USD and stops there; --max-cost 0.0707 would allow all of it"
    assert "by the prices of 20" in said.out.splitlines()[2]
    assert said.out.splitlines()[3] == told
    assert told not in graphrun("batch", write(PAID), *OPENAI, "--dry-run").out


def test_a_dry_run_counts_no_call_that_would_not_be_made(
    graphrun: Graphrun, write: Write, service: FaultyImages
) -> None:
    """What was bought before, and what a call of unknown fate holds up: neither is paid, nor counted in the price."""
    service.script([Good(), Good(), CutConnection(when="during")])
    graphrun("batch", write(PAID), *SOME, "--seeds", "1..3", "--jobs", 1)
    forecast = ("batch", write(PAID), *SOME, "--seeds", "1..5", "--no-cache", "--dry-run")
    told = graphrun(*forecast).out.splitlines()
    assert told[1:3] == [
        "0 in the cache, 2 image calls to make, 2 bought before, 1 held up by calls of unknown fate (graphrun spend)",
        "cost: 0.0118 USD by the prices of 2026-11-20",
    ]
    assert [line.split(": ")[1] for line in told[3:]] == [
        *["bought before"] * 2,
        "held up by a call of unknown fate",
        *["to make"] * 2,
    ]
    retried = graphrun(*forecast, "--retry-unknown").out.splitlines()
    assert retried[1] == "0 in the cache, 3 image calls to make, 2 bought before"
    assert len(service.requests) == 3


def test_a_dry_run_counts_what_the_offline_service_drew_before(graphrun: Graphrun, write: Write) -> None:
    """Though it is free: no call is made for it."""
    words = ("batch", write(PAID), "--provider", "offline", "--seeds", "1..3")
    graphrun(*words)
    told = graphrun(*words, "--no-cache", "--dry-run").out.splitlines()
    assert told[1] == "0 in the cache, 0 image calls to make, 3 bought before"
    assert told[2].startswith("row 1: bought before: ")


def test_an_option_about_rows_leaves_the_cap_as_it_is(
    graphrun: Graphrun, write: Write, service: FaultyImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the settings, where the job says nothing of it."""
    monkeypatch.setenv("GRAPHRUN_MAX_COST", "0.02")
    said = graphrun("batch", write(PAID), *OPENAI, "--dry-run", "--jobs", 2)
    assert "the batch may cost 0.02 USD and stops there" in said.out


def test_a_cap_that_is_reached_is_told_once(graphrun: Graphrun, write: Write, service: FaultyImages) -> None:
    """And how many rows it left open; the same call with more room makes them."""
    said = graphrun("batch", write(PAID), *OPENAI, "--max-images", 3, "--quiet")
    assert said.code == 3
    first, *_, last = said.err.splitlines()
    assert "--max-images 4 would allow it" in first
    assert (len(said.err.splitlines()), last) == (2, "error: 8 more rows left open for the same reason")
    assert graphrun("batch", write(PAID), *OPENAI, "--quiet").code == 0
    assert len(service.requests) == 12


def test_equal_rows_are_paid_once(graphrun: Graphrun, write: Write, here: Path) -> None:
    """The second finds what the first made; each has its file."""
    (here / "rows.csv").write_text("Prompt.value\na fox\na fox\n")
    said = graphrun("batch", write(TEXT), "--rows", "rows.csv", "--provider", "offline", "--events", "events.jsonl")
    assert said.code == 0
    told = [json.loads(line) for line in (here / "events.jsonl").read_text().splitlines()]
    assert sum(each["ran"] for each in told if each["event"] == "RowFinished") == 4


def test_a_failed_row_gives_one(graphrun: Graphrun, write: Write, here: Path) -> None:
    """And an error line with its number."""
    (here / "a.png").write_bytes(b"no picture")
    graph = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    said = graphrun("batch", write(graph), "--matrix", "2.filename_prefix=a,b")
    assert said.code in (1, 2)
    assert "error: " in said.err


def test_a_folder_of_pictures_goes_to_the_only_input_that_takes_one(
    graphrun: Graphrun, write: Write, here: Path
) -> None:
    """A row per picture, named after it."""
    made = graphrun("batch", write(PICTURES), "--matrix", "1.width=8,16", "--name", "{1.width}", "--target", "2")
    pictures = Path(made.out.splitlines()[0]).parent
    graph = {
        "1": node("LoadImage", image=""),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    said = graphrun("batch", write(graph), "--rows", pictures, "--name", "inverted/{row.name}", "--output-dir", "two")
    assert said.code == 0, said.err
    assert len(said.out.splitlines()) == 4
    assert "inverted" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--matrix", "1.width"], "write NODE.INPUT=VALUE"),
        (["--matrix", "1.width="], "has no values"),
        (["--matrix", "1.width=3..1"], "has no values"),
        (["--matrix", "1.width=wide"], "is no INT"),
        (["--matrix", "7.width=1"], "no node is called '7'"),
        (["--matrix", "1.width=0..9999", "--matrix", "1.height=1..1000"], "10,000,000 rows are more than"),
        (["--zip", "1.width=1,2", "--zip", "1.height=1"], "equally long"),
        (["--seeds", "1..3"], "no seed to set"),
        (["--seeds", "x"], "write keep, random"),
        (["--rows", "gone.csv"], "there is no file or folder"),
        (["--resume", "gone"], "there is no run"),
        (["--resume", "gone", "--new"], "contradict each other"),
        (["--name", "{row.x}"], "no column 'x'"),
    ],
)
def test_a_wrong_call_is_one_clear_error(
    graphrun: Graphrun, write: Write, here: Path, words: list[str], said: str
) -> None:
    """Exit code 2, and nothing ran."""
    ended = graphrun("batch", write(PICTURES), *words)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("error:") == 1
    assert not list(here.glob("output/**/*.png"))


def test_ctrl_c_ends_after_what_runs(program: Callable[..., subprocess.Popen[str]], write: Write, here: Path) -> None:
    """130; the same call goes on, and no row is made twice."""
    (here / "rows.csv").write_text("Prompt.value\n" + "".join(f"fox {row}\n" for row in range(40)))
    words = ("batch", write(TEXT), "--rows", "rows.csv", "--provider", "offline", "--jobs", 4)
    first = program(*words, env={"GRAPHRUN_OFFLINE_LATENCY": "0.1"})
    records = here / "output" / "workflow"
    while first.poll() is None and not any(path.stat().st_size for path in records.glob("*/rows.jsonl")):
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    assert "run it again to go on" in err
    second = program(*words)
    more, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert len(out.splitlines()) + len(more.splitlines()) == 40
    [run] = records.glob("*/rows.jsonl")
    assert len(run.read_text().splitlines()) == 40
