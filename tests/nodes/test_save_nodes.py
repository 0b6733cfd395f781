"""SaveImage and PreviewImage: names, counters, metadata, bytes, and never over another file."""

import io
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from graphrun import Folders, PathError, PictureError, Pictures, RunContext
from graphrun.imaging import encode_png, read_text
from graphrun_nodes.saved_names import save_path
from graphrun_nodes.saver_checks import check_prefix
from graphrun_nodes.savers import preview_image, save_image
from graphrun_nodes.saving import create_new

NOON = datetime(2026, 3, 4, 12, 5, 9)
OUTSIDE = "**** ERROR: Saving image outside the output folder is not allowed."


def image(batch: int = 1, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((batch, 4, 6, channels), dtype=np.float32) * 1.2 - 0.1)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def pixels(path: Path) -> np.ndarray:
    with PillowImage.open(path) as picture:
        return np.asarray(picture)


def jpeg() -> bytes:
    file = io.BytesIO()
    PillowImage.new("RGB", (6, 4), "red").save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_tensors_are_saved_in_eight_bits(channels: int, mode: str, context: RunContext) -> None:
    """Clipped and truncated, grey as grey; the input is passed on."""
    images = image(2, channels)
    shown = save_image(images, "fox", context)
    assert shown.value is images
    assert names(context.folders.output) == ["fox_00001_.png", "fox_00002_.png"]
    expected = np.clip(255.0 * images.numpy(), 0, 255).astype(np.uint8)
    for index, name in enumerate(names(context.folders.output)):
        assert np.array_equal(pixels(context.folders.output / name).reshape(4, 6, channels), expected[index])
        with PillowImage.open(context.folders.output / name) as picture:
            assert picture.mode == mode


def test_what_was_saved_is_shown(context: RunContext) -> None:
    """File name, sub-folder and kind of each, in order."""
    shown = save_image(image(2), "a/b/fox", context)
    assert shown.ui == {
        "images": [
            {"filename": "fox_00001_.png", "subfolder": "a/b", "type": "output"},
            {"filename": "fox_00002_.png", "subfolder": "a/b", "type": "output"},
        ]
    }
    assert names(context.folders.output / "a" / "b") == ["fox_00001_.png", "fox_00002_.png"]


def test_previews_go_to_the_temp_folder(context: RunContext) -> None:
    """Under a name of their own."""
    shown = preview_image(image(), context)
    (name,) = names(context.folders.temp)
    assert re.fullmatch(r"ComfyUI_temp_[a-z]{5}_00001_\.png", name)
    assert shown.ui == {"images": [{"filename": name, "subfolder": "", "type": "temp"}]}
    assert not context.folders.output.exists()


def test_metadata_is_carried_as_comfyui_writes_it(context: RunContext) -> None:
    """The prompt first, then every other key, as ASCII JSON between header and pixels."""
    metadata = {"workflow": {"nodes": [], "größe": "漢"}, "prompt": {"1": {"class_type": "SaveImage"}}, "seed": 7}
    save_image(image(), "fox", replace(context, metadata=metadata))
    data = (context.folders.output / "fox_00001_.png").read_bytes()
    assert read_text(data) == {key: json.dumps(metadata[key]) for key in ("prompt", "workflow", "seed")}
    assert list(read_text(data)) == ["prompt", "workflow", "seed"]
    assert data.index(b"tEXtseed") < data.index(b"IDAT")
    assert b"\\u6f22" in data


def test_metadata_that_a_png_cannot_name_or_that_is_nothing_is_left_out(context: RunContext) -> None:
    """A strange key in a file doesn't cost the picture."""
    save_image(image(), "fox", replace(context, metadata={"prompt": None, "漢": 1, "": 2, "k" * 80: 3}))
    assert read_text((context.folders.output / "fox_00001_.png").read_bytes()) == {}


def test_a_service_s_files_reach_the_disk_as_they_came(context: RunContext) -> None:
    """Byte for byte, but for the metadata that is put in."""
    file = encode_png(np.full((4, 6, 3), 9, dtype=np.uint8), compress_level=9, text={"author": "service"})
    save_image(Pictures.from_files([file]), "bare", context)
    assert (context.folders.output / "bare_00001_.png").read_bytes() == file
    save_image(Pictures.from_files([file]), "told", replace(context, metadata={"prompt": {}}))
    told = (context.folders.output / "told_00001_.png").read_bytes()
    assert read_text(told) == {"prompt": "{}", "author": "service"}
    assert told[:33] + told[33 + 12 + len("prompt\0{}") :] == file


def test_a_service_s_other_files_become_png(context: RunContext) -> None:
    """Their pixels as RGBA, with the metadata."""
    save_image(Pictures.from_files([jpeg()]), "fox", replace(context, metadata={"prompt": {}}))
    path = context.folders.output / "fox_00001_.png"
    assert np.array_equal(pixels(path), Pictures.from_files([jpeg()]).pixels()[0])
    assert read_text(path.read_bytes()) == {"prompt": "{}"}


def test_half_a_file_is_not_saved(context: RunContext) -> None:
    """The error says what is wrong, and nothing is left in the folder."""
    file = encode_png(np.zeros((4, 6, 3), dtype=np.uint8))
    with pytest.raises(PictureError, match="cut short"):
        save_image(Pictures.from_files([file[:-8]]), "fox", context)
    assert names(context.folders.output) == []


