"""``graphrun run``, read as the person who typed it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from callers import LOCAL_MODELS, NEEDS_LOCAL_MODELS, PAID, PICTURES, TEXT, Graph, Graphrun, Write, node

from graphrun.testing import FaultyImages


def test_prints_the_paths_of_the_files_one_a_line(graphrun: Graphrun, write: Write, here: Path) -> None:
    """stdout is made for the next program: paths, and nothing else."""
    said = graphrun("run", write(PICTURES))
    paths = said.out.splitlines()
    assert said.code == 0
    assert [Path(path).name for path in paths] == [
        "fox_00001_.png",
        "fox_00002_.png",
        "dog_00001_.png",
        "dog_00002_.png",
    ]
    assert all((here / path).is_file() for path in paths)


def test_progress_goes_to_stderr_a_line_per_node(graphrun: Graphrun, write: Write) -> None:
    """Each node that ended is named as its author named it; the last line sums up."""
    said = graphrun("run", write(TEXT))
    lines = said.err.splitlines()
    assert lines[0] == "2 nodes planned"
    assert lines[1].startswith('1 "String" (PrimitiveString): done in ')
    assert lines[2].startswith('2 "Show it" (PreviewAny): done in ')
    assert lines[4].startswith("2 ran in ")
    assert said.out == ""


def test_the_texts_that_nodes_show_are_told_before_the_sum(graphrun: Graphrun, write: Write) -> None:
    """They may be all a run is for; from the cache too. A program has them in --json, and cron is left alone."""
    path = write(TEXT)
    for _ in range(2):
        assert graphrun("run", path).err.splitlines()[-2] == '2 "Show it" (PreviewAny): a red fox'
    assert graphrun("run", path, "--quiet").err == ""


def test_a_shown_text_cannot_pass_for_a_line_of_ours(graphrun: Graphrun, write: Write) -> None:
    """Further lines are indented, and what would steer the terminal is escaped."""
    said = graphrun("run", write({"1": node("PreviewAny", "A\nB", source="one\nerror: two\x1b[31m")}))
    assert '1 "A B" (PreviewAny): one\n    error: two\\x1b[31m\n' in said.err


def test_a_long_text_is_cut(graphrun: Graphrun, write: Write) -> None:
    """2,000 characters are shown, and where the rest is."""
    err = graphrun("run", write({"1": node("PreviewAny", source="x" * 2001)})).err
    assert f"(PreviewAny): {'x' * 2000}…\n    (2,001 characters; --json has all of it)\n" in err
    assert "…" not in graphrun("run", write({"1": node("PreviewAny", source="x" * 2000)})).err


def test_quiet_says_nothing_when_all_is_well(graphrun: Graphrun, write: Write) -> None:
    """Cron sends no mail."""
    said = graphrun("run", write(TEXT), "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")


def test_json_is_one_object_and_nothing_else(graphrun: Graphrun, write: Write) -> None:
    """A program reads the whole of stdout."""
    said = graphrun("run", write(TEXT), "--json", "--set", "2.source=hello")
    result = json.loads(said.out)
    assert result["ok"] is True
    assert result["nodes"]["2"]["ui"] == {"text": ["hello"]}


@pytest.mark.parametrize("broken", [{}, TEXT, {"1": node("PreviewAny")}])
def test_json_is_there_also_when_nothing_ran(graphrun: Graphrun, write: Write, broken: Graph) -> None:
    """The same fields as ever, with the problems; the sentences are on stderr as without --json."""
    said = graphrun("run", write(broken), "--json", "--set", "2.sauce=1")
    result = json.loads(said.out)
    assert said.code == 2
    assert (result["ok"], result["artifacts"], bool(result["problems"])) == (False, [], True)
    assert said.err.startswith("error: ")


def test_events_are_written_one_object_a_line(graphrun: Graphrun, write: Write, here: Path) -> None:
    """The whole story of the run, from its plan to its end."""
    graphrun("run", write(TEXT), "--events", "events.ndjson", "--quiet")
    told = [json.loads(line)["event"] for line in (here / "events.ndjson").read_text().splitlines()]
    assert told == ["RunStarted", "NodeStarted", "NodeFinished", "NodeStarted", "NodeFinished", "RunFinished"]


def test_an_event_file_that_cannot_be_made_stops_the_call(graphrun: Graphrun, write: Write) -> None:
    """Nothing has run by then, and nothing was paid."""
    said = graphrun("run", write(TEXT), "--events", "nowhere/events.ndjson")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: --events nowhere/events.ndjson: can't be written: No such file or directory\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_for_events_does_not_end_the_run(graphrun: Graphrun, write: Write) -> None:
    """One warning, and all pictures."""
    said = graphrun("run", write(TEXT), "--events", "/dev/full")
    assert said.code == 0
    assert said.err.count("warning: ") == 1
    assert "warning: the event file /dev/full can't be written any more (No space left on device)" in said.err
    assert "2 ran in " in said.err


def test_inputs_are_set_by_id_title_or_class(graphrun: Graphrun, write: Write) -> None:
    """A value may hold = and reads as text; dots belong to it too."""
    said = graphrun("run", write(TEXT), "--json", "--set", "PrimitiveString.value=a=b.c=d")
    assert json.loads(said.out)["nodes"]["2"]["ui"] == {"text": ["a=b.c=d"]}


def test_a_file_is_bound_from_anywhere(graphrun: Graphrun, write: Write, here: Path) -> None:
    """--file is the user's own hand: it may point outside the input folder."""
    graphrun("run", write(PICTURES), "--target", "2", "--output-dir", "elsewhere")
    (here / "empty").mkdir()
    load: Graph = {"1": node("LoadImage", image="missing.png"), "2": node("PreviewImage", images=["1", 0])}
    path = write(load)
    refused = graphrun("run", path, "--input-dir", "empty")
    assert refused.code == 2
    assert "missing.png" in refused.err
    bound = graphrun("run", path, "--input-dir", "empty", "--file", "1.image=elsewhere/fox_00001_.png")
    assert (bound.code, len(bound.out.splitlines())) == (0, 1)


