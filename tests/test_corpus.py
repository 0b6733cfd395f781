"""Real files: the seven official OpenAI examples, as their pictures hold them."""

from __future__ import annotations

import json
import shlex
from datetime import date
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from priced_runs import run

import graphrun
from graphrun.imaging import picture_size
from graphrun.testing import FaultyImages

pytestmark = pytest.mark.corpus

NAMES = [
    "dalle2-inpainting",
    "dalle2-text2image",
    "dalle3-text2image",
    "gpt-image-1-image2image",
    "gpt-image-1-inpaint",
    "gpt-image-1-multiple-image-input",
    "gpt-image-1-text2image",
]


DEATHS = [
    ("dalle2", "dall-e-2", "2026-05-12"),
    ("dalle3", "dall-e-3", "2026-05-12"),
    ("gpt-image-1", "gpt-image-1", "2026-10-23"),
]


@pytest.fixture
def pictures(corpus: Path, tmp_path: Path) -> dict[str, Path]:
    """The pictures the examples name, and one with a mask drawn into its alpha, as the editor's painter does."""
    masked = tmp_path / "masked.png"
    with PillowImage.open(corpus / "inputs" / "input.jpg") as picture:
        alpha = PillowImage.new("L", picture.size, 255)
        alpha.paste(0, (100, 100, 500, 400))
        picture.convert("RGB").putalpha(alpha)
        whole = picture.convert("RGBA")
        whole.putalpha(alpha)
        whole.save(masked)
    inputs = corpus / "inputs"
    return {
        "19.image": masked,
        "29.image": masked,
        "14.image": inputs / "input.webp",
        "4.image": inputs / "input.webp",
        "2.image": inputs / "hat.webp",
    }


def loaders(path: Path) -> list[str]:
    """Return the addresses of the pictures a workflow names."""
    nodes = graphrun.load(path).nodes
    return [f"{node_id}.image" for node_id, node in nodes.items() if node.class_type == "LoadImage"]


@pytest.mark.parametrize("form", ["api", "ui"])
@pytest.mark.parametrize("name", NAMES)
def test_official_example_runs(name: str, form: str, corpus: Path, pictures: dict[str, Path], tmp_path: Path) -> None:
    """Each saves or previews its picture; the left-over model branch of one is refused in a sentence."""
    path = corpus / "openai-examples" / f"{name}.{form}.json"
    files = {address: pictures[address] for address in loaders(path)}
    result = graphrun.run(path, provider="offline", files=files, output_dir=tmp_path / "out")
    assert result.failures == ()
    assert len(result.artifacts) == 1
    if name == "gpt-image-1-image2image":
        assert list(result.refused) == ["9"]
        assert result.refused["9"].endswith("local models, which graphrun does not run")
    else:
        assert result.ok


def test_the_left_over_branch_refuses_everything_when_strict(corpus: Path, pictures: dict[str, Path]) -> None:
    """``strict`` runs nothing if any output can't run."""
    path = corpus / "openai-examples" / "gpt-image-1-image2image.api.json"
    with pytest.raises(graphrun.WorkflowError) as caught:
        graphrun.run(path, provider="offline", files={"14.image": pictures["14.image"]}, strict=True)
    assert [problem.type for problem in caught.value.problems] == ["missing_node_type"]


def test_an_unbound_picture_is_named_with_the_remedy(corpus: Path) -> None:
    """The saved name points into somebody else's input folder."""
    path = corpus / "openai-examples" / "dalle2-inpainting.api.json"
    plan = graphrun.Engine().plan(path)
    [problem] = [problem for problem in plan.problems if problem.input == "image"]
    assert "--file 19.image=" in problem.message


def test_a_picture_without_alpha_is_explained_where_a_mask_is_needed(corpus: Path, tmp_path: Path) -> None:
    """The most frequent user error: the picture was never painted on."""
    path = corpus / "openai-examples" / "dalle2-inpainting.api.json"
    files = {"19.image": corpus / "inputs" / "input.jpg"}
    result = graphrun.run(path, provider="offline", files=files, output_dir=tmp_path)
    assert [failure.node_id for failure in result.failures] == ["10"]
    assert "no alpha channel" in str(result.failures[0])


@pytest.mark.parametrize("name", NAMES)
def test_official_example_is_told_dead_with_the_command_that_runs_it(
    name: str, corpus: Path, pictures: dict[str, Path], tmp_path: Path
) -> None:
    """Before the network: what died when, and the very command; nothing is sent."""
    path = corpus / "openai-examples" / f"{name}.api.json"
    files = {address: pictures[address] for address in loaders(path)}
    with FaultyImages() as service:
        with pytest.raises(graphrun.WorkflowError) as caught:
            run(tmp_path, service, path, files=files, today=date(2026, 11, 20))
        assert service.requests == ()
    dead = [problem for problem in caught.value.problems if problem.type == "model_shut_down"]
    model, died = next((model, died) for start, model, died in DEATHS if name.startswith(start))
    assert [f"OpenAI shut down {model} on {died}" in problem.message for problem in dead] == [True]
    assert f"graphrun run {shlex.quote(str(path))} --map-models" in dead[0].message


@pytest.mark.parametrize("name", NAMES)
def test_official_example_runs_with_mapped_models(
    name: str, corpus: Path, pictures: dict[str, Path], tmp_path: Path
) -> None:
    """As requests to gpt-image-2 that OpenAI would accept, with pictures of the size that was asked for."""
    path = corpus / "openai-examples" / f"{name}.api.json"
    files = {address: pictures[address] for address in loaders(path)}
    with FaultyImages() as service:
        result = run(tmp_path, service, path, files=files, map_models=True, today=date(2026, 11, 20))
        [request] = service.requests
    assert result.failures == ()
    assert request.status == 200
    assert request.heard is not None
    assert request.heard.model == "gpt-image-2"
    assert {"style", "response_format", "input_fidelity"}.isdisjoint(request.heard.fields)
    if name == "dalle2-inpainting":
        assert request.heard.mask is not None, "what was the picture's alpha is a mask of its own"
    [artifact] = result.artifacts
    assert picture_size(artifact.path.read_bytes()) == asked_size(path)


def asked_size(path: Path) -> tuple[int, int]:
    """Return the size a workflow asks for; auto is a square."""
    sizes = [node["inputs"].get("size") for node in json.loads(path.read_text()).values()]
    [size] = [size for size in sizes if size]
    width, _, height = ("1024x1024" if size == "auto" else size).partition("x")
    return int(width), int(height)
