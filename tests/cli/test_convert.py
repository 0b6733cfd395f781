"""``graphrun convert``: any form in, API JSON or YAML out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from callers import PICTURES, TEXT, Graph, Graphrun, Write, node
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from graphrun import load
from graphrun.kernel.workflow import Workflow

EDITOR: dict[str, Any] = {
    "version": 0.4,
    "nodes": [
        {"id": 1, "type": "EmptyImage", "inputs": [], "widgets_values": [8, 4, 1, 255], "mode": 0,
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
         "outputs": [], "widgets_values": ["fox"], "mode": 0},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}  # fmt: skip
AS_API = {
    "1": {"inputs": {"width": 8, "height": 4, "batch_size": 1, "color": 255}, "class_type": "EmptyImage"},
    "2": {"inputs": {"filename_prefix": "fox", "images": ["1", 0]}, "class_type": "SaveImage"},
}
UNKNOWN = {"id": 3, "type": "Strange", "inputs": [], "outputs": [], "widgets_values": [1, "x"], "mode": 0}
DEFINITION = {"input": {"required": {"count": ["INT", {}], "name": ["STRING", {}]}}, "output": [], "name": "Strange"}


@pytest.fixture
def editor_file(here: Path) -> Path:
    """A file of the editor, saved."""
    path = here / "editor.json"
    path.write_text(json.dumps(EDITOR))
    return path


@pytest.fixture
def strange_file(here: Path) -> Path:
    """A file of the editor with a class nobody knows."""
    path = here / "strange.json"
    path.write_text(json.dumps({**EDITOR, "nodes": [*EDITOR["nodes"], UNKNOWN]}))
    return path


def untitled(text: str) -> Graph:
    """Return API nodes without their titles, which the editor's own names became."""
    return {node_id: {key: each[key] for key in ("inputs", "class_type")} for node_id, each in json.loads(text).items()}


def test_an_editor_file_becomes_what_comfyui_runs(graphrun: Graphrun, editor_file: Path) -> None:
    """Values by name, links by id, on standard output."""
    said = graphrun("convert", editor_file)
    assert (said.code, said.err) == (0, "")
    assert untitled(said.out) == AS_API


def test_api_json_is_written_as_comfyui_writes_it(graphrun: Graphrun, write: Write) -> None:
    """In the order of the file, titles in ``_meta``, text as it is, not as escapes."""
    said = graphrun("convert", write({"b": node("PreviewAny", "Zeig's: é", source="漢"), "a": node("X")}))
    assert (
        said.out
        == """\
{
  "b": {
    "inputs": {
      "source": "漢"
    },
    "class_type": "PreviewAny",
    "_meta": {
      "title": "Zeig's: é"
    }
  },
  "a": {
    "inputs": {},
    "class_type": "X"
  }
}
"""
    )


@pytest.mark.parametrize("graph", [TEXT, PICTURES])
def test_there_and_back_is_the_same_file(graphrun: Graphrun, write: Write, here: Path, graph: Graph) -> None:
    """API → YAML → API; outputs are named on the way, and numbered again."""
    path = write(graph)
    assert graphrun("convert", path, "-o", "there.yaml").code == 0
    assert graphrun("convert", "there.yaml", "-o", "back.json").code == 0
    assert json.loads((here / "back.json").read_text()) == json.loads(graphrun("convert", path).out)


def test_the_yaml_runs_as_the_original_does(graphrun: Graphrun, write: Write) -> None:
    """The same results, so the second run takes them from the cache."""
    path = write(PICTURES)
    graphrun("convert", path, "-o", "same.yaml")
    graphrun("run", path)
    assert graphrun("run", "same.yaml").err.splitlines()[-1].startswith("all from the cache")


def test_a_picture_gives_its_workflow(graphrun: Graphrun, here: Path) -> None:
    """The graph that made it, or the editor's document."""
    chunks = PngInfo()
    chunks.add_text("workflow", json.dumps(EDITOR))
    wider = {**AS_API, "1": node("EmptyImage", width=9, height=4, batch_size=1, color=255)}
    chunks.add_text("prompt", json.dumps(wider))
    Image.new("RGB", (8, 8)).save(here / "made.png", pnginfo=chunks)
    widths = {}
    for carried in ("workflow", "prompt"):
        said = graphrun("convert", "made.png", "--carried", carried)
        assert said.code == 0
        assert "prompt and workflow aren't the same" in said.err
        widths[carried] = json.loads(said.out)["1"]["inputs"]["width"]
    assert widths == {"workflow": 8, "prompt": 9}


