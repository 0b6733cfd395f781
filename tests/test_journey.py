"""Whole journeys with real files, as a person makes them at the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

pytestmark = pytest.mark.corpus

BOX = (100, 100, 400, 300)


def graphrun(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Call the program in a folder."""
    command = [sys.executable, "-m", "graphrun", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def pixels(path: Path) -> np.ndarray:
    """Return the colours of a picture."""
    with PillowImage.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.fixture
def inpaint(corpus: Path) -> list[object]:
    """The words that run the official DALL·E 2 example, a picture that carries its workflow."""
    example, photo = corpus / "openai-examples" / "dalle2-inpainting.png", corpus / "inputs" / "input.jpg"
    return ["run", example, "--provider", "offline", "--file", f"19.image={photo}"]


def test_a_picture_with_its_workflow_is_changed_in_a_box(inpaint: list[object], corpus: Path, tmp_path: Path) -> None:
    """It prints where its preview is, which differs from the photo in the box and nowhere else."""
    done = graphrun(tmp_path, *inpaint, "--mask", "19=" + ",".join(map(str, BOX)))
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    (line,) = done.stdout.splitlines()
    preview = tmp_path / line
    assert preview.parent == tmp_path / "output" / "temp"
    # The service is sent the photo at DALL·E 2's size, 1254 × 1254, and answers 1024 × 1024.
    made = pixels(preview)
    with PillowImage.open(corpus / "inputs" / "input.jpg") as photo:
        before = np.asarray(photo.convert("RGB").resize(made.shape[1::-1])).astype(int)
    scale, margin = made.shape[0] / 1328, 4
    x, y, width, height = (round(each * scale) for each in BOX)
    differs = np.abs(made - before).max(axis=2)
    inside = differs[y + margin : y + height - margin, x + margin : x + width - margin]
    outside = differs.copy()
    outside[y - margin : y + height + margin, x - margin : x + width + margin] = 0
    assert (inside > 40).mean() > 0.7
    assert (outside > 40).mean() < 0.01


def test_run_again_it_comes_from_the_cache(inpaint: list[object], tmp_path: Path) -> None:
    """Another box is another call."""
    first = graphrun(tmp_path, *inpaint, "--mask", "19=100,100,400,300")
    again = graphrun(tmp_path, *inpaint, "--mask", "19=100,100,400,300")
    assert again.stdout == first.stdout
    assert "all from the cache" in again.stderr
    assert "3 ran" in graphrun(tmp_path, *inpaint, "--mask", "19=100,100,400,301").stderr


def test_without_a_mask_the_remedy_is_told(inpaint: list[object], tmp_path: Path) -> None:
    """The most frequent mistake of all: the photo has no alpha."""
    done = graphrun(tmp_path, *inpaint)
    assert done.returncode == 1
    assert "no alpha channel" in done.stderr
    assert "--mask" in done.stderr


def test_a_picture_that_is_not_square_is_explained(inpaint: list[object], tmp_path: Path) -> None:
    """DALL·E 2 edits squares only; nothing is sent."""
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "wide.png")
    words = [*inpaint[:-1], "19.image=wide.png", "--mask", "19=0,0,9,9"]
    done = graphrun(tmp_path, *words)
    assert done.returncode == 1
    assert "dall-e-2 edits only square pictures, and image.png is 64x48: crop or pad it" in done.stderr


def test_a_drawn_mask_does_the_same_as_a_box(inpaint: list[object], corpus: Path, tmp_path: Path) -> None:
    """`graphrun mask`, then --file with the picture it wrote."""
    drawn = graphrun(tmp_path, "mask", corpus / "inputs" / "input.jpg", "--rect", "100,100,400,300", "-o", "masked.png")
    assert drawn.stdout == "masked.png\n"
    by_file = graphrun(tmp_path, *inpaint[:-1], "19.image=masked.png").stdout.strip()
    by_box = graphrun(tmp_path, *inpaint, "--mask", "19=100,100,400,300").stdout.strip()
    assert np.array_equal(pixels(tmp_path / by_file), pixels(tmp_path / by_box))


@pytest.mark.parametrize("seed", ["random", "12"])
def test_an_editor_file_with_a_seed_leaves_a_picture_that_runs_the_same(
    seed: str, corpus: Path, tmp_path: Path
) -> None:
    """The seed is told, is in the picture, and the picture's own run comes from the cache, without a warning."""
    file = corpus / "openai-examples" / "dalle3-text2image.ui.json"
    words = ["--provider", "offline", "--set", "21.prompt=a red fox"]
    done = graphrun(tmp_path, "run", file, *words, "--seed", seed)
    told = next(line for line in done.stderr.splitlines() if line.startswith("seeds of this run: 21.seed="))
    saved = done.stdout.strip()
    assert told.rpartition("=")[2].encode() in (tmp_path / saved).read_bytes()
    for carried in ("workflow", "prompt"):
        again = graphrun(tmp_path, "run", saved, "--provider", "offline", "--carried", carried)
        assert again.stdout.strip() == saved
        assert "all from the cache" in again.stderr
        assert "warning" not in again.stderr


def test_what_a_picture_carries_twice_can_be_chosen(corpus: Path, tmp_path: Path) -> None:
    """What is read is told, also where it can't run; another word is no choice."""
    picture = corpus / "embedded-media" / "bad-crc-nonascii.png"
    for command in ("run", "check", "plan"):
        assert "the prompt is run, which made it" in "".join(_said(tmp_path, command, picture, "--carried", "prompt"))
        assert "the workflow is run" in "".join(_said(tmp_path, command, picture))
        assert "--carried: 'promt' is not one of workflow, prompt; did you mean 'prompt'?" in "".join(
            _said(tmp_path, command, picture, "--carried", "promt")
        )


def _said(folder: Path, *words: object) -> tuple[str, str]:
    done = graphrun(folder, *words)
    assert done.returncode == 2
    return done.stdout, done.stderr
