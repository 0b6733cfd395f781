"""``graphrun cache``: what is kept, how it is made smaller, and why something isn't in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from callers import PAID, Graph, Graphrun, Write, node

OFFLINE = ("--provider", "offline")
DRAW = '10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1)'
SAVE = '9 "Save Image" (SaveImage)'


@pytest.fixture
def paid(graphrun: Graphrun, write: Write) -> Path:
    """A workflow that has run, so that the cache has its two results."""
    path = write(PAID)
    graphrun("run", path, *OFFLINE)
    return path


def test_stats_tell_how_much_there_is_of_what(graphrun: Graphrun, paid: Path) -> None:
    """The folder, the sum, the bound, and a line per class."""
    first, made, *classes = graphrun("cache", "stats").out.splitlines()
    assert first.startswith(f"{os.environ['GRAPHRUN_CACHE_DIR']} holds 2 results, ")
    assert first.endswith(" kB, of at most 20 GB")
    assert made.startswith("made from 20")
    told = sorted(line.split()[:3] for line in classes)
    assert told == [["OpenAIGPTImage1", "1", "result"], ["SaveImage", "1", "result"]]


def test_stats_as_json(graphrun: Graphrun, paid: Path) -> None:
    """Bytes as numbers, times with their zone, and the same fields where there is nothing."""
    stats = json.loads(graphrun("cache", "stats", "--json").out)
    nothing = json.loads(graphrun("cache", "stats", "--json", "--cache-dir", "nix").out)
    assert stats.keys() == nothing.keys()
    assert (stats["entries"], nothing["entries"], nothing["oldest"]) == (2, 0, None)
    assert {each["class_type"] for each in stats["classes"]} == {"OpenAIGPTImage1", "SaveImage"}
    assert datetime.fromisoformat(stats["newest"]).tzinfo is not None
    assert not Path("nix").exists()


def test_prune_keeps_what_was_used_last(graphrun: Graphrun, paid: Path) -> None:
    """Down to the given size; without one, to the bound that is set."""
    assert graphrun("cache", "prune").out.startswith("0 bytes freed; ")
    said = graphrun("cache", "prune", "--max-size", "0")
    assert said.code == 0
    assert said.out.endswith(" holds 0 results, 0 bytes\n")
    assert not said.out.startswith("0 bytes freed")


def test_prune_refuses_what_is_no_size(graphrun: Graphrun, paid: Path) -> None:
    """And removes nothing."""
    said = graphrun("cache", "prune", "--max-size", "five")
    assert (said.code, said.err) == (2, "error: --max-size 'five': write a size, for example --max-size 5GB\n")
    assert json.loads(graphrun("cache", "stats", "--json").out)["entries"] == 2


def test_clear_removes_everything_but_the_saved_files(graphrun: Graphrun, paid: Path, here: Path) -> None:
    """The pictures are the user's."""
    said = graphrun("cache", "clear", "--yes")
    assert said.code == 0
    assert said.out.endswith(" holds 0 results, 0 bytes\n")
    assert len(list((here / "output").iterdir())) == 1


