"""What kind of file is it: every envelope a workflow comes in, and a clear word about what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphrun.errors import FileFormatError
from graphrun.formats import load
from graphrun.kernel.workflow import Node

GRAPH: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "9": {"class_type": "SaveImage", "inputs": {}},
}
NODES = {"1": Node("LoadImage", {"image": "a.png"}), "9": Node("SaveImage", {})}
EDITOR = {"nodes": [], "links": [], "version": 0.4}
DRAWN = {"nodes": [{"id": 1, "type": "Drawn"}], "links": [], "version": 0.4}
CORPUS = Path(__file__).parents[3] / "shared/data/workflows"


def as_bytes(document: object) -> bytes:
    return json.dumps(document).encode()


def refusal(content: bytes) -> tuple[str, str]:
    """Return the type and the text of the one problem these bytes are refused for."""
    with pytest.raises(FileFormatError) as caught:
        load(content)
    (problem,) = caught.value.problems
    return problem.type, str(caught.value)


def test_a_file_is_read_by_content_not_by_name(tmp_path: Path) -> None:
    """Any path will do; the workflow remembers it."""
    path = tmp_path / "workflow.txt"
    path.write_bytes(as_bytes(GRAPH))
    for source in (path, str(path)):
        workflow = load(source)
        assert workflow.nodes == NODES
        assert workflow.path == path
    assert load(GRAPH).nodes == load(as_bytes(GRAPH)).nodes == NODES
    assert load(GRAPH).path is None
    assert not load(GRAPH).quoted_text


def test_a_request_body_brings_targets_and_the_editors_document() -> None:
    """Of ``extra_data`` only ``extra_pnginfo`` is kept: account tokens stand beside it."""
    body = {
        "prompt": GRAPH,
        "client_id": "c",
        "extra_data": {
            "extra_pnginfo": {"workflow": EDITOR},
            "auth_token_comfy_org": "secret",
            "api_key_comfy_org": "s",
        },
        "partial_execution_targets": [9],
    }
    workflow = load(as_bytes(body))
    assert workflow.nodes == NODES
    assert workflow.targets == ("9",)
    assert workflow.pnginfo == {"workflow": EDITOR}
    assert "secret" not in repr(workflow)


def test_a_body_without_companions_is_enough() -> None:
    """``{"prompt": …}`` runs every output; a document beside the prompt is the editor's."""
    assert load({"prompt": GRAPH}).targets == ()
    assert load({"prompt": GRAPH, "partial_execution_targets": None}).targets == ()
    assert load({"prompt": GRAPH, "workflow": EDITOR}).pnginfo == {"workflow": EDITOR}


@pytest.mark.parametrize("targets", [[], {}, [None], [True], 1.5])
def test_targets_that_say_nothing_are_refused(targets: object) -> None:
    """Running every output instead of none could cost money."""
    assert refusal(as_bytes({"prompt": GRAPH, "partial_execution_targets": targets}))[0] == "prompt_no_outputs"


def test_not_a_number_in_the_editors_document_becomes_null() -> None:
    """It goes into saved pictures, where bare NaN would be invalid JSON."""
    graph = b'{"1": {"class_type": "C"}}'
    text = b'{"prompt": %b, "extra_data": {"extra_pnginfo": {"workflow": {"x": [NaN, -Infinity]}}}}' % graph
    assert load(text).pnginfo == {"workflow": {"x": [None, None]}}


def test_the_clients_own_result_is_read() -> None:
    """``{output, workflow}`` is what the editor holds in memory."""
    workflow = load({"output": GRAPH, "workflow": EDITOR})
    assert (workflow.nodes, workflow.pnginfo) == (NODES, {"workflow": EDITOR})


def test_queue_and_history_items_are_read() -> None:
    """``[number, id, graph, extra_data, outputs]``, alone or as a history entry's ``prompt``."""
    item = [3, "7d3a", GRAPH, {"extra_pnginfo": {"workflow": EDITOR}, "client_id": "c"}, ["9"]]
    for document in (item, {"prompt": item, "outputs": {}, "status": {}}):
        workflow = load(as_bytes(document))
        assert (workflow.nodes, workflow.targets, workflow.pnginfo) == (NODES, ("9",), {"workflow": EDITOR})
    assert load(as_bytes(item[:3])).nodes == NODES


def test_double_encoded_json_is_decoded_at_most_twice() -> None:
    """A JSON string that holds JSON is opened, and once more, but not for ever."""
    text = json.dumps(GRAPH)
    for _ in range(2):
        text = json.dumps(text)
        assert load(text.encode()).nodes == NODES
    assert refusal(json.dumps(text).encode())[0] == "unknown_format"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_byte_order_marks_are_accepted(encoding: str) -> None:
    """Editors on Windows write them; PowerShell writes UTF-16."""
    assert load(json.dumps(GRAPH).encode(encoding)).nodes == NODES