def test_standard_input_is_a_file_too(program: Callable[..., subprocess.Popen[str]]) -> None:
    """As in a pipe after curl."""
    with program("convert", "-", "--to", "yaml") as process:
        out, err = process.communicate(json.dumps(TEXT))
    assert (process.returncode, err) == (0, "")
    assert "    source: $1.STRING\n" in out


def test_output_is_utf_8_whatever_the_terminal_speaks(program: Callable[..., subprocess.Popen[str]]) -> None:
    """An escape of Python's would be no JSON."""
    graph = {"1": node("PreviewAny", source="é漢")}
    for to in ("api", "yaml"):
        with program("convert", "-", "--to", to, env={"PYTHONIOENCODING": "latin-1"}) as process:
            assert process.stdout is not None
            out, _ = process.communicate(json.dumps(graph))
        assert "é漢" in out


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ((), "api"),
        (("-o", "x.yaml"), "yaml"),
        (("-o", "x.YML"), "yaml"),
        (("-o", "x.json"), "api"),
        (("-o", "x"), "api"),
        (("-o", "x.yaml", "--to", "api"), "api"),
        (("--to", "yaml"), "yaml"),
    ],
)
def test_the_name_of_the_output_says_its_form(
    graphrun: Graphrun, write: Write, here: Path, arguments: tuple[str, ...], form: str
) -> None:
    """Unless --to says another."""
    said = graphrun("convert", write(TEXT), *arguments)
    text = (here / arguments[1]).read_text() if "-o" in arguments else said.out
    assert said.code == 0
    assert text.startswith("{" if form == "api" else "# Converted by graphrun from workflow.json.\n")
    assert bool(said.out) == ("-o" not in arguments)


def test_what_cannot_be_named_is_left_out_and_told(graphrun: Graphrun, strange_file: Path) -> None:
    """Everything certain is written; the exit code says that it is not all."""
    for to in ("api", "yaml"):
        said = graphrun("convert", strange_file, "--to", to, "-o", f"out.{to}")
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            "warning: 3 (Strange): its saved values can't be named without a definition of the class: 1, 'x'\n"
        )
        assert load(f"out.{to}").nodes["3"].inputs == {}
    assert "# its saved values can't be named" in Path("out.yaml").read_text()


