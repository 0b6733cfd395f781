"""``masks=``: a picture that a node loads gets a mask of the caller's, and its file stays as it is."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import graphrun
from graphrun.options import MaskSource

GRAPH = {
    "3": {"class_type": "LoadImage", "inputs": {"image": "photo.jpg"}, "_meta": {"title": "Photo"}},
    "4": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 1]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "mask"}},
    "6": {"class_type": "PreviewAny", "inputs": {"source": "x"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo of 40 × 30 pixels, which is the input folder."""
    PillowImage.new("RGB", (40, 30), (200, 80, 20)).save(tmp_path / "photo.jpg")
    return tmp_path


def mask_of(folder: Path, mask: MaskSource | list[MaskSource], node: str = "3") -> np.ndarray:
    """Return the MASK of the node with a mask, (H, W)."""
    result = graphrun.run(GRAPH, input_dir=folder, output_dir=folder / "out", masks={node: mask}, keep=["3"])
    result.raise_for_failures()
    return result["3"].mask[0].numpy()


def box(*selected: tuple[slice, slice]) -> np.ndarray:
    """Return the mask (30, 40) that is 1 in some rows and columns."""
    expected = np.zeros((30, 40), np.float32)
    for rows, columns in selected:
        expected[rows, columns] = 1
    return expected


def png(picture: PillowImage.Image) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def white_box(mode: str = "L") -> PillowImage.Image:
    """Return a black picture with white in rows 5 to 9 and columns 10 to 19."""
    picture = PillowImage.new("L", (40, 30))
    picture.paste(255, (10, 5, 20, 10))
    return picture.convert(mode)


def test_a_box_is_what_is_to_be_changed(folder: Path) -> None:
    """x, y, width, height: 1 in the mask there, 0 elsewhere. The node may be named by its title."""
    assert np.array_equal(mask_of(folder, (10, 5, 10, 5), "Photo"), box((slice(5, 10), slice(10, 20))))


def test_boxes_of_a_list_add_up(folder: Path) -> None:
    """The whole picture is a box too."""
    both = mask_of(folder, [(0, 0, 2, 2), (38, 28, 2, 2)])
    assert np.array_equal(both, box((slice(0, 2), slice(0, 2)), (slice(28, 30), slice(38, 40))))
    assert mask_of(folder, (0, 0, 40, 30)).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_a_mask_picture_counts_by_its_brightness(mode: str, folder: Path) -> None:
    """White is changed, in any kind of picture without transparency; from a file as from bytes."""
    expected = box((slice(5, 10), slice(10, 20)))
    white_box(mode).save(folder / "mask.png")
    assert np.array_equal(mask_of(folder, folder / "mask.png"), expected)
    assert np.array_equal(mask_of(folder, str(folder / "mask.png")), expected)
    assert np.array_equal(mask_of(folder, png(white_box(mode))), expected)


def test_a_mask_picture_with_transparency_counts_by_that(folder: Path) -> None:
    """As LoadImage reads it: transparent is changed, whatever colour lies there."""
    picture = PillowImage.new("RGBA", (40, 30), (255, 255, 255, 255))
    picture.paste((0, 0, 0, 0), (10, 5, 20, 10))
    assert np.array_equal(mask_of(folder, png(picture)), box((slice(5, 10), slice(10, 20))))


def test_grey_is_a_part_of_it(folder: Path) -> None:
    """Soft edges come through exactly."""
    assert np.allclose(mask_of(folder, png(PillowImage.new("L", (40, 30), 128))), 128 / 255)


def test_the_alpha_of_the_picture_does_not_count(folder: Path) -> None:
    """It is replaced; the colours are kept, those under it as well."""
    old = PillowImage.new("RGBA", (40, 30), (9, 8, 7, 0))
    files = {"3.image": png(old)}
    result = graphrun.run(GRAPH, files=files, masks={"3": (0, 0, 1, 1)}, output_dir=folder / "out", keep=["3"])
    assert result["3"].mask.sum() == 1
    assert (result["3"].image[0] * 255).round().int().unique(dim=0).flatten(0, 1).unique(dim=0).tolist() == [[9, 8, 7]]


def test_the_file_of_the_picture_stays_as_it_is(folder: Path) -> None:
    """A mask is put in whenever the picture is read."""
    before = (folder / "photo.jpg").read_bytes()
    mask_of(folder, (0, 0, 4, 4))
    assert (folder / "photo.jpg").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["out", "photo.jpg"]