def test_companions_beside_the_nodes_are_ignored_with_a_warning() -> None:
    """Comments and request keys are found among the nodes of real files."""
    workflow = load({**GRAPH, "_comment": "mine", "client_id": "c", "extra_data": {}, "version": 1, "extra": {}})
    assert workflow.nodes == NODES
    assert len(workflow.warnings) == 5
    assert "'_comment'" in workflow.warnings[0]


def test_a_node_may_have_any_id() -> None:
    """What names its class is a node, whatever its key."""
    for node_id in ("_x", "extra", "nodes", "prompt", "templates", "workflow"):
        assert list(load({node_id: GRAPH["1"]}).nodes) == [node_id]


@pytest.mark.parametrize(
    "document",
    [
        DRAWN,
        {**DRAWN, "extra": {"prompt": GRAPH}},
        {"prompt": DRAWN},
        {"workflow": DRAWN},
    ],
)
def test_the_editors_format_is_read_in_any_envelope(document: object) -> None:
    """An API graph inside ``extra`` belongs to some other run and is never taken instead."""
    assert [node.class_type for node in load(as_bytes(document)).nodes.values()] == ["Drawn"]


@pytest.mark.parametrize(
    ("document", "type"),
    [
        ({"templates": []}, "node_templates"),
        ({"error": {}, "node_errors": {}}, "error_reply"),
        ({"KSampler": {"input": {}, "output": []}}, "node_definitions"),
        ({}, "unknown_format"),
        ([], "unknown_format"),
        (None, "unknown_format"),
        (3, "unknown_format"),
        ({"a": 1}, "unknown_format"),
        ({"nodes": {}}, "unknown_format"),
    ],
)
def test_other_json_is_told_apart(document: object, type: str) -> None:
    """What is no workflow is named where it can be."""
    assert refusal(as_bytes(document))[0] == type


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"", "empty_file"),
        (b" \n\t\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"# only a comment\n", "empty_file"),
        (b"<!DOCTYPE html><html>404</html>", "html_page"),
        (b"\n<HTML>", "html_page"),
        (b"<?xml version='1.0'?><Error/>", "xml_document"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "lfs_pointer"),
        (b"a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Seed: 1", "a1111_parameters"),
        (b"just some words", "unknown_format"),
        (b'"just some words"', "not_json"),
        (b'{"1":\n {"class_type": "\xe9"}}', "not_text"),
    ],
)
def test_texts_mistaken_for_workflows_are_named(content: bytes, type: str) -> None:
    """Downloads that went wrong are told for what they are."""
    assert refusal(content)[0] == type


def test_a_byte_that_is_no_text_is_located() -> None:
    """Line and column of the byte, and what to do."""
    assert "workflow:2:18" in refusal(b'{"1":\n {"class_type": "\xe9"}}')[1]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"\0\0\0\x1cftypavif", "an AVIF picture"),
        (b"GIF89a", "a GIF picture"),
        (b"\0\0\0\x20ftypisom", "an MP4 film"),
        (b"ID3\x04", "an MP3 sound file"),
        (b"\xff\xfb\x90", "an MP3 sound file"),
        (b"fLaC\0", "a FLAC sound file"),
        (b"OggS", "an Ogg sound file"),
        (b"\x1a\x45\xdf\xa3", "a WebM film"),
        (b"<svg xmlns='x'></svg>", "an SVG picture"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg>", "an SVG picture"),
        (b"glTF\x02\0\0\0", "a GLB model"),
        (b'\x40\0\0\0\0\0\0\0{"__metadata__"', "a safetensors file"),
    ],
)
def test_media_are_recognised_by_signature(content: bytes, kind: str) -> None:
    """Such a file carries a workflow or is refused; it is never read as text."""
    type, text = refusal(content)
    assert type == "no_embedded_workflow"
    assert kind in text
    assert "use the original file" in text


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """A typing error is one word away from its cure."""
    (tmp_path / "inpaint.json").write_bytes(as_bytes(GRAPH))
    with pytest.raises(FileFormatError, match=r"did you mean 'inpaint\.json'") as caught:
        load(tmp_path / "inpiant.json")
    assert caught.value.problems[0].type == "file_not_found"
    assert caught.value.path == tmp_path / "inpiant.json"
    with pytest.raises(FileFormatError, match="there is no file"):
        load(tmp_path / "nowhere" / "x.json")


def test_what_can_not_be_read_is_refused(tmp_path: Path) -> None:
    """Folders and impossible names are files that can't be read, not crashes."""
    for path in (tmp_path, "a\0b", "x" * 5000):
        with pytest.raises(FileFormatError, match="can't be read"):
            load(path)