def test_definitions_name_what_is_not_installed(graphrun: Graphrun, strange_file: Path, here: Path) -> None:
    """An /object_info dump, or one class of it."""
    (here / "info.json").write_text(json.dumps({"Strange": DEFINITION}))
    said = graphrun("convert", strange_file, "--definitions", "info.json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["3"]["inputs"] == {"count": 1, "name": "x"}


def test_a_value_that_is_none_in_the_other_form_is_left_out(graphrun: Graphrun, here: Path) -> None:
    """A list that JSON can't have for a link would be one in YAML; NaN is nothing in either."""
    (here / "odd.json").write_text('{"1": {"class_type": "C", "inputs": {"a": ["x", "y"], "b": NaN, "c": 1}}}')
    said = graphrun("convert", "odd.json", "--to", "yaml")
    assert said.code == 1
    assert [line.split(": ")[:3] for line in said.err.splitlines()] == [
        ["warning", "1 (C)", "a"],
        ["warning", "1 (C)", "b"],
    ]
    assert "    c: 1\n" in said.out
    assert "\n    a:" not in said.out


def test_an_output_by_a_name_nobody_knows_is_left_out(graphrun: Graphrun, here: Path) -> None:
    """The API format has numbers only, and guessing one might run another thing."""
    (here / "named.yaml").write_text(
        "a: {class_type: Strange}\nb: {class_type: PreviewAny, inputs: {source: $a.PART}}\n"
    )
    said = graphrun("convert", "named.yaml")
    assert (said.code, json.loads(said.out)["b"]["inputs"]) == (1, {})
    assert "source: links to output 'PART' of a (Strange), and which number that has is not known" in said.err
    assert graphrun("convert", "named.yaml", "--to", "yaml").code == 0


def test_a_file_with_nothing_to_write_is_refused(graphrun: Graphrun, here: Path) -> None:
    """No workflow, no file."""
    (here / "none.json").write_text('{"templates": []}')
    said = graphrun("convert", "none.json", "-o", "out.json")
    assert (said.code, said.out) == (2, "")
    assert "these are node templates" in said.err
    assert not (here / "out.json").exists()


def test_what_the_form_cannot_say_is_told(graphrun: Graphrun, here: Path) -> None:
    """The outputs a file asks for, in JSON; ids that are notes, in YAML. Nothing of the graph is lost."""
    (here / "some.yaml").write_text(
        "version: 1\noutputs: [a]\nnodes: {a: {class_type: PreviewAny, inputs: {source: x}}}\n"
    )
    said = graphrun("convert", "some.yaml")
    assert said.code == 0
    assert said.err.startswith("warning: the file asks for a (PreviewAny) only, which the API format can't say")
    (here / "noted.json").write_text(json.dumps({"_1": node("PreviewAny", source="x")}))
    said = graphrun("convert", "noted.json", "--to", "yaml")
    assert said.code == 0
    assert said.err == "warning: _1 (PreviewAny) is called 1 in the YAML, where keys that start with _ are notes\n"


def test_the_file_that_is_read_is_never_written(graphrun: Graphrun, write: Write, here: Path) -> None:
    """Nor through another name for it."""
    path = write(TEXT)
    (here / "link.json").symlink_to(path)
    before = path.read_bytes()
    for output in (path, "./workflow.json", "link.json"):
        said = graphrun("convert", path, "-o", output)
        assert (said.code, said.out) == (2, "")
        assert "is the file that is read; choose another name" in said.err
    assert path.read_bytes() == before


def test_another_file_is_replaced_as_cp_does(graphrun: Graphrun, write: Write, here: Path) -> None:
    """Through links, keeping its mode, and leaving nothing beside it."""
    target = here / "old.yaml"
    target.write_text("old")
    target.chmod(0o640)
    (here / "link.yaml").symlink_to(target)
    assert graphrun("convert", write(TEXT), "-o", "link.yaml").code == 0
    assert load(target).nodes.keys() == TEXT.keys()
    assert target.stat().st_mode & 0o777 == 0o640
    assert (here / "link.yaml").is_symlink()
    assert sorted(path.name for path in here.iterdir()) == ["link.yaml", "old.yaml", "workflow.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "nowhere/x.json"), "--output nowhere/x.json: can't be written: No such file or directory"),
        (("-o", "."), "--output .: can't be written: Is a directory"),
        (("--to", "yml"), "--to: 'yml' is not one of api, yaml; did you mean 'yaml'?"),
        (("--carried", "work"), "--carried"),
    ],
)
def test_a_wrong_call_is_told_in_a_sentence(
    graphrun: Graphrun, write: Write, arguments: tuple[str, ...], message: str
) -> None:
    """And writes nothing."""
    said = graphrun("convert", write(TEXT), *arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_file_too_large_for_yaml_is_refused_as_yaml_only(graphrun: Graphrun, write: Write) -> None:
    """YAML is read with tighter limits, so it is not written past them."""
    deep: Any = 1
    for _ in range(63):
        deep = {"x": deep}
    path = write({"1": node("C", x=deep)})
    said = graphrun("convert", path, "--to", "yaml")
    assert (said.code, said.out) == (2, "")
    assert "can't be written as YAML, use API JSON" in said.err
    assert graphrun("convert", path).code == 0


@pytest.mark.corpus
def test_every_real_file_converts_both_ways(graphrun: Graphrun, corpus: Path, here: Path) -> None:
    """The YAML of a file is the same workflow as its API JSON, title for title and value for value."""
    paths = [*corpus.glob("core-only/*.json"), *corpus.glob("openai-*/*.json"), *corpus.glob("embedded-media/*.[wm]*")]
    assert len(paths) > 20
    for path in paths:
        assert graphrun("convert", path, "-o", "out.json").code in (0, 1), path.name
        assert graphrun("convert", path, "-o", "out.yaml").code in (0, 1), path.name
        assert graphrun("convert", "out.yaml", "-o", "again.json").code in (0, 1), path.name
        assert texts(load("again.json")) == texts(load("out.json")), path.name


def texts(workflow: Workflow) -> dict[str, Any]:
    """Return all there is in a workflow; numbers as text, which YAML must have where text is wanted."""
    return {
        node_id: (each.class_type, each.title, {name: str(value) for name, value in each.inputs.items()})
        for node_id, each in workflow.nodes.items()
    }
