"""``graphrun mask`` draws masks, and ``--mask`` hands them over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from callers import Graph, Graphrun, Write, node
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from graphrun.imaging.masking import select
from graphrun.imaging.shapes import Colour, Ellipse, Polygon, Rectangle, Shape

GRAPH: Graph = {
    "3": node("LoadImage", "Photo", image="photo.png"),
    "4": node("MaskToImage", mask=["3", 1]),
    "5": node("SaveImage", images=["4", 0], filename_prefix="mask"),
}


@pytest.fixture
def photo(here: Path) -> Path:
    """A picture of 40 × 30 pixels, its left half red, its right half nearly so."""
    picture = PillowImage.new("RGB", (40, 30), (255, 0, 0))
    picture.paste((250, 5, 0), (20, 0, 40, 30))
    picture.save(here / "photo.png")
    return here / "photo.png"


def selected(path: Path) -> np.ndarray:
    """Return the mask LoadImage reads (H, W): 0 to 255."""
    with PillowImage.open(path) as picture:
        return 255 - np.asarray(picture.getchannel("A"))


@pytest.mark.parametrize(
    ("words", "pixels"),
    [
        (["--rect", "10,5,10,5"], 50),
        (["--rect", "0,0,2,2", "--rect", "38,28,2,2"], 8),
        (["--rect", "0,0,4,4", "--rect", "2,2,4,4"], 28),
        (["--rect", "0,0,40,30"], 1200),
        (["--polygon", "0,0,9,0,9,9,0,9"], 100),
        (["--from-color", "#ff0000"], 600),
        (["--from-color", "ff0000~4"], 600),
        (["--from-color", "#FF0000~5"], 1200),
        (["--rect", "10,5,10,5", "--invert"], 1150),
    ],
)
def test_shapes_select_their_pixels(words: list[str], pixels: int, photo: Path, graphrun: Graphrun) -> None:
    """What is selected is white, alpha 0; shapes add up; the colours are those of the picture."""
    said = graphrun("mask", photo, *words, "-o", "out.png")
    assert (said.code, said.out) == (0, "out.png\n")
    assert f"{pixels:,} of 1,200 pixels" in said.err
    assert np.count_nonzero(selected(Path("out.png")) == 255) == pixels
    with PillowImage.open("out.png") as drawn, PillowImage.open(photo) as before:
        assert np.array_equal(np.asarray(drawn)[..., :3], np.asarray(before))


def test_an_ellipse_fills_its_box(photo: Path, graphrun: Graphrun) -> None:
    """It touches all four sides, leaves the corners, and may stick out of the picture."""
    graphrun("mask", photo, "--ellipse", "10,5,20,20", "-o", "out.png")
    mask = selected(Path("out.png"))
    assert all(side.any() for side in (mask[5], mask[24], mask[:, 10], mask[:, 29]))
    assert not any(outside.any() for outside in (mask[5, 10], mask[4], mask[25], mask[:, 9], mask[:, 30]))
    assert abs(np.count_nonzero(mask) - np.pi * 100) < 20
    assert graphrun("mask", photo, "--ellipse", "-10,-10,20,20", "-o", "out.png").code == 0


def test_feather_softens_the_edge(photo: Path, graphrun: Graphrun) -> None:
    """The middle stays white, the far corner black; without any white pixel the user is warned."""
    graphrun("mask", photo, "--rect", "10,5,20,20", "--feather", "2", "-o", "out.png")
    mask = selected(Path("out.png"))
    assert mask[15, 20] == 255
    assert mask[0, 39] == 0
    assert 0 < mask[15, 10] < 255
    said = graphrun("mask", photo, "--rect", "10,5,2,2", "--feather", "3", "-o", "out.png")
    assert said.code == 0
    assert "warning: no pixel is fully white" in said.err


def test_old_alpha_is_replaced(photo: Path, graphrun: Graphrun) -> None:
    """A mask drawn over a masked picture is the only one."""
    graphrun("mask", photo, "--rect", "0,0,9,9", "-o", "first.png")
    graphrun("mask", "first.png", "--rect", "20,20,3,3", "-o", "second.png")
    assert np.count_nonzero(selected(Path("second.png"))) == 9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is selected: give --rect, --ellipse, --polygon or --from-color"),
        (["--rect", "1,2,3"], "--rect 1,2,3: a box is x,y,w,h, in whole pixels from the top left"),
        (["--rect", "1,2,3,x"], "a box is x,y,w,h"),
        (["--rect", "1,2,3,0"], "--rect 1,2,3,0: is empty"),
        (["--rect", "1,2,40,3"], "--rect 1,2,40,3: leaves the picture, which is 40 × 30 pixels"),
        (["--ellipse", "50,2,4,3"], "--ellipse 50,2,4,3: is outside the picture"),
        (["--polygon", "1,2,3,4"], "three corners or more"),
        (["--polygon", "1,2,3,4,5,6,7"], "three corners or more"),
        (["--polygon", "50,2,53,4,59,6"], "is outside the picture"),
        (["--from-color", "red"], "write a colour as '#RRGGBB'"),
        (["--from-color", "#ff0000~256"], "write a colour as"),
        (["--from-color", "#00ff00"], "no pixel of the picture is selected"),
        (["--rect", "0,0,40,30", "--invert"], "no pixel of the picture is selected"),
        (["--rect", "0,0,4,3", "--feather", "-1"], "--feather -1.0: give a radius"),
        (["--rect", "0,0,4,3", "-o", "out.jpg"], "the name must end in .png"),
        (["--rect", "0,0,4,3", "-o", "photo.png"], "is IMAGE itself"),
        (["--rect", "0,0,4,3", "-o", "nowhere/out.png"], "can't be written: No such file or directory"),
    ],
)
def test_what_can_not_be_drawn_is_told(words: list[str], said: str, photo: Path, graphrun: Graphrun) -> None:
    """In a sentence; nothing is written."""
    before = photo.read_bytes()
    found = graphrun("mask", photo, *(words if "-o" in words else [*words, "-o", "out.png"]))
    assert found.code == 2
    assert "error: " in found.err
    assert said in found.err
    assert found.out == ""
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
    assert photo.read_bytes() == before


def test_what_is_no_picture_is_told(here: Path, graphrun: Graphrun) -> None:
    """So is a file that isn't there."""
    (here / "text.png").write_text("no picture")
    assert "text.png: the bytes are no picture" in graphrun("mask", "text.png", "--rect", "0,0,1,1", "-o", "o.png").err
    assert "nope.png: can't be read" in graphrun("mask", "nope.png", "--rect", "0,0,1,1", "-o", "o.png").err