def test_the_box_is_of_the_picture_as_it_is_seen(folder: Path) -> None:
    """A photo that lies on its side is turned upright first: this one is 30 wide and 40 high."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.new("RGB", (40, 30)).save(folder / "photo.jpg", exif=exif)
    mask = mask_of(folder, (28, 38, 2, 2))
    assert mask.shape == (40, 30)
    assert mask[38:, 28:].all()
    assert mask.sum() == 4


def test_a_picture_of_16_bits_keeps_its_looks(folder: Path) -> None:
    """In 8 bits: a PNG with alpha that everyone can read."""
    PillowImage.fromarray(np.full((30, 40), 32896, np.uint16)).save(folder / "deep.png")
    files = {"3.image": folder / "deep.png"}
    result = graphrun.run(GRAPH, files=files, masks={"3": (0, 0, 1, 1)}, output_dir=folder / "out", keep=["3"])
    assert result["3"].image.unique().tolist() == [pytest.approx(128 / 255)]


def test_equal_masks_come_from_the_cache_and_others_run(folder: Path) -> None:
    """The mask is a part of what a result was made from; a box is not drawn to be looked up."""

    def run(mask: MaskSource) -> graphrun.RunResult:
        return graphrun.run(GRAPH, input_dir=folder, output_dir=folder / "out", masks={"3": mask})

    assert run((0, 0, 4, 4)).did_run("3")
    assert run((0, 0, 4, 4)).was_cached("5")
    assert run((0, 0, 4, 5)).did_run("3")
    assert graphrun.run(GRAPH, input_dir=folder, output_dir=folder / "out").did_run("3")


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ((0, 0, 0, 4), "the box 0,0,0,4 is empty: width and height must be at least 1"),
        ((0, 0, 4, -1), "the box 0,0,4,-1 is empty"),
        ((30, 0, 11, 4), "the box 30,0,11,4 leaves the picture, which is 40 × 30 pixels"),
        ((-1, 0, 4, 4), "the box -1,0,4,4 leaves the picture"),
        ((1, 2, 3), "is no box: give x, y, width and height in whole pixels"),
        ((1, 2, 3, 4.0), "is no box"),
        ([], "give a mask picture, or a box"),
        ("nowhere.png", "nowhere.png can't be read: No such file or directory"),
        (b"no picture", "no picture that can be read"),
        (png(PillowImage.new("L", (41, 30))), "the mask is 41 × 30 pixels, the picture 40 × 30: scale the mask"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask: MaskSource, said: str, folder: Path) -> None:
    """Before anything runs, naming the node."""
    with pytest.raises(graphrun.UsageError) as caught:
        graphrun.Engine().plan(GRAPH, input_dir=folder, masks={"3": mask})
    assert str(caught.value).startswith('the mask of 3 "Photo" (LoadImage): ')
    assert said in str(caught.value)


def test_one_node_under_two_names_is_refused(folder: Path) -> None:
    """Masks of one node add up; those under its other name would be lost without a word."""
    with pytest.raises(graphrun.UsageError, match="the node is given masks under two names"):
        graphrun.Engine().plan(GRAPH, input_dir=folder, masks={"3": (0, 0, 4, 4), "Photo": (20, 0, 4, 4)})


def test_a_node_that_loads_no_picture_takes_no_mask() -> None:
    """The one that does is named."""
    with pytest.raises(graphrun.UsageError, match=r'loads no picture with a mask; give it to 3 "Photo" \(LoadImage\)'):
        graphrun.Engine().plan(GRAPH, masks={"6": (0, 0, 1, 1)})


def test_a_mask_loader_takes_one_for_its_alpha(folder: Path) -> None:
    """Of a colour that it reads instead, the caller is told."""
    graph = {"3": {"class_type": "LoadImageMask", "inputs": {"image": "photo.jpg", "channel": "alpha"}}}
    result = graphrun.run(graph, input_dir=folder, masks={"3": (0, 0, 2, 2)}, targets=["3"])
    assert result["3"].mask.sum() == 4
    graph["3"]["inputs"] = {"image": "photo.jpg", "channel": "red"}
    with pytest.raises(graphrun.UsageError, match=r"reads 'red', not alpha: set 3\.channel=alpha"):
        graphrun.Engine().plan(graph, input_dir=folder, masks={"3": (0, 0, 2, 2)})


def test_a_picture_that_is_not_there_is_the_plans_to_report() -> None:
    """With its remedy, and beside all other problems."""
    plan = graphrun.Engine().plan(GRAPH, masks={"3": (0, 0, 1, 1)})
    assert [(problem.node_id, problem.type) for problem in plan.problems] == [("3", "invalid_image_file")]


def test_an_animation_takes_no_mask(folder: Path) -> None:
    """One mask for many pictures would be a guess."""
    frames = [PillowImage.new("L", (40, 30), shade) for shade in (0, 255)]
    frames[0].save(folder / "photo.gif", save_all=True, append_images=frames[1:])
    files = {"3.image": folder / "photo.gif"}
    result = graphrun.run(GRAPH, files=files, masks={"3": (0, 0, 1, 1)}, output_dir=folder / "out")
    assert "more than one picture" in str(result.failures[0])


def test_a_saved_picture_names_the_picture_as_the_workflow_did(folder: Path) -> None:
    """Neither the mask nor a folder of the user's gets into it."""
    (folder / "sub").mkdir()
    (folder / "photo.jpg").rename(folder / "sub" / "photo.jpg")
    graph = {**GRAPH, "3": {"class_type": "LoadImage", "inputs": {"image": "sub/photo.jpg"}}}
    result = graphrun.run(graph, input_dir=folder, output_dir=folder / "out", masks={"3": (0, 0, 1, 1)})
    saved = graphrun.load(result.artifacts[0].path)
    assert saved.nodes["3"].inputs == {"image": "sub/photo.jpg"}
    assert str(folder).encode() not in result.artifacts[0].path.read_bytes()


def test_planning_with_a_mask_decodes_nothing(folder: Path) -> None:
    """Neither numpy nor Pillow is loaded where the picture and the mask are PNGs."""
    white_box().save(folder / "mask.png")
    white_box("RGB").save(folder / "photo.png")
    program = (
        "import graphrun, sys\n"
        f"graph, folder = {GRAPH!r}, {str(folder)!r}\n"
        "files, masks = {'3.image': folder + '/photo.png'}, {'3': [folder + '/mask.png', (0, 0, 3, 3)]}\n"
        "assert not graphrun.Engine().plan(graph, files=files, masks=masks).problems\n"
        "print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
