"""Files that carry their workflow: every container, the damage of real files, and what is said where none is found."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from made_carriers import (
    BOTH,
    EDITOR,
    GRAPH,
    MAKERS,
    NODES,
    PROMPT,
    WORKFLOW,
    Texts,
    avif,
    be,
    chunk,
    exif,
    jpeg,
    mp3,
    png,
    text,
    tiff,
    webp,
)
from PIL import Image

from graphrun.errors import FileFormatError
from graphrun.formats import load
from graphrun.formats.carriers import Embedded, gather
from graphrun.formats.media import media
from graphrun.imaging import insert_text
from graphrun.kernel.workflow import Node

makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def embedded(data: bytes) -> Embedded:
    kind = media(data)
    assert kind
    assert kind.read
    return gather(kind.read(data))


def values(data: bytes) -> tuple[object, object]:
    """Return the prompt and the workflow in a file, parsed."""
    found = embedded(data)
    prompt, workflow = (None if each is None else json.loads(each) for each in (found.prompt, found.workflow))
    return prompt, workflow


def refusal(source: bytes | Path) -> tuple[str, str]:
    with pytest.raises(FileFormatError) as caught:
        load(source)
    (problem,) = caught.value.problems
    return problem.type, str(caught.value)


@makers
def test_every_container_gives_both_texts(make: Callable[[Texts], bytes]) -> None:
    """Letters beyond ASCII included, raw or escaped."""
    for escaped in (False, True):
        texts = {
            "prompt": json.dumps(GRAPH, ensure_ascii=escaped),
            "workflow": json.dumps(EDITOR, ensure_ascii=escaped),
        }
        assert values(make(texts)) == (GRAPH, EDITOR)


@makers
def test_a_file_runs_what_made_it(make: Callable[[Texts], bytes], tmp_path: Path) -> None:
    """By its path and by its bytes; the editor's document goes along into saved pictures."""
    path = tmp_path / "picture"
    path.write_bytes(make(BOTH))
    for workflow in (load(path), load(make(BOTH))):
        assert (workflow.nodes, workflow.pnginfo, workflow.warnings) == (NODES, {"workflow": EDITOR}, ())


@makers
def test_a_prompt_alone_is_enough(make: Callable[[Texts], bytes]) -> None:
    """No document is made up for saved pictures."""
    workflow = load(make({"prompt": PROMPT}))
    assert (workflow.nodes, workflow.pnginfo, workflow.warnings) == (NODES, {}, ())


@makers
def test_a_file_without_texts_says_so(make: Callable[[Texts], bytes], tmp_path: Path) -> None:
    """The message names the file, its kind, the likely cause and the remedy."""
    path = tmp_path / "picture.bin"
    path.write_bytes(make({}))
    type, said = refusal(path)
    assert type == "no_embedded_workflow"
    assert "picture.bin: this is a" in said
    assert "re-saved by another program" in said
    assert "use the original" in said


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "AVIF", "PNG"])
def test_what_another_program_wrote_is_read(kind: str) -> None:
    """Pillow writes the containers; no part of them is ours but the tags."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = "workflow:" + json.dumps(EDITOR), "prompt:" + json.dumps(GRAPH)
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, kind, exif=tags)
    data = file.getvalue()
    if kind == "PNG":
        data = insert_text(data, {"prompt": json.dumps(GRAPH), "workflow": json.dumps(EDITOR)})
    assert values(data) == (GRAPH, EDITOR)


def test_wrong_checksums_do_not_matter() -> None:
    """Two in five real files have them."""
    stored = bytearray(png(text("prompt", PROMPT)))
    stored[stored.index(PROMPT[-8:].encode()) + 8] ^= 255
    assert values(bytes(stored)) == (GRAPH, None)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_of_either_encoding_are_read(encoding: str) -> None:
    """UTF-8 stands where the standard says Latin-1."""
    graph = {"1": {"class_type": "Größe", "inputs": {}}}
    body = b"prompt\0" + json.dumps(graph, ensure_ascii=False).encode(encoding)
    assert values(png(chunk(b"tEXt", body)))[0] == graph


def test_names_have_no_case_and_the_first_that_can_be_read_counts() -> None:
    """Some writers leave the older text in place."""
    other = json.dumps({"1": {"class_type": "Other"}})
    data = png(text("Prompt", "{broken"), text("PROMPT", PROMPT), text("prompt", other))
    assert embedded(data) == Embedded(PROMPT)


@pytest.mark.parametrize(
    "tags",
    [
        {0x010F: b"Prompt:%b", 0x010E: b"Workflow: %b"},
        {0x8298: b"workflow:%b", 0x010D: b"prompt:%b"},
        {0x010F: b"Prompt:%b" + b'{"more": {"a": 1}}', 0x010E: b"Workflow:%b{}"},
        {0x010F: b"Prompt:%b", 0x010E: b'Workflow:{"workflow": %b}'},
        {0x010E: b'{"prompt": %b, "workflow": %b}'},
    ],
    ids=["other tags", "any tag", "concatenated", "wrapped", "one object"],
)
def test_texts_of_other_writers_are_read(tags: Mapping[int, bytes]) -> None:
    """Whichever tag, however wrapped."""
    for order in ("big", "little"):
        filled = {}
        for tag, form in tags.items():
            own = WORKFLOW if b"orkflow:" in form else PROMPT
            both = (PROMPT.encode(), WORKFLOW.encode())
            filled[tag] = (form % both if form.count(b"%b") == 2 else form % own.encode()) + b"\0"
        assert values(webp(tiff(filled, order=order))) == (GRAPH, EDITOR)


@pytest.mark.parametrize("order", ["big", "little"])
def test_a_comment_of_the_user_is_read(order: str) -> None:
    """It stands in the camera's directory and names its character set, not always truly."""
    written = f'{{"prompt": {PROMPT}, "workflow": {json.dumps(WORKFLOW)}}}'
    for head, encoding in (
        (b"ASCII\0\0\0", "utf-8"),
        (b"UNICODE\0", "utf-16-le"),
        (b"UNICODE\0", "utf-16-be"),
        (b"UNICODE\0", "utf-8"),
        (bytes(8), "utf-8"),
    ):
        block = tiff({0x010E: b"a picture\0"}, order=order, camera={0x9286: head + written.encode(encoding)})
        for make in (webp, jpeg, avif):
            assert values(make(block)) == (GRAPH, EDITOR)


