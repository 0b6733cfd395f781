"""Every file in ``workflows/`` runs, and does what it says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import graphrun
from graphrun.providers.offline import Heard, offline_images

WORKFLOWS = Path(__file__).parents[1] / "workflows"
FILES = sorted(path for path in WORKFLOWS.iterdir() if path.suffix in (".json", ".yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_workflow_runs(path: Path, tmp_path: Path) -> None:
    """It runs on the offline service and leaves pictures that can be opened."""
    result = graphrun.run(path, provider="offline", output_dir=tmp_path)
    assert result.raise_for_failures().ok
    assert result.artifacts
    for artifact in result.artifacts:
        with PillowImage.open(artifact.path) as picture:
            picture.load()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_workflow_has_no_idle_input(path: Path) -> None:
    """Nothing in it is unknown to its node."""
    assert graphrun.Engine().plan(path).warnings == ()


def test_inpainting_changes_only_what_the_mask_selects(tmp_path: Path) -> None:
    """The upload is transparent exactly where the mask is white, and the picture changed only there."""
    heard: list[Heard] = []
    service = offline_images(heard=heard.append)
    result = graphrun.run(WORKFLOWS / "inpaint.yaml", provider=service, output_dir=tmp_path, keep=["lake"])
    white = result["lake"].mask[0].numpy() == 1.0
    (mask_file,) = (file for file in heard[0].files if file.name == "mask")
    upload = np.asarray(PillowImage.open(io.BytesIO(mask_file.data)))
    assert np.array_equal(upload[..., 3] == 0, white)
    before = np.asarray(PillowImage.open(WORKFLOWS / "input" / "lake.png").convert("RGB"))
    after = np.asarray(PillowImage.open(result.artifacts[0].path).convert("RGB"))
    changed = (before != after).any(axis=-1)
    assert changed.any()
    assert not changed[~white].any()


def test_a_saved_picture_carries_the_graph_that_made_it(tmp_path: Path) -> None:
    """Its ``prompt`` is the API form, names of slots resolved, and runs again to the same picture."""
    first = graphrun.run(WORKFLOWS / "inpaint.yaml", provider="offline", output_dir=tmp_path / "1").artifacts[0].path
    with PillowImage.open(first) as picture:
        prompt = picture.info["prompt"]
    again = graphrun.run(prompt.encode(), provider="offline", output_dir=tmp_path / "2", input_dir=WORKFLOWS / "input")
    assert again.artifacts[0].path.read_bytes() == first.read_bytes()


def test_a_changed_seed_makes_another_picture_and_the_same_seed_the_same(tmp_path: Path) -> None:
    """The offline service is deterministic, seed included, although no seed is ever sent."""

    def pixels(name: str, seed: int) -> bytes:
        path = WORKFLOWS / "text-to-image.json"
        result = graphrun.run(path, provider="offline", seed=seed, output_dir=tmp_path / name, metadata=False)
        return result.artifacts[0].path.read_bytes()

    assert pixels("a", 1) == pixels("b", 1)
    assert pixels("c", 2) != pixels("d", 1)
