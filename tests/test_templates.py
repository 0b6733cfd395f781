"""What becomes of the official examples and templates around OpenAI's nodes and of core nodes alone, file by file."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

import graphrun

pytestmark = pytest.mark.corpus

# Per file: the small picture that stands for each one it names; then what is expected, all of it: the pictures that
# each node writes, the text each shows, and the outputs that can't run, by reason.
OUTCOMES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("templates.json").read_text())
FOLDERS = ("core-only", "openai-examples", "openai-templates")


@pytest.fixture(scope="module")
def pictures(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The examples' own pictures, made small; the house has a window painted out, as the editor's painter does."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, source, size in (
        ("house", "input.jpg", (320, 320)),
        ("cat", "input.webp", (320, 240)),
        ("hat", "hat.webp", (200, 320)),
    ):
        with PillowImage.open(corpus / "inputs" / source) as picture:
            small = picture.convert("RGB").resize(size)
        if name == "house":
            small.putalpha(255)
            small.paste((0, 0, 0, 0), (80, 60, 240, 200))
        small.save(folder / f"{name}.png")
    return {path.stem: path for path in folder.iterdir()}


def outcome(path: Path, files: dict[str, Path], output_dir: Path) -> dict[str, Any]:
    """Run a file on the offline service and return what became of it, as the table says it."""
    reasons: dict[str, list[str]] = defaultdict(list)
    plan = graphrun.Engine().plan(path, provider="offline", files=files)
    assert plan.warnings == ()
    for problem in plan.problems:
        reasons[problem.message].append(problem.node_id or "")
    try:
        result = graphrun.run(path, provider="offline", files=files, output_dir=output_dir)
    except graphrun.WorkflowError:
        return {"refused": reasons}
    assert result.failures == ()
    assert result.warnings == ()
    sizes: dict[str, list[str]] = defaultdict(list)
    for artifact in result.artifacts:
        with PillowImage.open(artifact.path) as picture:
            picture.load()
            sizes[artifact.node_id].append(f"{picture.width}x{picture.height}")
    texts = {node_id: node.ui["text"][0] for node_id, node in result.nodes.items() if "text" in node.ui}
    return {key: value for key, value in (("pictures", sizes), ("texts", texts), ("refused", reasons)) if value}


@pytest.mark.parametrize("name", OUTCOMES)
def test_official_file_does_what_is_expected(
    name: str, corpus: Path, pictures: dict[str, Path], tmp_path: Path
) -> None:
    """It runs as it is, given pictures; the outputs of nodes outside graphrun's field are refused in a sentence."""
    expected = {key: value for key, value in OUTCOMES[name].items() if key != "files"}
    files = {address: pictures[picture] for address, picture in OUTCOMES[name].get("files", {}).items()}
    assert outcome(corpus / name, files, tmp_path) == expected


def test_no_official_file_is_left_out(corpus: Path) -> None:
    """What comes into these folders needs an expectation."""
    assert {f"{folder}/{path.name}" for folder in FOLDERS for path in (corpus / folder).iterdir()} == OUTCOMES.keys()


# The mask template at five places. Two white squares on grey, the upper left and the lower right one (384, 399), are
# combined 256 pixels apart; 0.5 counts as unselected where logic is done.
PLACES = [(64, 64), (200, 200), (300, 300), (700, 500), (900, 900)]
MASKS = {
    "369 solid": ("377", [0.5, 0.5, 0.5, 0.5, 0.5]),
    "384 add at 128": ("383", [0.5, 1.0, 1.0, 0.5, 0.5]),
    "399 add at 512": ("398", [0.5, 0.5, 0.5, 0.5, 1.0]),
    "401 add": ("400", [0.5, 1.0, 1.0, 1.0, 1.0]),
    "378 multiply": ("376", [0.5, 1.0, 0.5, 0.25, 0.5]),
    "388 and": ("387", [0.5, 1.0, 0.0, 0.0, 0.0]),
    "390 or": ("389", [0.5, 1.0, 1.0, 0.0, 1.0]),
    "392 xor": ("391", [0.5, 1.0, 1.0, 0.0, 1.0]),
    "402 feather": ("394", [0.5, 1.0, 1.0, 0.5, 0.5]),
    "328 invert": ("327", [1.0, 1.0, 1.0, 1.0, 1.0]),
    "340 threshold": ("338", [0.0, 0.0, 0.0, 0.0, 0.0]),
}


def test_the_mask_template_combines_masks_as_its_notes_explain(corpus: Path, tmp_path: Path) -> None:
    """Worked out by hand from the rules of each operation."""
    path = corpus / "core-only" / "basic_mask_operations_and_compositing.json"
    result = graphrun.run(path, output_dir=tmp_path, keep="all")
    found = {name: (node, [float(result[node].mask[0, y, x]) for x, y in PLACES]) for name, (node, _) in MASKS.items()}
    assert found == MASKS
    red = result["359"].image[0, :, :, 0]
    assert [float(red[y, x]) for x, y in PLACES] == MASKS["402 feather"][1]


def test_the_stitch_template_lays_four_pictures_out_in_its_order(corpus: Path, tmp_path: Path) -> None:
    """Two rows, each matched in height, one matched in width; then scaled to a square."""
    colours = {"12": "#ff0000", "13": "#00ff00", "14": "#0000ff", "15": "#ffffff"}
    for node, colour in colours.items():
        PillowImage.new("RGB", (64, 48), colour).save(tmp_path / f"{node}.png")
    path = corpus / "core-only" / "utility_image_stitch.json"
    files = {f"{node}.image": tmp_path / f"{node}.png" for node in colours}
    result = graphrun.run(path, files=files, output_dir=tmp_path / "out")
    with PillowImage.open(result.artifacts[0].path) as picture:
        corners = [picture.getpixel((x, y)) for y in (512, 1536) for x in (512, 1536)]
    assert corners == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