def test_text_in_place_of_a_file_name_is_explained() -> None:
    """A str is a path; a workflow's text goes in as bytes."""
    with pytest.raises(FileFormatError, match="as bytes"):
        load(json.dumps(GRAPH))


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('{"1": {"class_type": "C",}}', ":1:26", "comma before"),
        ('{\n"1": {"class_type": ', ":2:", "cut off"),
        ("{'1': 2}", ":1:2", "double quotes"),
        ('{"1": 2, // note\n}', ":1:10", "no comments"),
        ('{"1": 2}\n{"2": 3}', ":2:1", "more after the end"),
        ("{edit: {class_type: C}}", ":1:2", "for YAML, put ---"),
    ],
)
def test_json_errors_have_a_place_and_a_hint(text: str, place: str, hint: str) -> None:
    """The usual mistakes are named."""
    type, said = refusal(text.encode())
    assert type == "not_json"
    assert place in said
    assert hint in said


def test_a_file_called_json_is_read_as_json(tmp_path: Path) -> None:
    """So that a broken JSON file isn't reported as strange YAML."""
    path = tmp_path / "w.json"
    path.write_text('// exported\n{"1": {}}')
    with pytest.raises(FileFormatError, match="not JSON"):
        load(path)


DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"[" * DEEP, "too_deep"),
        (b'{"a":' * DEEP, "too_deep"),
        (b'{"1": {"class_type": "C", "inputs": {"x": ' + b"[" * 70 + b"]" * 70 + b"}}}", "too_deep"),
        (b'{"1": {"class_type": "C", "inputs": {"x": {"__value__": ' + b'{"a":' * 70 + b"1" + b"}" * 74, "too_deep"),
        (
            b'{"prompt": {"1": {"class_type": "C"}}, "workflow": {"nodes": [' + b"[" * 90 + b"]" * 90 + b"]}}",
            "bad_pnginfo",
        ),
        (b'{"1": {"class_type": "C", "inputs": {"x": ' + b"9" * 5000 + b"}}}", "number_too_long"),
        (b"{" + b" " * (32 << 20), "too_large"),
        (b"a: " + b"x" * (4 << 20), "too_large"),
    ],
    ids=["lists", "objects", "deep list", "deep object", "deep document", "long number", "large JSON", "large YAML"],
)
def test_hostile_files_get_one_clear_answer(content: bytes, type: str) -> None:
    """Depth, size and digits are bounded before they hurt."""
    assert refusal(content)[0] == type


def test_a_value_of_the_greatest_depth_loads() -> None:
    """64 levels of lists are still a value."""
    value: object = 1
    for _ in range(63):
        value = [value]
    inputs = {"x": {"__value__": value}}
    assert load(as_bytes({"1": {"class_type": "C", "inputs": inputs}})).nodes["1"].inputs["x"] == value


def test_a_long_chain_loads() -> None:
    """Nothing recurses along links."""
    graph = {str(i): {"class_type": "C", "inputs": {"x": [str(i - 1), 0]}} for i in range(50_000)}
    assert len(load(as_bytes(graph)).nodes) == 50_000


def test_a_value_that_contains_itself_is_refused() -> None:
    """A program can hand over what no file can hold."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(FileFormatError, match="levels deep"):
        load({"1": {"class_type": "C", "inputs": {"x": loop}}})
    with pytest.raises(FileFormatError, match="extra_pnginfo"):
        load({"prompt": GRAPH, "extra_data": {"extra_pnginfo": {"workflow": loop}}})


corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real files is not here")


@corpus
@pytest.mark.corpus
@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.api.json")), ids=lambda path: path.name)
def test_real_api_files_load(path: Path) -> None:
    """Every node of the file is there, every link is a link, nothing was misread."""
    workflow = load(path)
    graph = json.loads(path.read_bytes())
    assert list(workflow.nodes) == list(graph)
    assert not workflow.warnings
    for node_id, node in workflow.nodes.items():
        written = graph[node_id]["inputs"]
        assert dict(node.links) == {name: link for name, link in node.inputs.items() if isinstance(written[name], list)}


@corpus
@pytest.mark.corpus
@pytest.mark.parametrize(
    "path",
    [*CORPUS.rglob("*.ui.json"), *(CORPUS / "core-only").glob("*.json"), *(CORPUS / "openai-templates").glob("*.json")],
    ids=lambda path: path.name,
)
def test_real_editor_files_are_recognised(path: Path) -> None:
    """No editor file is taken for anything else, not even where it holds an API graph in ``extra``."""
    assert load(path).pnginfo == {"workflow": json.loads(path.read_text())}