@pytest.mark.parametrize(
    ("existing", "counter"),
    [
        ([], 1),
        (["fox_00001_.png"], 2),
        (["fox_00001_.png", "fox_00007_.png"], 8),
        (["fox_00050.png"], 51),
        (["fox_extra_00050_.png"], 1),
        (["fox_123456_.png"], 123457),
        (["foxy_00009_.png", "Fox_00009_.png", "fox00009_.png"], 1),
        (["fox_00004_"], 5),
        (["fox_junk.png", "fox_", "fox__.png"], 1),
    ],
)
def test_counting_goes_on_from_the_highest(existing: list[str], counter: int, folders: Folders) -> None:
    """Over files and folders of the same base; gaps aren't filled."""
    folders.output.mkdir()
    for name in existing:
        (folders.output / name).mkdir()
    path = save_path("fox", folders.output, 1, 1, NOON)
    assert path.first_counter() == counter


@pytest.mark.parametrize(
    ("prefix", "subfolder", "name"),
    [
        ("fox", "", "fox_00001_.png"),
        ("", "", "._00001_.png"),
        ("a/../b/fox", "b", "fox_00001_.png"),
        ("sub/", "", "sub_00001_.png"),
        ("%width%x%height%", "", "64x32_00001_.png"),
        ("%year%-%month%-%day%/%hour%%minute%%second%", "2026-03-04", "120509_00001_.png"),
        ("n%batch_num%", "", "n5_00001_.png"),
        ("%date:yyyy-MM-dd%", "", "%date:yyyy-MM-dd%_00001_.png"),
        ("100%", "", "100%_00001_.png"),
    ],
)
def test_a_prefix_becomes_a_folder_and_a_name(prefix: str, subfolder: str, name: str, folders: Folders) -> None:
    """Placeholders filled, path normalised (image-mask-nodes.md, 1.8)."""
    path = save_path(prefix, folders.output, 64, 32, NOON)
    assert path.folder == folders.output / subfolder
    assert path.subfolder == subfolder
    assert next(path.names(1, 5, "_.png")) == (1, name)


def test_the_batch_number_is_counted_as_literal_text(context: RunContext) -> None:
    """Names with numbers in them don't match it, so counting begins at 1 again and goes on where a name is taken."""
    save_image(image(2), "n%batch_num%", context)
    save_image(image(1), "n%batch_num%", context)
    assert names(context.folders.output) == ["n0_00001_.png", "n0_00002_.png", "n1_00002_.png"]


LEAVING = ["../fox", "\ud800/fox", "a/../../fox", "/etc/fox", "a\\fox", "a\0/fox", "link/fox"]


@pytest.mark.parametrize("prefix", LEAVING)
def test_a_prefix_that_leaves_the_output_folder_is_refused(
    prefix: str, folders: Folders, context: RunContext, tmp_path: Path
) -> None:
    """While planning where it is literal, else while running; nothing is written."""
    folders.output.mkdir()
    (folders.output / "link").symlink_to(tmp_path)
    (complaint,) = check_prefix({"filename_prefix": prefix}, folders)
    assert complaint.input == "filename_prefix"
    assert complaint.message.startswith(OUTSIDE)
    with pytest.raises(PathError, match=re.escape(OUTSIDE)):
        save_image(image(), prefix, context)
    assert not list(tmp_path.rglob("*.png"))


def test_other_prefixes_and_links_are_no_matter_of_a_plan(folders: Folders) -> None:
    """What is linked is checked when it is known."""
    assert list(check_prefix({"filename_prefix": "a/%width%/fox"}, folders)) == []
    assert list(check_prefix({}, folders)) == []


@given(st.text(max_size=30))
def test_no_prefix_escapes(prefix: str) -> None:
    """Whatever a file says, the folder is inside or it is an error."""
    base = Path(os.sep) / "nowhere" / "output"
    try:
        folder = save_path(prefix, base, 1, 1, NOON).folder
    except PathError:
        return
    assert Path(os.path.realpath(folder)).is_relative_to(base)


def test_savers_at_the_same_time_lose_nothing(context: RunContext) -> None:
    """Each finds the same counter free; every picture gets a name of its own."""
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda _: save_image(image(2), "fox", context), range(16)))
    told = [entry["filename"] for one in shown for entry in one.ui["images"]]
    assert len(set(told)) == 32
    assert names(context.folders.output) == sorted(told)


def test_a_name_that_is_taken_meanwhile_is_left_alone(context: RunContext) -> None:
    """The second of a batch meets a foreign file and takes the next number."""
    context.folders.output.mkdir()
    (context.folders.output / "n1_00002_.png").write_text("mine")
    save_image(image(2), "n%batch_num%", context)
    assert (context.folders.output / "n1_00002_.png").read_text() == "mine"
    assert names(context.folders.output) == ["n0_00001_.png", "n1_00002_.png", "n1_00003_.png"]


def test_where_files_cannot_be_linked_they_are_created_anew(tmp_path: Path) -> None:
    """The way for file systems without hard links overwrites nothing either."""
    target = tmp_path / "a.png"
    assert create_new(target, b"one")
    assert not create_new(target, b"two")
    assert target.read_bytes() == b"one"


def test_a_folder_that_cannot_be_written_is_named(context: RunContext) -> None:
    """A file stands where the folder should be."""
    context.folders.output.mkdir()
    (context.folders.output / "sub").write_text("a file")
    with pytest.raises(PathError, match=re.escape(str(context.folders.output / "sub"))):
        save_image(image(), "sub/fox", context)


def test_a_name_too_long_for_the_disk_is_told_and_leaves_nothing(context: RunContext) -> None:
    """No half-written file stays behind."""
    with pytest.raises(PathError, match="can't save to"):
        save_image(image(), "x" * 300, context)
    assert names(context.folders.output) == []


@pytest.mark.parametrize("channels", [2, 5])
def test_channels_a_png_cannot_hold_are_told(channels: int, context: RunContext) -> None:
    """With nothing left behind."""
    with pytest.raises(PictureError, match="channels"):
        save_image(image(1, channels), "fox", context)
    assert names(context.folders.output) == []
