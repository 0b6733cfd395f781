"""``graphrun batch``."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from callers import PAID, PICTURES, Graphrun, Said, Write, node
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


MASKED = {
    "1": node("LoadImage", "Photo", image="photo.png"),
    "2": node("MaskToImage", mask=["1", 1]),
    "3": node("SaveImage", images=["2", 0], filename_prefix="mask"),
}


def test_a_dry_run_needs_no_key(graphrun: Graphrun, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """It calls nothing; the batch itself is refused before anything runs."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = ("batch", write(PAID), "--provider", "openai", "--seeds", "1..2")
    said = graphrun(*words, "--dry-run")
    assert (said.code, said.out.splitlines()[1]) == (0, "0 in the cache, 2 image calls to make")
    refused = graphrun(*words)
    assert refused.code == 2
    assert "OPENAI_API_KEY" in refused.err


def test_a_dry_run_tells_which_rows_can_not_run_and_why(graphrun: Graphrun, write: Write, here: Path) -> None:
    """A picture that isn't there is no hit of the cache: its row is counted apart, with its place and the fault."""
    Image.new("RGB", (8, 8)).save(here / "photo.png")
    (here / "rows.csv").write_text("Photo.image\nphoto.png\nnone.png\n")
    said = graphrun("batch", write(MASKED), "--rows", "rows.csv", "--input-dir", here, "--dry-run")
    assert said.code == 1
    assert said.out.splitlines()[1] == "0 in the cache, 0 image calls to make, 1 can't run"
    assert 'row 2 (rows.csv:3): 1 "Photo" (LoadImage): image: ' in said.out


def test_masks_may_differ_from_row_to_row(graphrun: Graphrun, write: Write, here: Path) -> None:
    """A box out of a column, and a picture for all; masks of one node add up, and paths are meant from here."""
    Image.new("RGB", (8, 8)).save(here / "photo.png")
    Image.new("1", (8, 8), 0).save(here / "none.png")
    (here / "rows.csv").write_text('box\n"0,0,2,2"\n"3,3,5,1"\n')
    words = ("batch", write(MASKED), "--rows", "rows.csv", "--mask", "Photo={row.box}", "--mask", "Photo=none.png")
    dry = graphrun(*words, "--dry-run").out
    assert "row 2: to make: masks.1='3,3,5,1 none.png'" in dry
    said = graphrun(*words, "--name", "{index}")
    assert said.code == 0, said.err
    found = {Path(line).name[0]: Image.open(line).convert("L").getbbox() for line in said.out.splitlines()}
    assert found == {"1": (0, 0, 2, 2), "2": (3, 3, 8, 4)}


def test_a_mask_that_is_typed_stands_before_that_of_the_job(graphrun: Graphrun, write: Write, here: Path) -> None:
    """As with other inputs."""
    Image.new("RGB", (8, 8)).save(here / "photo.png")
    (here / "job.yaml").write_text(f"workflow: {write(MASKED).name}\nmasks: {{'1': [0, 0, 1, 1]}}\n")
    assert "masks.1='4,4,1,1'" in graphrun("batch", "job.yaml", "--mask", "1=4,4,1,1", "--dry-run").out
    assert "masks.1='0,0,1,1'" in graphrun("batch", "job.yaml", "--dry-run").out


def test_refresh_makes_a_node_again_in_each_row(graphrun: Graphrun, write: Write, here: Path) -> None:
    """Or everything, where none is named."""
    words = ("batch", write(TEXT), "--seeds", "1..2", "--provider", "offline")
    graphrun(*words)
    for more, made in ((), {"3"}), (["--refresh", "2"], {"2", "3"}), (["--refresh"], {"1", "2", "3"}):
        assert graphrun(*words, *more).code == 0
        newest = max((here / "output" / "workflow").glob("*/rows.jsonl"))
        rows = [json.loads(line) for line in newest.read_text().splitlines()]
        # The text is made again whenever it is asked for: keeping it would cost more.
        assert [{*row["ran"]} - ({"1"} - made) for row in rows] == [made] * 2
    assert "no node is called 'x'" in graphrun(*words, "--refresh", "x").err
    assert "contradict each other" in graphrun(*words, "--refresh", "--no-cache").err


