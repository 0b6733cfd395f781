"""Nodes that look at all colours of a picture: palettes, transfers, histograms, curves; and text drawn on it."""

import math

import numpy as np
import pytest
import torch
from made_pictures import picture
from PIL import Image as PillowImage

from graphrun import call
from graphrun_nodes.color_transfer import color_transfer
from graphrun_nodes.histogram import curve_editor, image_histogram
from graphrun_nodes.lab import lab_of, rgb_of
from graphrun_nodes.quantizing import image_quantize
from graphrun_nodes.text_overlay import text_overlay


def levels(image: torch.Tensor) -> np.ndarray:
    return np.clip(255 * image.numpy(), 0, 255).astype(np.uint8)


# ── quantize ───────────────────────────────────────────────────────────────────────────────────────────────────


def bayer(order: int) -> np.ndarray:
    """The matrix of the reference."""
    matrix = np.zeros((1, 1))
    for n in range(1, int(math.log2(order)) + 1):
        m = 4**n * matrix
        matrix = np.vstack([np.hstack([m - 1.5, m + 0.5]), np.hstack([m + 1.5, m - 0.5])]) / 4**n
    return matrix


def quantized(frame: np.ndarray, colors: int, dither: str) -> np.ndarray:
    source = PillowImage.fromarray(frame)
    palette = source.quantize(colors)
    if dither.startswith("bayer"):
        order = int(dither[6:])
        tiled = np.tile(bayer(order), (20, 20))[: frame.shape[0], : frame.shape[1], None]
        shifted = frame + tiled * 512 / (len(palette.getpalette()) // 3) + 0.5
        source, dither = PillowImage.fromarray(np.clip(shifted, 0, 255).astype(np.uint8)), "none"
    method = PillowImage.Dither.NONE if dither == "none" else PillowImage.Dither.FLOYDSTEINBERG
    reduced = source.quantize(palette=palette, dither=method).convert("RGB")
    return np.asarray(reduced).astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"])
@pytest.mark.parametrize("colors", [1, 5, 256])
def test_pictures_are_reduced_to_few_colours(dither: str, colors: int) -> None:
    """Each to a palette of its own, exactly as Pillow has it."""
    image = picture(2, 20, 17) * 1.2 - 0.1
    result = image_quantize(image, colors, dither)
    expected = np.stack([quantized(frame, colors, dither) for frame in levels(image)])
    assert np.array_equal(result.numpy(), expected)
    assert len(np.unique(result[0].reshape(-1, 3).numpy(), axis=0)) <= colors


def test_quantizing_keeps_alpha() -> None:
    """As it is, not in 8 bits."""
    image = picture(1, channels=4)
    result = image_quantize(image, 4, "none")
    assert torch.equal(result[..., 3], image[..., 3])
    assert torch.equal(result[..., :3], image_quantize(image[..., :3], 4, "none"))


# ── transfer ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_lab_of_known_colours() -> None:
    """White, black, red, and there and back."""
    lab = lab_of(torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64))
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    assert np.allclose(lab.numpy(), expected, atol=0.02)
    assert torch.allclose(rgb_of(lab_of(picture().double())), picture().double(), atol=1e-6)


def pixels(image: torch.Tensor, method: str) -> np.ndarray:
    flat = image[..., :3].double().reshape(len(image), -1, 3)
    return (flat if method == "histogram" else lab_of(flat)).numpy()


def transferred(x: np.ndarray, source: np.ndarray, reference: np.ndarray, method: str) -> np.ndarray:
    """(N, 3) with the statistics of the reference, by the rules."""
    if method == "reinhard_lab":
        return (x - source.mean(0)) * reference.std(0) / source.std(0) + reference.mean(0)
    if method == "mkl_lab":
        covariances = [np.cov(part.T, bias=True) for part in (source, reference)]
        root = power(covariances[0], 0.5)
        middle = power(root @ covariances[1] @ root, 0.5)
        change = power(covariances[0], -0.5) @ middle @ power(covariances[0], -0.5)
        return (x - source.mean(0)) @ change.T + reference.mean(0)
    result = np.empty_like(x)
    for channel in range(3):
        bins = [(np.clip(part[:, channel] * 255, 0, 255)).astype(int) for part in (source, reference, x)]
        shares = [np.cumsum(np.bincount(part, minlength=256)) / len(part) for part in bins[:2]]
        table = [next(j for j in range(256) if shares[1][j] >= shares[0][i]) for i in range(256)]
        result[:, channel] = np.array(table)[bins[2]] / 255
    return result


def power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**exponent) @ vectors.T


@pytest.mark.parametrize("method", ["reinhard_lab", "mkl_lab", "histogram"])
@pytest.mark.parametrize(
    ("stats", "sources", "references"),
    [
        ({"source_stats": "per_frame"}, [[0], [1], [2]], [[0], [1], [1]]),
        ({"source_stats": "uniform"}, [[0, 1, 2]] * 3, [[0, 1]] * 3),
        ({"source_stats": "target_frame", "target_index": 1}, [[1]] * 3, [[0, 1]] * 3),
        ({"source_stats": "target_frame", "target_index": 9}, [[2]] * 3, [[0, 1]] * 3),
    ],
)
def test_colours_are_transferred(
    method: str, stats: dict[str, object], sources: list[list[int]], references: list[list[int]]
) -> None:
    """From which frames depends on the choice; then mixed by strength, and clamped."""
    target, reference = picture(3, 8, 8) * 0.6 + 0.2, picture(2, 5, 7, seed=1) ** 2
    x, r = pixels(target, method), pixels(reference, method)
    expected = np.stack(
        [
            0.3 * x[i] + 0.7 * transferred(x[i], x[of].reshape(-1, 3), r[to].reshape(-1, 3), method)
            for i, (of, to) in enumerate(zip(sources, references, strict=True))
        ]
    )
    colours = expected if method == "histogram" else rgb_of(torch.from_numpy(expected)).numpy()
    result = color_transfer(target, reference, method, stats, 0.7)
    assert np.allclose(result.numpy(), np.clip(colours, 0, 1).reshape(3, 8, 8, 3), atol=1e-5)