def test_only_the_target_and_what_it_needs_runs(graphrun: Graphrun, write: Write) -> None:
    """--target names an output by id, title or class."""
    said = graphrun("run", write(PICTURES), "--target", "3")
    assert [Path(path).name for path in said.out.splitlines()] == ["dog_00001_.png", "dog_00002_.png"]


def test_drawn_seeds_are_told(graphrun: Graphrun, write: Write) -> None:
    """A picture that came out well can be made again."""
    said = graphrun("run", write(PAID), "--provider", "offline", "--seed", "random")
    [line] = [line for line in said.err.splitlines() if line.startswith("seeds of this run: ")]
    assert line.removeprefix("seeds of this run: 10.seed=").isdecimal()
    assert said.code == 0


def test_a_failure_is_told_with_its_cause_and_the_rest_goes_on(
    graphrun: Graphrun, write: Write, strangers: None
) -> None:
    """The paths of what was made are still printed; the exit code says that something failed."""
    graph = {**PICTURES, "7": node("Divide", "The bad one"), "8": node("PreviewAny", source=["7", 0])}
    said = graphrun("run", write(graph))
    assert said.code == 1
    assert len(said.out.splitlines()) == 4
    assert '\n8 "Preview as Text" (PreviewAny): skipped, as it needs 7 "The bad one" (Divide)\n' in said.err
    error, hint, summary = said.err.splitlines()[-3:]
    assert error == 'error: 7 "The bad one" (Divide): ZeroDivisionError: float division by zero'
    assert hint == "--debug shows where it happened"
    assert summary.startswith("3 ran, 1 failed, 1 skipped in ")


def test_debug_shows_where_a_node_failed(graphrun: Graphrun, write: Write, strangers: None) -> None:
    """Tracebacks are for those who ask."""
    said = graphrun("run", write({"7": node("Divide")}), "--debug")
    assert "Traceback (most recent call last)" in said.err
    assert "return 1 / by" in said.err
    assert "Traceback" not in graphrun("run", write({"7": node("Divide")})).err


def test_what_nodes_print_stays_out_of_the_results(graphrun: Graphrun, write: Write, strangers: None) -> None:
    """Strangers print; the next program in the pipe still gets paths only."""
    said = graphrun("run", write({"1": node("Print", text="I am here")}), "--json")
    assert json.loads(said.out)["ok"] is True
    assert "I am here\n" in said.err


def test_an_output_that_needs_local_models_is_told_in_one_sentence(graphrun: Graphrun, write: Write) -> None:
    """What can run runs; the reason for the rest comes before anything starts; the exit code is 1."""
    said = graphrun("run", write({**TEXT, **LOCAL_MODELS}))
    assert said.code == 1
    assert said.err.splitlines()[0] == NEEDS_LOCAL_MODELS
    assert "2 ran, 1 output could not run in " in said.err


def test_strict_runs_nothing_if_an_output_cannot_run(graphrun: Graphrun, write: Write, here: Path) -> None:
    """All or nothing, by the user's choice."""
    graph = {**PICTURES, "9": node("SaveImage", images=["5", 0], filename_prefix="x")}
    said = graphrun("run", write(graph), "--strict")
    assert (said.code, said.out) == (2, "")
    assert "9" in said.err
    assert not (here / "output").exists()


def test_a_missing_image_service_is_told_once_with_the_remedy(graphrun: Graphrun, write: Write) -> None:
    """Two paid nodes, one sentence; nothing ran, so 2."""
    graph = {**PAID, "11": PAID["10"], "12": node("PreviewImage", images=["11", 0])}
    said = graphrun("run", write(graph))
    assert said.code == 2
    [line] = said.err.splitlines()
    assert line.startswith(
        'error: 10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1), '
        '11 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1): '
    )
    assert "OPENAI_API_KEY" in line
    assert "--provider offline" in line


