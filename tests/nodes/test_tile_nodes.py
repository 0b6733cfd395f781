"""Nodes that cut into tiles, merge tiles, and lay out grids."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from made_pictures import lanczos, picture

from graphrun import NodeError, call, run
from graphrun_nodes.tiles import image_merge_tile_list, split_image_to_tile_list

TILE = {"tile_width": 64, "tile_height": 64}
FINAL = {"final_width": 150, "final_height": 90}


def starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along one axis, from the rule of the reference."""
    stride = round(max(tile / 4, tile - overlap))
    found = [0]
    while found[-1] + tile < size:
        found.append(min(len(found) * stride, size - tile))
    return found


@pytest.mark.parametrize(
    ("size", "tile", "overlap"),
    [((100, 90), (64, 64), 16), ((128, 64), (64, 64), 0), ((50, 40), (64, 64), 8), ((200, 70), (64, 64), 4000)],
)
def test_tiles_cover_the_picture_row_by_row(size: tuple[int, int], tile: tuple[int, int], overlap: int) -> None:
    """Of full size all, where the picture is no smaller; they step by a quarter at least."""
    image = picture(2, size[1], size[0])
    tiles = split_image_to_tile_list(image, *tile, overlap)
    places = [(y, x) for y in starts(size[1], tile[1], overlap) for x in starts(size[0], tile[0], overlap)]
    assert len(tiles) == len(places)
    for part, (y, x) in zip(tiles, places, strict=True):
        assert torch.equal(part, image[:, y : y + tile[1], x : x + tile[0]])


def test_the_smallest_tiles_still_step() -> None:
    """A quarter of 2 pixels would be rounded to no step at all: only links bring such tiles."""
    inputs = {"image": picture(1, 3, 4), "tile_width": [2], "tile_height": [1], "overlap": 128}
    assert [part.shape[1:3] for part in call("SplitImageToTileList", inputs).outputs[0]] == [(1, 2)] * 9


def test_a_grid_has_columns() -> None:
    """Only links bring less than one."""
    inputs = {"images": picture(1), "columns": [0], "cell_width": 32, "cell_height": 32, "padding": 0}
    with pytest.raises(NodeError, match="a grid has at least one column, not 0"):
        call("ImageGrid", inputs)


def test_tiles_are_a_list_for_the_nodes_behind() -> None:
    """One output, spread."""
    inputs = {"image": picture(1, 70, 130), "tile_width": 64, "tile_height": 64, "overlap": 0}
    result = call("SplitImageToTileList", inputs)
    assert result.output_is_list == (True,)
    assert [part.shape[1:3] for part in result.outputs[0]] == [(64, 64)] * 6


@pytest.mark.parametrize("overlap", [0, 16, 4000])
def test_merging_undoes_splitting(overlap: int) -> None:
    """Whatever the weights, where all tiles agree."""
    image = picture(2, 90, 150)
    tiles = split_image_to_tile_list(image, 64, 64, overlap)
    inputs = {"image_list": tiles, "final_width": 150, "final_height": 90, "overlap": overlap}
    assert torch.allclose(call("ImageMergeTileList", inputs).image, image, atol=1e-4)


def test_the_middle_of_a_tile_weighs_more() -> None:
    """Half a sine wave, at least 1e-5, where two tiles disagree."""
    black, white = torch.zeros(1, 64, 64, 1), torch.ones(1, 64, 64, 1)
    merged = image_merge_tile_list([black, white], [96], [64], [32])[0, 0, :, 0].numpy()
    wave = np.maximum(np.sin(math.pi * np.linspace(0, 1, 64)), 1e-5)
    expected = [wave[k] / (wave[k] + wave[32 + k]) for k in range(32)]
    assert np.allclose(merged[32:64], expected, atol=1e-4)
    assert (merged[:32] == 0).all()
    assert np.allclose(merged[64:], 1)


def test_without_overlap_all_weigh_the_same() -> None:
    """The last tile is moved back over the one before it."""
    black, white = torch.zeros(1, 64, 64, 1), torch.ones(1, 64, 64, 1)
    merged = image_merge_tile_list([black, white], [96], [64], [0])[0, 0, :, 0]
    assert merged.tolist() == [0.0] * 32 + [0.5] * 32 + [1.0] * 32


def test_extra_tiles_and_places_are_left_out() -> None:
    """Places without a tile are black."""
    white = torch.ones(1, 64, 64, 3)
    assert image_merge_tile_list([white] * 5, [64], [64], [8]).eq(1).all()
    half = image_merge_tile_list([white], [128], [64], [0])
    assert half[:, :, :64].eq(1).all()
    assert half[:, :, 64:].eq(0).all()


def test_a_tile_too_small_for_its_place_is_told() -> None:
    """Tiles have the size of the first."""
    inputs = {"image_list": [picture(1, 64, 64), picture(1, 64, 30)], "final_width": 128, "final_height": 64}
    with pytest.raises(NodeError, match="64 × 64 pixels"):
        call("ImageMergeTileList", {**inputs, "overlap": 0})


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_grid_is_laid_out_row_by_row(channels: int) -> None:
    """Three pictures of two sizes in two columns: stretched with Lanczos, black gaps and an empty cell."""
    images = [picture(2, channels=channels), picture(1, 5, 4, channels, seed=1)]
    inputs = {"images": images, "columns": 2, "cell_width": 32, "cell_height": 40, "padding": 3}
    grid = call("ImageGrid", inputs)
    cells = np.concatenate([lanczos(image.numpy(), 32, 40) for image in images])
    expected = np.zeros((1, 83, 67, 3), dtype=np.float32)
    for cell, (top, left) in zip(cells, [(0, 0), (0, 35), (43, 0)], strict=True):
        expected[0, top : top + 40, left : left + 32] = cell[..., :3]
    assert grid.output_is_list == (False,)
    assert np.array_equal(grid.image.numpy(), expected)


def test_a_grid_is_as_wide_as_its_columns() -> None:
    """Also with fewer pictures."""
    inputs = {"images": picture(), "columns": 4, "cell_width": 32, "cell_height": 32, "padding": 0}
    assert call("ImageGrid", inputs).image.shape == (1, 32, 128, 3)


def test_tiles_go_through_a_workflow_one_by_one(tmp_path: Path) -> None:
    """Split, inverted tile by tile, merged: as inverting the whole."""
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 150, "height": 90, "batch_size": 2, "color": 0x336699}},
        "2": {"class_type": "SplitImageToTileList", "inputs": {"image": ["1", 0], **TILE, "overlap": 16}},
        "3": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
        "4": {"class_type": "ImageMergeTileList", "inputs": {"image_list": ["3", 0], **FINAL, "overlap": 16}},
        "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
    }
    result = run(workflow, keep="all", output_dir=tmp_path).raise_for_failures()
    tiles = len(starts(150, 64, 16)) * len(starts(90, 64, 16))
    assert [len(result[node].outputs[0]) for node in ("2", "3", "4")] == [tiles, tiles, 1]
    assert torch.allclose(result["4"].image, 1 - result["1"].image, atol=1e-4)