def test_the_picture_it_writes_is_what_load_image_masks(photo: Path, write: Write, graphrun: Graphrun) -> None:
    """By --file as a picture, and by --mask as a mask: the same pixels come out."""
    file = write(GRAPH)
    graphrun("mask", photo, "--rect", "10,5,10,5", "--ellipse", "20,10,15,15", "-o", "drawn.png")
    saved = [
        graphrun("run", file, "--file", "3.image=drawn.png").out.strip(),
        graphrun("run", file, "--mask", "Photo=drawn.png").out.strip(),
        graphrun("run", file, "--file", f"3.image={photo}", "--mask", "LoadImage=drawn.png").out.strip(),
    ]
    masks = [np.asarray(PillowImage.open(path).convert("L")) for path in saved]
    assert all(np.array_equal(mask, selected(Path("drawn.png"))) for mask in masks)


def test_masks_of_one_node_add_up(photo: Path, write: Write, graphrun: Graphrun) -> None:
    """Boxes and pictures alike."""
    said = graphrun("run", write(GRAPH), "--mask", "3=0,0,2,2", "--mask", "3= 38, 28, 2, 2")
    assert np.count_nonzero(np.asarray(PillowImage.open(said.out.strip()).convert("L"))) == 8


@pytest.mark.parametrize("command", ["run", "check", "plan", "batch"])
@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("3", "--mask '3': write NODE=PATH or NODE=x,y,w,h"),
        ("3=1,2,3", "--mask 3=1,2,3: a box is x,y,w,h, in whole pixels"),
        ("3=1.5,2,3,4", "a box is x,y,w,h"),
        ("3=0,0,41,2", "leaves the picture, which is 40 × 30 pixels"),
        ("3=nowhere.png", "nowhere.png"),
        ("9=0,0,1,1", "no node is called '9'"),
        ("5=0,0,1,1", 'loads no picture with a mask; give it to 3 "Photo" (LoadImage)'),
    ],
)
def test_a_mask_that_does_not_fit_is_a_wrong_call(
    command: str, mask: str, said: str, photo: Path, write: Write, graphrun: Graphrun
) -> None:
    """Told by every command that takes one, before anything runs."""
    found = graphrun(command, write(GRAPH), "--mask", mask)
    assert found.code == 2
    assert said in found.err


shapes = st.one_of(
    st.builds(Rectangle, *[st.integers(0, 5)] * 2, *[st.integers(1, 5)] * 2),
    st.builds(Ellipse, *[st.integers(-5, 9)] * 2, *[st.integers(1, 15)] * 2),
    st.lists(st.tuples(st.integers(-9, 20), st.integers(-9, 20)), min_size=3, max_size=6).map(
        lambda corners: Polygon(tuple(corners))
    ),
    st.builds(Colour, *[st.integers(0, 255)] * 3, st.integers(0, 255)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(shapes, min_size=1, max_size=4))
def test_the_order_of_shapes_does_not_matter(drawn: list[Shape]) -> None:
    """A sum is at least each of its parts; inverted, white and black change places."""
    picture = PillowImage.linear_gradient("L").resize((10, 10)).convert("RGB")
    total = np.asarray(select(picture, drawn))
    assert np.array_equal(total, np.asarray(select(picture, drawn[::-1])))
    assert all((np.asarray(select(picture, [shape])) <= total).all() for shape in drawn)
    assert np.array_equal(255 - total, np.asarray(select(picture, drawn, invert=True)))