def test_a_fault_of_our_own_is_one_sentence(
    graphrun: Graphrun, write: Write, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack that breaks in a way nobody thought of: no traceback, but the way to one; exit code 1."""
    (here / "evil-1.0.dist-info").mkdir()
    (here / "evil-1.0.dist-info" / "entry_points.txt").write_text("[graphrun.nodes]\nevil = evil:pack\n")
    (here / "evil-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (here / "evil.py").write_text(
        "from graphrun import NodePack\n"
        "class Evil(NodePack):\n"
        "    def __iter__(self): raise LookupError('on purpose')\n"
        "pack = Evil('evil')\n"
    )
    monkeypatch.syspath_prepend(str(here))
    said = graphrun("run", write(TEXT))
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "error: unexpected LookupError: on purpose. "
        "This is a fault in graphrun or in a node pack; --debug shows where it happened\n"
    )
    assert "Traceback" in graphrun("run", write(TEXT), "--debug").err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--set", "1value"], "--set '1value': write NODE.INPUT=VALUE, for example --set '10.prompt=a red fox'"),
        (["--set", "prompt=x"], "--set 'prompt=x': write NODE.INPUT=VALUE, for example --set '10.prompt=a red fox'"),
        (["--set", "3.value=x"], "'3.value': no node is called '3'"),
        (["--set", "1.valeu=x"], "valeu: PrimitiveString has no such input; did you mean 'value'?"),
        (["--file", "1.value"], "--file '1.value': write NODE.INPUT=VALUE, for example --file 3.image=photo.png"),
        (["--file", "1.value=nix.png"], "1.value=nix.png: there is no such file"),
        (["--file", "1.value=."], "1.value=.: is a folder, not a file"),
        (["--seed", "sometimes"], "--seed 'sometimes': use keep, random or a whole number"),
        (["--target", "Show id"], "no node is called 'Show id'; did you mean 'Show it'?"),
        (["--provider", "ofline"], "no image service is called 'ofline'; did you mean 'offline'?"),
        (["--input-dir", "nix"], "--input-dir nix: there is no such folder"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(
    graphrun: Graphrun, write: Write, arguments: list[str], complaint: str
) -> None:
    """Each names the word that is wrong and what would be right."""
    said = graphrun("run", write(TEXT), *arguments)
    assert (said.code, said.out) == (2, "")
    [line] = said.err.splitlines()
    assert complaint in line


def test_a_setting_that_makes_no_sense_is_named(
    graphrun: Graphrun, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, its value, and what it should be."""
    monkeypatch.setenv("GRAPHRUN_THREADS", "many")
    said = graphrun("run", write(TEXT))
    assert said.code == 2
    assert said.err.startswith("error: GRAPHRUN_THREADS=many: Input should be a valid integer")


def test_a_file_that_is_no_workflow_is_told_in_one_sentence(graphrun: Graphrun, here: Path) -> None:
    """Missing, or something else: nothing ran."""
    (here / "text.json").write_text("[1, 2")
    for name in ("text.json", "missing.json"):
        said = graphrun("run", name)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: ")
        assert name in said.err
        assert "Traceback" not in said.err


def test_problems_tell_their_line_in_a_yaml_file(graphrun: Graphrun, here: Path) -> None:
    """Hand-written files have lines worth naming."""
    (here / "fox.yaml").write_text("show:\n  class_type: PreviewImage\n  inputs:\n    images: 5\n")
    said = graphrun("run", "fox.yaml")
    assert said.code == 2
    assert said.err.startswith('error: fox.yaml:4:5: show "Preview Image" (PreviewImage): images: ')


def test_a_cap_refuses_the_rest_and_is_exit_code_3(
    graphrun: Graphrun, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The amounts and the flag are told; what is finished is there, and the same call again buys the rest."""
    graph = {
        **PAID,
        "11": {**PAID["10"], "inputs": {**PAID["10"]["inputs"], "seed": 2}},
        "12": node("PreviewImage", images=["11", 0]),
    }
    path = write(graph)
    with FaultyImages() as service:
        monkeypatch.setenv("OPENAI_BASE_URL", service.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        refused = graphrun("run", path, "--max-images", "1")
        assert (refused.code, len(refused.out.splitlines()), len(service.requests)) == (3, 1, 1)
        assert "--max-images 2 would allow it" in refused.err
        assert graphrun("run", path, "--max-images", "1").code == 0
        assert len(service.requests) == 2
    assert "cost in all: 0.0118 USD by the prices of" in refused.err
    assert refused.err.splitlines()[-1].endswith(", 0.0059 USD")


@pytest.mark.parametrize("option", ["--max-cost", "--max-images"])
def test_a_cap_that_is_no_amount_is_a_wrong_call(graphrun: Graphrun, write: Write, option: str) -> None:
    """Nothing runs."""
    said = graphrun("run", write(PAID), "--provider", "offline", option, "much")
    assert said.code == 2
    assert said.err.startswith(f"error: {option} 'much': write ")