def test_stale_offsets_are_cured_by_searching() -> None:
    """A text grew in place, and the next tag points into its middle."""
    block = bytearray(exif({"workflow": WORKFLOW, "prompt": PROMPT}))
    place = block.index(be(0x0110, 2) + be(2, 2)) + 8
    block[place : place + 4] = be(60)
    for make in (webp, avif, jpeg):
        assert values(make(bytes(block))) == (GRAPH, EDITOR)


def test_a_text_with_an_overwritten_byte_is_reported_and_the_other_one_run() -> None:
    """So it is in real files whose offsets are stale."""
    block = bytearray(exif({"workflow": PROMPT, "prompt": PROMPT}))
    block[block.rindex(b"class_type")] = 0
    workflow = load(webp(bytes(block)))
    assert workflow.nodes == NODES
    assert workflow.warnings == ("this file's prompt is damaged and can't be read; its workflow is run",)


def test_versions_of_id3_are_read() -> None:
    """Every encoding of both versions."""
    for version in (3, 4):
        for encoding in (0, 1, 2, 3):
            texts = {"prompt": json.dumps(GRAPH), "workflow": json.dumps(EDITOR)}
            assert values(mp3(texts, version=version, encoding=encoding)) == (GRAPH, EDITOR)


def test_empty_texts_are_no_texts() -> None:
    """Some writers store a name with nothing behind it."""
    for nothing in ("", "{}", "null", '""'):
        assert embedded(png(text("prompt", nothing), text("workflow", WORKFLOW))) == Embedded(None, WORKFLOW)
    assert refusal(png(text("prompt", "null")))[0] == "no_embedded_workflow"


def test_json_within_json_is_opened() -> None:
    """Twice at most, as in files of text."""
    assert values(png(text("prompt", json.dumps(json.dumps(PROMPT)))))[0] == GRAPH
    assert refusal(png(text("prompt", json.dumps(json.dumps(json.dumps(PROMPT))))))[0] == "damaged_embedded_workflow"


def test_not_a_number_is_read_where_the_server_left_it() -> None:
    """``is_changed`` is dropped, and the rest is as any workflow."""
    stored = (
        '{"1": {"class_type": "C", "inputs": {"x": 1}, "is_changed": [NaN]}, "2": {"class_type": "C", "inputs": {}}}'
    )
    assert load(png(text("prompt", stored))).nodes == {"1": Node("C", {"x": 1}), "2": Node("C")}


def test_damaged_texts_are_named() -> None:
    """The user learns that this is the right file, and that it is broken."""
    type, said = refusal(png(text("prompt", PROMPT[:-20]), text("workflow", "a cat")))
    assert type == "damaged_embedded_workflow"
    assert "prompt and workflow can't be read" in said


def test_generation_settings_are_named() -> None:
    """AUTOMATIC1111 writes how, not what."""
    told = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Seed: 1"
    assert refusal(png(text("parameters", told)))[0] == "a1111_parameters"
    comment = {0x9286: b"UNICODE\0" + told.encode("utf-16-be")}
    assert refusal(jpeg(tiff({}, camera=comment)))[0] == "a1111_parameters"


def test_pictures_are_not_opened_to_find_a_workflow(tmp_path: Path) -> None:
    """Reading a picture's texts needs neither Pillow nor numpy."""
    path = tmp_path / "a.webp"
    path.write_bytes(webp(exif(BOTH)))
    program = (
        "import sys; from graphrun.formats import load; load(sys.argv[1]); "
        "sys.exit(any(name in sys.modules for name in ('PIL', 'numpy', 'torch', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 0


EXPECTED = ["bad-crc-nonascii.png", "exif-ok.webp", "exif-stale-offset.webp", "id3-txxx.mp3", "mdta.mp4"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", EXPECTED)
def test_real_media_give_what_they_carry(name: str, corpus: Path) -> None:
    """Damaged checksums, raw UTF-8 and stale offsets included."""
    path = corpus / "embedded-media" / name
    assert values(path.read_bytes()) == tuple(
        json.loads(path.with_name(f"{name}.{form}.json").read_bytes()) for form in ("api", "ui")
    )


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["dalle2-inpainting", "dalle3-text2image"])
def test_official_pictures_run_as_their_prompt_says(name: str, corpus: Path) -> None:
    """Prompt and workflow agree in them, so nothing is to be told."""
    folder = corpus / "openai-examples"
    workflow = load(folder / f"{name}.png")
    assert workflow.nodes == load(folder / f"{name}.api.json").nodes
    assert workflow.pnginfo == {"workflow": json.loads((folder / f"{name}.ui.json").read_bytes())}
    assert workflow.warnings == ()


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["input.jpg", "input.webp", "hat.webp"])
def test_real_pictures_without_a_workflow_say_so(name: str, corpus: Path) -> None:
    """The input pictures of the examples were taken by no workflow."""
    assert refusal(corpus / "inputs" / name)[0] == "no_embedded_workflow"
