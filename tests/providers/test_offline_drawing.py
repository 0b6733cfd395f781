"""How the offline service draws: fonts that are shared and keep what they drew, landscapes of any size, PNG files."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from graphrun.imaging import check_png
from graphrun.providers.offline_drawing import Scene, draw, draw_inside
from graphrun.providers.offline_landscape import landscape
from graphrun.providers.offline_plate import lay_out
from graphrun.providers.offline_png import to_png
from graphrun.providers.offline_type import Fonts, fits, set_lines

INK = (0, 0, 0)
PROMPTS = ["a fox", "a lighthouse at dusk, waves breaking over rocks", "雪の中の赤い狐" * 20, "Łódź " * 200]


def texts() -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("abc wW.,狐é "), max_size=300)


@settings(deadline=None)
@given(texts(), st.integers(30, 400), st.integers(1, 12), st.sampled_from([9, 11, 24]))
def test_no_line_is_wider_or_more_than_there_is_room_for(text: str, width: int, most: int, points: int) -> None:
    """Whatever the text, unless a single character is wider than the line."""
    font = Fonts().of_size(points)
    lines = set_lines(text, font, INK, width, most)
    assert len(lines) <= most
    assert all(font.width(line.text) <= width for line in lines)


@settings(deadline=None)
@given(texts(), st.integers(30, 400))
def test_a_text_that_fits_is_set_whole_and_one_that_does_not_ends_in_an_ellipsis(text: str, width: int) -> None:
    """All characters but spaces are there, in order; or the last line says that there were more."""
    font = Fonts().of_size(11)
    lines = [line.text for line in set_lines(text, font, INK, width, 3)]
    if fits(text, font, width, 3):
        assert "".join("".join(lines).split()) == "".join(text.split())
    else:
        assert len(lines) == 3
        assert lines[-1].endswith("…")


def test_text_is_as_wide_as_pillow_would_draw_it() -> None:
    """Words are painted one by one: neither their places nor their widths may differ from those of a whole line."""
    text, font = "To AVATAR, with fjords (jelly) & why", Fonts().of_size(20)
    expected, painted = (Image.new("RGB", (500, 40), "white") for _ in range(2))
    ImageDraw.Draw(expected).text((7, 5), text, font=ImageFont.load_default(20), fill=INK)
    font.paint(painted, (7, 5), text, INK)
    assert painted.tobytes() == expected.tobytes()
    assert font.width(text) == ImageFont.load_default(20).getlength(text)


def test_what_the_fonts_drew_before_makes_no_difference() -> None:
    """The same scene gives the same pixels, from a service that has drawn others and from a new one."""
    used = Fonts()
    for prompt in PROMPTS:
        draw(Scene((300, 200), prompt, "small print", "1"), used)
    for prompt in PROMPTS:
        scene = Scene((300, 200), prompt, "small print", "2")
        assert draw(scene, used).tobytes() == draw(scene, Fonts()).tobytes()


def test_threads_may_share_fonts() -> None:
    """Requests are drawn at the same time with the fonts of one service."""
    scenes = [Scene((256, 256), f"{prompt} {n}", "small print", str(n)) for n in range(8) for prompt in PROMPTS]
    alone = [draw(scene, Fonts()).tobytes() for scene in scenes]
    fonts = Fonts()
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda scene: draw(scene, fonts).tobytes(), scenes))
    assert together == alone


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 700), st.integers(1, 700), st.text(max_size=5), st.booleans())
def test_a_picture_of_any_size_can_be_drawn(width: int, height: int, seed: str, transparent: bool) -> None:
    """Down to one pixel, round or not."""
    picture = draw(Scene((width, height), "a fox", "small print", seed, transparent), Fonts())
    assert picture.size == (width, height)
    assert picture.mode == ("RGBA" if transparent else "RGB")


@pytest.mark.parametrize("size", [(2, 5000), (5000, 2), (12, 12_000)])
def test_a_strip_of_any_length_can_be_drawn(size: tuple[int, int]) -> None:
    """A mask may select one of a large picture; its sky is the coarser the longer it is, and still has a sun."""
    assert landscape(size, "seed").size == size


@pytest.mark.parametrize("box", [(5, 5, 6, 60), (5, 5, 60, 6), (5, 5, 6, 6)])
@pytest.mark.parametrize("transparent", [False, True])
def test_a_selection_one_pixel_wide_is_drawn(box: tuple[int, int, int, int], transparent: bool) -> None:
    """It changes what is selected and nothing else."""
    picture, selection = Image.new("RGB", (80, 80), (255, 0, 255)), Image.new("L", (80, 80), 0)
    selection.paste(255, box)
    drawn = draw_inside(Scene((80, 80), "a fox", "small print", "1", transparent), picture, selection, Fonts())
    drawn.paste((255, 0, 255), box)
    assert drawn.convert("RGB").tobytes() == picture.tobytes()


@pytest.mark.parametrize("seed", range(12))
def test_a_landscape_has_no_hole(seed: int) -> None:
    """Nothing is painted lower than it is seen, and nothing is seen that was not painted: black is in no palette."""
    picture = landscape((530, 300), str(seed))
    assert (0, 0, 0) not in {colour for _, colour in picture.getcolors(530 * 300) or []}


def test_the_plate_is_left_out_where_nothing_would_be_legible() -> None:
    """A picture of a few pixels has no room for words."""
    assert lay_out((71, 500), "a fox", "small print", Fonts()) is None
    assert lay_out((72, 500), "a fox", "small print", Fonts()) is not None


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["RGB", "RGBA"]), st.randoms(use_true_random=False))
def test_a_png_holds_the_pixels(width: int, height: int, mode: str, random: Random) -> None:
    """Exactly, whatever they are."""
    picture = Image.frombytes(mode, (width, height), random.randbytes(width * height * len(mode)))
    assert_same(to_png(picture), picture)


@pytest.mark.parametrize("size", [(1, 200_000), (200_000, 1), (700, 700)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_png_of_many_rows_or_long_ones_holds_the_pixels(size: tuple[int, int], mode: str) -> None:
    """Also where it is filtered in several parts, or a row is longer than a part should be."""
    picture = Image.merge(mode, [Image.radial_gradient("L").resize(size)] * len(mode))
    assert_same(to_png(picture), picture)


def assert_same(file: bytes, picture: Image.Image) -> None:
    check_png(file)
    with Image.open(io.BytesIO(file)) as found:
        assert found.format == "PNG"
        assert (found.mode, found.size) == (picture.mode, picture.size)
        assert found.tobytes() == picture.tobytes()