def test_clear_in_a_pipe_needs_a_yes(graphrun: Graphrun, paid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script must mean it."""
    said = graphrun("cache", "clear")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: cache clear removes every result, and there is no terminal to ask at: add --yes\n"
    assert json.loads(graphrun("cache", "stats", "--json").out)["entries"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 2, 2), ("\n", 2, 2), ("\x04", 130, 2), ("y\n", 0, 0)])
def test_clear_asks_at_a_terminal(graphrun: Graphrun, paid: Path, answer: str, code: int, left: int) -> None:
    """Only a yes removes anything; Enter is a no, and leaving is leaving."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, answer.encode())
    command = [sys.executable, "-m", "graphrun", "cache", "clear"]
    done = subprocess.run(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, check=False)
    asked = os.read(keyboard, 65536).decode()
    os.close(terminal)
    os.close(keyboard)
    assert done.returncode == code
    assert "holds 2 results, " in asked
    assert "Remove everything? [y/N]" in asked
    assert json.loads(graphrun("cache", "stats", "--json").out)["entries"] == left


def test_a_cache_that_cannot_be_used_is_exit_code_1(graphrun: Graphrun, here: Path) -> None:
    """A script that makes room hears that there is none: here a folder stands where the index should be."""
    (here / "mine" / "v1" / "index.sqlite3").mkdir(parents=True)
    said = graphrun("cache", "prune", "--cache-dir", "mine")
    assert said.code == 1
    assert said.err.startswith("error: the cache in mine/v1 can't be used")


def why(graphrun: Graphrun, path: Path, *arguments: object) -> list[str]:
    """Return what `cache why` prints."""
    said = graphrun("cache", "why", path, *arguments, *OFFLINE)
    assert (said.code, said.err) == (0, "")
    return said.out.splitlines()


def test_why_of_a_hit(graphrun: Graphrun, paid: Path) -> None:
    """Nothing to explain."""
    assert why(graphrun, paid, "10") == [f"{DRAW} is in the cache"]
    assert why(graphrun, paid, "SaveImage") == [f"{SAVE} is in the cache"]


def test_why_names_what_differs_from_the_nearest_result(graphrun: Graphrun, paid: Path) -> None:
    """The first thing with both values; the rest in lines of its own; long values are not printed."""
    graphrun("run", paid, *OFFLINE, "--set", "10.seed=5", "--set", "10.quality=high")
    assert why(graphrun, paid, "10", "--seed", "8") == [
        f"{DRAW} is not in the cache: input seed is 8; the nearest earlier result had 1"
    ]
    changed = ("--set", f"10.prompt={'a fox ' * 20}", "--set", "10.seed=9")
    assert why(graphrun, paid, "10", *changed) == [
        f"{DRAW} is not in the cache: input prompt is a longer value; the nearest earlier result had 'a fox'",
        "also: input seed is 9; the nearest earlier result had 1",
    ]


def test_why_of_a_reader_names_the_node_to_ask_next(graphrun: Graphrun, paid: Path) -> None:
    """It reads another result: what made that differ is known upstream."""
    assert why(graphrun, paid, "9", "--seed", "8") == [
        f"{SAVE} is not in the cache: input images reads another result of {DRAW}",
        f"ask next, with the same options: graphrun cache why {paid} 10",
    ]


def test_why_where_nothing_of_the_class_is_there(graphrun: Graphrun, write: Write) -> None:
    """There is nothing to compare with."""
    assert why(graphrun, write(PAID), "10") == [f"{DRAW} is not in the cache: nothing of class OpenAIGPTImage1 is"]


def test_why_of_a_saver_whose_file_was_lost(graphrun: Graphrun, paid: Path, here: Path) -> None:
    """Nothing differs, but the effect is undone."""
    picture = here / "output" / "fox_00001_.png"
    picture.unlink()
    assert why(graphrun, paid, "9") == [
        f"{SAVE} is not in the cache: the inputs are those of an earlier result, "
        f"but {picture.resolve()} was changed or removed since"
    ]


def test_why_of_a_saver_with_another_folder(graphrun: Graphrun, paid: Path, here: Path) -> None:
    """Each folder gets files of its own."""
    assert why(graphrun, paid, "9", "--output-dir", "other") == [
        f"{SAVE} is not in the cache: the inputs are those of an earlier result, "
        f"but that was saved in {(here / 'output').resolve()}"
    ]


def test_why_tells_that_the_image_service_is_another_one(graphrun: Graphrun, paid: Path) -> None:
    """What the stand-in drew is never served for the real thing."""
    said = graphrun("cache", "why", paid, "10")
    assert "the image service is openai:https://api.openai.com/v1; the nearest earlier result had offline" in said.out


def test_why_of_an_input_that_was_linked(graphrun: Graphrun, write: Write, paid: Path) -> None:
    """A text typed in where a node gave it, or the reverse, is a difference on both sides."""
    graph: Graph = {"1": node("PrimitiveString", value="a fox"), **PAID}
    graph["10"] = {**PAID["10"], "inputs": {**PAID["10"]["inputs"], "prompt": ["1", 0]}}
    assert why(graphrun, write(graph), "10") == [
        f'{DRAW} is not in the cache: input prompt is linked to 1 "String" (PrimitiveString); '
        "in the nearest earlier result it was not",
        "also: input prompt is not set; the nearest earlier result had 'a fox'",
    ]


def test_why_of_what_is_not_part_of_the_plan_is_a_wrong_call(graphrun: Graphrun, paid: Path) -> None:
    """No such node, or one that no output needs."""
    assert graphrun("cache", "why", paid, "nix").code == 2
    said = graphrun("cache", "why", paid, "9", "--target", "10")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: 9 (SaveImage) is no part of what would run\n"


def test_why_of_a_node_that_always_runs(graphrun: Graphrun, write: Write, strangers: None) -> None:
    """It is never kept, and neither are its readers."""
    graph: Graph = {"1": node("Dice"), "2": node("Choose", what=["1", 0])}
    path = write(graph)
    assert why(graphrun, path, "1") == ["1 (Dice) always runs: its class says so"]
    assert why(graphrun, path, "2") == ["2 (Choose) always runs: it reads 1 (Dice), which always runs"]


def test_why_asks_about_the_models_that_a_run_would_ask(graphrun: Graphrun, write: Write) -> None:
    """A result made with mapped models is one of its own."""
    path = write({"10": node("OpenAIDalle3", prompt="a fox"), "9": node("PreviewImage", images=["10", 0])})
    assert graphrun("run", path, *OFFLINE, "--map-models").code == 0
    assert "is in the cache" in graphrun("cache", "why", path, "10", *OFFLINE, "--map-models").out
    assert "is not in the cache" in graphrun("cache", "why", path, "10", *OFFLINE).out