def editor_file(width: int) -> dict[str, object]:
    """Return an editor's document that makes a picture 8 pixels high."""
    picture = {"id": 1, "type": "EmptyImage", "widgets_values": [width, 8, 1, 255], "outputs": [{"links": [1]}]}
    saver = {"id": 2, "type": "SaveImage", "widgets_values": ["x"], "inputs": [{"name": "images", "link": 1}]}
    return {"nodes": [picture, saver], "links": [[1, 1, 0, 2, 0, "IMAGE"]], "version": 0.4}


def sizes(said: Said) -> list[tuple[int, int]]:
    """Return the sizes of the pictures that a call has made."""
    assert said.code == 0, said.err
    return [Image.open(BytesIO(Path(line).read_bytes())).size for line in said.out.splitlines()]


def test_carried_chooses_the_graph_of_a_picture(graphrun: Graphrun, here: Path) -> None:
    """Of the two that a picture carries; what is typed stands before what the job file says."""
    chunks = PngInfo()
    chunks.add_text("workflow", json.dumps(editor_file(16)))
    chunks.add_text("prompt", json.dumps({name: each for name, each in PICTURES.items() if name != "3"}))
    Image.new("RGB", (8, 8)).save(here / "made.png", pnginfo=chunks)
    (here / "job.yaml").write_text("workflow: made.png\ncarried: prompt\n")
    assert sizes(graphrun("batch", "made.png")) == [(16, 8)]
    assert sizes(graphrun("batch", "made.png", "--carried", "prompt")) == [(8, 8)] * 2
    assert sizes(graphrun("batch", "job.yaml")) == [(8, 8)] * 2
    assert sizes(graphrun("batch", "job.yaml", "--carried", "workflow")) == [(16, 8)]
    assert "did you mean 'prompt'?" in graphrun("batch", "job.yaml", "--carried", "promt").err


def test_definitions_say_what_the_values_of_a_file_are(graphrun: Graphrun, here: Path) -> None:
    """Those of a ComfyUI in which the height stood first; in the job, or typed."""
    names = ("height", "width", "batch_size", "color")
    record = {"input": {"required": {name: ["INT", {"default": 1}] for name in names}}, "output": ["IMAGE"]}
    (here / "info.json").write_text(json.dumps({"EmptyImage": record}))
    (here / "editor.json").write_text(json.dumps(editor_file(16)))
    (here / "job.yaml").write_text("workflow: editor.json\ndefinitions: info.json\n")
    assert sizes(graphrun("batch", "editor.json")) == [(16, 8)]
    assert sizes(graphrun("batch", "editor.json", "--definitions", "info.json")) == [(8, 16)]
    assert sizes(graphrun("batch", "job.yaml")) == [(8, 16)]
    wrong = graphrun("batch", "job.yaml", "--definitions", "gone.json")
    assert (wrong.code, "gone.json: the definitions can't be read" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--matrix", "1.width"], "write NODE.INPUT=VALUE"),
        (["--matrix", "1.width="], "has no values"),
        (["--matrix", "1.width=3..1"], "has no values"),
        (["--matrix", "1.width=3", "--matrix", "1.width=4"], "is given twice"),
        (["--matrix", "1.width=wide"], "is no INT"),
        (["--matrix", "7.width=1"], "no node is called '7'"),
        (["--matrix", "1.width=0..9999", "--matrix", "1.height=1..1000"], "10,000,000 rows are more than"),
        (["--zip", "1.width=1,2", "--zip", "1.height=1"], "equally long"),
        (["--seeds", "1..3"], "no seed to set"),
        (["--seeds", "x"], "write keep, random"),
        (["--seeds", "5..1"], "the first number is the lower one"),
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
