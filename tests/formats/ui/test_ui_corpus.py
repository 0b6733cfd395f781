"""Real editor files: what became of each, beside the prompt that really ran where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

import graphrun
from graphrun.formats import dump_api
from graphrun.kernel.workflow import Misread
from graphrun.packs import Registry, installed_packs

pytestmark = pytest.mark.corpus

LEAKED = {"upload", "video-preview", "audioUI"}
"""Keys of the editor's buttons that its old versions let slip into prompts; they mean nothing."""

# What differs from the prompt that ran, since the editor's document was changed afterwards (INDEX.md).
CHANGED_AFTERWARDS = {"pair-group-node": {"142:8.unet_name"}}

# The classes of which nothing was defined when these examples were made into pairs.
UNDEFINED = {"gpt-image-1-image2image": {"4.ckpt_name", "5.width", "5.height", "5.batch_size"}}

PAIRS = [
    *(f"openai-examples/{name}" for name in (
        "dalle2-inpainting", "dalle2-text2image", "dalle3-text2image", "gpt-image-1-image2image", "gpt-image-1-inpaint",
        "gpt-image-1-multiple-image-input", "gpt-image-1-text2image",
    )),
    *(f"format-only/pair-{name}" for name in ("primitive-fanout", "bypass-mute", "group-node", "linked-widgets")),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_an_editor_file_converts_to_the_prompt_that_ran(pair: str, corpus: Path) -> None:
    """Node for node and input for input; what differs is listed, and why."""
    name = Path(pair).name
    ours = flat(graphrun.load(corpus / f"{pair}.ui.json", definitions=corpus / "format-only/node-definitions.json"))
    truth = flat(graphrun.load(corpus / f"{pair}.api.json"))
    differing = {key for key in ours.keys() | truth.keys() if ours.get(key) != truth.get(key)}
    assert differing == CHANGED_AFTERWARDS.get(name, set()) | UNDEFINED.get(name, set())


def flat(workflow: graphrun.Workflow) -> dict[str, Any]:
    """Return every class by id and every input by address, buttons left out."""
    found: dict[str, Any] = {}
    for node_id, node in dump_api(workflow).items():
        found[node_id] = node["class_type"]
        found.update({f"{node_id}.{name}": value for name, value in node["inputs"].items() if name not in LEAKED})
    return found


# Per file: how many nodes it has to run, and the classes whose values only a definition can name. Of those that are
# installed by now, they are named.
OUTCOMES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("outcomes.json").read_text())


@pytest.mark.parametrize("file", OUTCOMES)
def test_every_file_loads(file: str, corpus: Path) -> None:
    """Whole, or with exactly the problems of the table."""
    outcome = OUTCOMES[file]
    workflow = graphrun.load(corpus / file)
    assert len(workflow.nodes) == outcome["nodes"]
    assert {each.type for each in workflow.problems} <= {"unnamed_values"}
    assert {each.class_type for each in workflow.problems} == set(outcome["undefined"]) - set(
        Registry(installed_packs())
    )
    assert workflow.warnings == ()
    assert [
        value for node in workflow.nodes.values() for value in node.inputs.values() if isinstance(value, Misread)
    ] == []
    sources = {link.node_id for node in workflow.nodes.values() for _, link in node.links}
    assert sources <= workflow.nodes.keys()


def test_the_table_names_every_file(corpus: Path) -> None:
    """None of the three folders is left out."""
    files = {str(path.relative_to(corpus)) for folder in FOLDERS for path in (corpus / folder).glob("*.json")}
    assert files - OUTCOMES.keys() == {name for name in files if name.endswith(("api.json", "node-definitions.json"))}


FOLDERS = ("core-only", "openai-templates", "format-only")


def test_a_saved_picture_carries_the_editors_document(corpus: Path, tmp_path: Path) -> None:
    """Beside the prompt, so that it can be dragged back into the editor or run again."""
    path = corpus / "openai-examples" / "gpt-image-1-text2image.ui.json"
    result = graphrun.run(path, provider="offline", output_dir=tmp_path)
    with PillowImage.open(result.artifacts[0].path) as picture:
        texts = dict(picture.text)  # type: ignore[attr-defined]
    assert json.loads(texts["workflow"]) == json.loads(path.read_text())
    assert "OpenAIGPTImage1" in [each["class_type"] for each in json.loads(texts["prompt"]).values()]
