"""Folders of pictures and captions, read and written."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

import graphrun
from graphrun import Folders, PictureError, RunContext
from graphrun_nodes.datasets import (
    check_folder,
    folder_digest,
    load_image_data_set_from_folder,
    load_image_set_from_folder_node,
    load_image_text_data_set_from_folder,
    save_image_data_set_to_folder,
    save_image_text_data_set_to_folder,
)

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def put(path: Path, color: tuple[int, ...] = RED, size: tuple[int, int] = (4, 3), **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.new("RGB" if len(color) == 3 else "RGBA", size, color).save(path, **options)


def colors(images: list[torch.Tensor]) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in image[0, 0, 0] * 255) for image in images]


def test_a_folder_s_pictures_are_loaded_by_name(folders: Folders, context: RunContext) -> None:
    """Four endings in any case; other files, hidden kinds and inner folders don't count. Alpha is dropped."""
    base = folders.input / "a" / "set"
    put(base / "2.png", (0, 255, 0, 7))
    put(base / "1.PNG", RED, (2, 5))
    put(base / "3.webp", BLUE, lossless=True)
    put(base / "inner" / "4.png")
    (base / "notes.txt").write_text("x")
    (base / "dir.png").mkdir()
    put(base / "5.gif")
    images = load_image_data_set_from_folder("a/set", context)
    assert colors(images) == [RED, GREEN, BLUE]
    assert [tuple(image.shape) for image in images] == [(1, 5, 2, 3), (1, 3, 4, 3), (1, 3, 4, 3)]
    assert all(image.dtype == torch.float32 for image in images)