def test_no_strength_changes_nothing_and_alpha_stays() -> None:
    """Through the engine, with dotted inputs."""
    target = picture(1, channels=4) * 2
    inputs = {"image_target": target, "image_ref": picture(seed=1), "method": "histogram"}
    choice = {"source_stats": "target_frame", "source_stats.target_index": 0}
    assert torch.equal(call("ColorTransfer", {**inputs, **choice, "strength": 0.0}).image, target)
    assert torch.equal(call("ColorTransfer", {**inputs, **choice, "strength": 1.0}).image[..., 3], target[..., 3])


@pytest.mark.parametrize("method", ["reinhard_lab", "mkl_lab", "histogram"])
def test_a_picture_of_one_colour_gets_the_mean(method: str) -> None:
    """There is nothing to divide by, and no NaN."""
    result = color_transfer(torch.full((1, 4, 4, 3), 0.5), picture(), method, {"source_stats": "per_frame"}, 1.0)
    assert result.isfinite().all()


# ── histogram and curve ────────────────────────────────────────────────────────────────────────────────────────


def test_levels_are_counted() -> None:
    """Of the first picture, truncated; of all colours the mean of the counts, rounded down."""
    image = picture(2, 20, 20) * 1.2 - 0.1
    first = image[0].numpy()
    counts = [np.bincount(levels(image)[0, ..., channel].ravel(), minlength=256).tolist() for channel in range(3)]
    r, g, b = (first[..., channel] for channel in range(3))
    grey = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
    luminance = np.bincount(np.clip(255 * grey, 0, 255).astype(np.uint8).ravel(), minlength=256).tolist()
    rgb = [sum(each) // 3 for each in zip(*counts, strict=True)]
    assert list(image_histogram(image)) == [rgb, luminance, *counts]


def test_a_histogram_is_one_value() -> None:
    """A list of 256 numbers, not 256 values."""
    result = call("ImageHistogram", {"image": picture()})
    assert result.output_is_list == (False,) * 5
    assert [len(values) for values in result.outputs] == [1] * 5
    assert [len(values[0]) for values in result.outputs] == [256] * 5


@pytest.mark.parametrize(
    "written",
    [
        {"points": [[0, 0], [1, "0.5"]], "interpolation": "monotone_cubic"},
        {"points": [[0, 0], [1, 0.5]], "interpolation": "spline"},
        [[0, 0], [1, 0.5]],
        '{"points": [[0, 0], [1, 0.5]]}',
    ],
)
def test_a_curve_has_its_points_as_numbers(written: object) -> None:
    """Monotone cubic unless it is linear; a curve passes."""
    curve = curve_editor(written)
    assert curve == {"points": [[0.0, 0.0], [1.0, 0.5]], "interpolation": "monotone_cubic"}
    assert curve_editor(curve) == curve
    assert curve_editor({**curve, "interpolation": "linear"})["interpolation"] == "linear"


def test_what_is_no_curve_is_told() -> None:
    """Points are pairs."""
    with pytest.raises(ValueError, match=r"a curve is a list of points \[x, y\]"):
        curve_editor({"points": [1, 2]})


# ── text ───────────────────────────────────────────────────────────────────────────────────────────────────────

WRITING = {"font_size": 20.0, "color": "#ff0000", "position": "top", "align": "left", "outline": False}


def test_blank_text_changes_nothing() -> None:
    """Escaped line ends count as blank too."""
    assert torch.equal(text_overlay(images=picture(), text=" \\n\\t ", **WRITING), picture())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("position", "align"), [("top", "left"), ("bottom", "right"), ("top", "center")])
def test_text_lies_where_it_is_wanted(channels: int, position: str, align: str) -> None:
    """The same on all pictures, of any number of channels; elsewhere nothing changes."""
    image = torch.zeros(2, 100, 160, channels)
    drawn = text_overlay(images=image, text="HI", **{**WRITING, "position": position, "align": align})
    rows, columns = torch.nonzero(drawn[0].sum(dim=-1), as_tuple=True)
    assert torch.equal(drawn[0], drawn[1])
    assert (rows < 50).all() if position == "top" else (rows >= 50).all()
    middle = float((columns.min() + columns.max()) / 2)
    assert {"left": middle < 40, "center": 70 < middle < 90, "right": middle > 120}[align]


def test_the_colour_and_the_outline_are_drawn() -> None:
    """Red letters with black around them, on white."""
    drawn = text_overlay(images=torch.ones(1, 100, 160, 3), text="HI", **{**WRITING, "outline": True})
    colours = {tuple(round(value) for value in pixel) for pixel in drawn.reshape(-1, 3).tolist()}
    assert {(1, 0, 0), (0, 0, 0), (1, 1, 1)} <= colours


def test_long_text_is_wrapped_and_shrunk() -> None:
    """Between words, within a word that has a line to itself, and at \\n."""
    black = torch.zeros(1, 100, 100, 3)
    one = text_overlay(images=black, text="word", **WRITING)
    many = text_overlay(images=black, text="word word\\nwordwordwordwordwordword", **WRITING)
    assert (many.sum(dim=(2, 3)) > 0).sum() > 2 * (one.sum(dim=(2, 3)) > 0).sum()
    assert many[:, :, -1:].sum() == 0
