"""Painter, LoadImageOutput and WebcamCapture: files that a browser left."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

import graphrun
from graphrun import Folders, RunContext
from graphrun_nodes.painter import check_painted, painted_digest, painter

RGBA = np.random.default_rng(5).integers(0, 256, (64, 64, 4), dtype=np.uint8)


@pytest.fixture
def painted(folders: Folders) -> str:
    """A painted file in the input folder."""
    PillowImage.fromarray(RGBA).save(folders.input / "painted.png")
    return "painted.png"


def paint(context: RunContext, image: torch.Tensor | None, mask: str, color: str = "#000000") -> tuple[np.ndarray, ...]:
    shown = painter(context, image=image, mask=mask, width=64, height=64, bg_color=color)
    (preview,) = shown.ui["images"]
    assert preview["type"] == "temp"
    assert (context.folders.temp / preview["filename"]).is_file()
    return tuple(value.numpy() for value in shown.value)


@pytest.mark.parametrize(
    ("color", "rgb"),
    [
        ("#ff8000", (255, 128, 0)),
        ("#FF8000", (255, 128, 0)),
        ("#ff800080", (0, 0, 0)),
        ("red", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_nothing_painted_leaves_the_canvas(color: str, rgb: tuple[int, ...], context: RunContext) -> None:
    """Of the colour, if that has six digits, else black; and an empty mask."""
    image, mask = paint(context, None, "", color)
    assert np.array_equal(image, np.broadcast_to(np.float32(rgb) / np.float32(255), (1, 64, 64, 3)))
    assert np.array_equal(mask, np.zeros((1, 64, 64), np.float32))


@pytest.mark.parametrize("channels", [3, 4])
def test_what_was_painted_lies_over_the_first_picture(channels: int, painted: str, context: RunContext) -> None:
    """Blended by its alpha, which is the mask as it is."""
    base = torch.rand(2, 64, 64, channels)
    image, mask = paint(context, base, painted)
    alpha = RGBA[None, ..., 3].astype(np.float32) / np.float32(255)
    rgb = RGBA[None, ..., :3].astype(np.float32) / np.float32(255)
    assert np.array_equal(mask, alpha)
    assert np.allclose(image, rgb * alpha[..., None] + base.numpy()[:1, ..., :3] * (1 - alpha[..., None]), atol=1e-6)


def test_what_was_painted_takes_the_size_of_the_picture(painted: str, context: RunContext) -> None:
    """With Lanczos, as RGBA."""
    _, mask = paint(context, torch.zeros(1, 10, 20, 3), painted)
    expected = PillowImage.fromarray(RGBA).resize((20, 10), PillowImage.Resampling.LANCZOS)
    assert np.array_equal(mask[0], np.asarray(expected)[..., 3].astype(np.float32) / np.float32(255))


def test_a_painted_file_is_known_by_its_content(painted: str, folders: Folders) -> None:
    """None is the empty text; one that isn't there is told before the run."""
    digest = hashlib.sha256((folders.input / painted).read_bytes()).hexdigest()
    assert painted_digest({"mask": painted}, folders) == digest
    assert painted_digest({"mask": ""}, folders) == ""
    assert painted_digest({}, folders) is None
    assert list(check_painted({"mask": painted}, folders)) == list(check_painted({"mask": ""}, folders)) == []
    (folders.input / "text.png").write_text("no picture")
    for name in ("nope.png", "text.png"):
        (complaint,) = check_painted({"mask": name}, folders)
        assert complaint.type == "invalid_image_file"


def test_a_picture_of_the_output_folder_is_loaded_again(tmp_path: Path) -> None:
    """By its annotated name; a bare name is one of the input folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    PillowImage.fromarray(RGBA).save(tmp_path / "out" / "a.png")
    folders = {"input_dir": tmp_path / "in", "output_dir": tmp_path / "out"}
    result = graphrun.call("LoadImageOutput", {"image": "a.png [output]"}, **folders)
    assert np.array_equal(result.image.numpy(), RGBA[None, ..., :3].astype(np.float32) / np.float32(255))
    assert np.array_equal(result.mask.numpy(), 1 - RGBA[None, ..., 3].astype(np.float32) / np.float32(255))
    with pytest.raises(graphrun.WorkflowError, match=r"Invalid image file: a\.png"):
        graphrun.call("LoadImageOutput", {"image": "a.png"}, **folders)


def test_a_captured_picture_is_loaded_without_a_mask(tmp_path: Path) -> None:
    """Here nothing is captured: the file is there."""
    PillowImage.fromarray(RGBA[..., :3]).save(tmp_path / "cam.png")
    inputs = {"image": "cam.png", "width": 0, "height": 0, "capture_on_queue": True}
    result = graphrun.call("WebcamCapture", inputs, input_dir=tmp_path)
    assert len(result.outputs) == 1
    assert np.array_equal(result.image.numpy(), RGBA[None, ..., :3].astype(np.float32) / np.float32(255))