def test_pictures_of_a_set_are_not_turned_upright(folders: Folders, context: RunContext) -> None:
    """Whatever their EXIF block says; and of several frames the first counts."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    put(folders.input / "set" / "1.jpg", exif=exif)
    frames = [PillowImage.new("RGB", (4, 3), color) for color in (GREEN, BLUE)]
    frames[0].save(folders.input / "set" / "2.png", save_all=True, append_images=frames[1:])
    turned, moving = load_image_data_set_from_folder("set", context)
    assert turned.shape == (1, 3, 4, 3)
    assert colors([moving]) == [GREEN]


def test_a_list_of_pictures_makes_a_call_each(tmp_path: Path) -> None:
    """The output is a list output."""
    for index in range(3):
        put(tmp_path / "set" / f"{index}.png", size=(index + 1, 2))
    workflow = {
        "load": {"class_type": "LoadImageDataSetFromFolder", "inputs": {"folder": "set"}},
        "size": {"class_type": "GetImageSize", "inputs": {"image": ["load", 0]}},
    }
    result = graphrun.run(workflow, input_dir=tmp_path, targets=["size"])
    assert result["size"].outputs[0] == [1, 2, 3]


@pytest.mark.parametrize(
    "load", [load_image_data_set_from_folder, load_image_text_data_set_from_folder, load_image_set_from_folder_node]
)
def test_a_folder_without_pictures_is_an_error(load: object, folders: Folders, context: RunContext) -> None:
    """Worded as ComfyUI words it."""
    (folders.input / "set").mkdir()
    with pytest.raises(ValueError, match=r"^No valid images found in input$"):
        load("set", context)  # type: ignore[operator]


def test_a_damaged_picture_is_named(folders: Folders, context: RunContext) -> None:
    """One of thousands."""
    (folders.input / "set").mkdir()
    (folders.input / "set" / "7.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"7\.png"):
        load_image_data_set_from_folder("set", context)


@pytest.mark.parametrize(
    ("folder", "told"), [("sett", "did you mean 'set'"), ("..", "would leave"), ("f.txt", "no folder")]
)
def test_a_folder_that_is_not_there_is_told_before_the_run(folder: str, told: str, folders: Folders) -> None:
    """And one outside the input folder is none."""
    (folders.input / "set").mkdir()
    (folders.input / "f.txt").touch()
    (complaint,) = check_folder({"folder": folder}, folders)
    assert told in complaint.message
    assert list(check_folder({"folder": "set"}, folders)) == []
    assert list(check_folder({}, folders)) == []


def test_a_changed_folder_is_noticed(folders: Folders) -> None:
    """A new file, another content, another time; also one level down."""
    put(folders.input / "set" / "1.png")
    put(folders.input / "set" / "2_x" / "1.png")

    def digest() -> str | None:
        return folder_digest({"folder": "set"}, folders)

    seen = [digest(), digest()]
    assert seen[0] == seen[1]
    put(folders.input / "set" / "2.png")
    seen.append(digest())
    put(folders.input / "set" / "2.png", BLUE, (9, 9))
    seen.append(digest())
    os.utime(folders.input / "set" / "2_x" / "1.png", (1, 1))
    seen.append(digest())
    assert len(set(seen)) == 4
    assert folder_digest({}, folders) is None


def test_captions_stand_beside_their_pictures(folders: Folders, context: RunContext) -> None:
    """Stripped; one that is missing is empty. Pictures of a folder 2_x count twice, in order."""
    base = folders.input / "set"
    put(base / "1.png", RED)
    put(base / "2_x" / "1.png", GREEN)
    put(base / "2_x" / "2.jpg", BLUE)
    put(base / "other" / "1.png", (9, 9, 9))
    (base / "1.txt").write_text("  one\n")
    (base / "2_x" / "1.txt").write_text("zwölf", encoding="utf-8")
    images, texts = load_image_text_data_set_from_folder("set", context)
    assert texts == ["one", "zwölf", "", "zwölf", "", ""]
    assert colors(images)[:2] == [RED, GREEN]
    assert colors(images)[3] == GREEN
    assert colors(images)[-1] == (9, 9, 9)


@pytest.mark.parametrize("method", ["Stretch", "Pad", "Crop"])
def test_a_set_as_one_batch_has_the_first_one_s_size(method: str, folders: Folders, context: RunContext) -> None:
    """Scaled with Lanczos, or cut from the top left with black beyond."""
    rng = np.random.default_rng(3)
    first, second = (rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((4, 6, 3), (9, 5, 3)))
    (folders.input / "set").mkdir()
    for name, pixels in (("1.png", first), ("2.png", second)):
        PillowImage.fromarray(pixels).save(folders.input / "set" / name)
    batch = load_image_set_from_folder_node("set", context, resize_method=method)  # type: ignore[arg-type]
    picture = PillowImage.fromarray(second)
    expected = (
        picture.crop((0, 0, 6, 4)) if method == "Crop" else picture.resize((6, 4), PillowImage.Resampling.LANCZOS)
    )
    assert np.array_equal(batch.numpy(), np.stack([first, np.asarray(expected)]).astype(np.float32) / np.float32(255))
    with pytest.raises(ValueError, match=r"is 5 × 9 and the first is 6 × 4: choose a resize_method"):
        load_image_set_from_folder_node("set", context)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def batches() -> list[torch.Tensor]:
    return [torch.rand(2, 3, 4, 3), torch.rand(1, 5, 2, 4), torch.rand(1, 2, 2, 1)]


def test_a_set_is_written_over_the_one_before(folders: Folders, context: RunContext) -> None:
    """Batches are taken apart and counted from 0; pixels are cut to 8 bits; no metadata."""
    images = batches()
    for _ in range(2):
        save_image_data_set_to_folder(images, ["a/set"], ["image"], ["overwrite"], context)
    assert names(folders.output) == [f"a/set/image_0000{index}.png" for index in range(4)]
    frames = [frame.numpy() for image in images for frame in image]
    for name, frame in zip(names(folders.output), frames, strict=True):
        with PillowImage.open(folders.output / name) as picture:
            assert np.array_equal(np.asarray(picture).reshape(frame.shape), (frame * np.float32(255)).astype(np.uint8))
            assert not picture.info


def test_a_set_is_written_beside_the_one_before(folders: Folders, context: RunContext) -> None:
    """The counter goes up by one per call."""
    for _ in range(2):
        save_image_data_set_to_folder([torch.rand(2, 2, 2, 3)], ["set"], ["i"], ["increment"], context)
    assert names(folders.output / "set") == [
        "i_00001_00000.png",
        "i_00001_00001.png",
        "i_00002_00000.png",
        "i_00002_00001.png",
    ]


def test_captions_are_written_beside_their_pictures(folders: Folders, context: RunContext) -> None:
    """By order; pictures without one get none."""
    save_image_text_data_set_to_folder(
        context,
        images=[torch.rand(3, 2, 2, 3)],
        texts=["ä", ""],
        folder_name=["set"],
        filename_prefix=["i"],
        mode=["overwrite"],
    )
    assert names(folders.output / "set") == ["i_00000.png", "i_00000.txt", "i_00001.png", "i_00001.txt", "i_00002.png"]
    assert (folders.output / "set" / "i_00000.txt").read_text(encoding="utf-8") == "ä"


@pytest.mark.parametrize(("folder", "prefix"), [("../x", "i"), ("x", "../../i"), ("/tmp", "i")])
def test_a_set_stays_in_the_output_folder(folder: str, prefix: str, context: RunContext, tmp_path: Path) -> None:
    """Whatever its folder or its prefix says."""
    with pytest.raises(graphrun.PathError, match="outside the output folder"):
        save_image_data_set_to_folder(batches(), [folder], [prefix], ["overwrite"], context)
    assert not list(tmp_path.rglob("*.png"))


def test_lists_reach_the_saver_whole(tmp_path: Path) -> None:
    """One call for all pictures; it is made in every run, since nothing shows what it wrote."""
    inputs = {"images": batches(), "texts": ["a", "b"], "folder_name": "s", "filename_prefix": "i", "mode": "overwrite"}
    for _ in range(2):
        result = graphrun.call("SaveImageTextDataSetToFolder", inputs, output_dir=tmp_path)
        assert (result.state, dict(result.ui), result.outputs) == ("ran", {}, [])
    assert len(names(tmp_path / "s")) == 6
