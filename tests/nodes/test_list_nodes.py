"""Nodes that make lists, through the engine: what is one value, and what a list of them."""

import numpy as np
import pytest
import torch
from made_pictures import picture
from PIL import Image as PillowImage

from graphrun import NodeError, call


def shuffled(size: int, seed: int) -> list[int]:
    """The order of numpy's legacy generator."""
    return list(np.random.RandomState(seed % (2**32 - 1)).permutation(size))


def test_a_list_is_made_of_values_and_lists() -> None:
    """In the order of the slots; a plain value is a list of one."""
    inputs = {"inputs.input1": ["b", "c"], "inputs.input0": "a", "inputs.input5": 7}
    result = call("CreateList", inputs)
    assert result.outputs == [["a", "b", "c", 7]]
    assert result.output_is_list == (True,)


def test_batches_become_a_list_of_single_pictures() -> None:
    """In their order, of any size."""
    images = [picture(2), picture(1, 3, 3)]
    (merged,) = call("MergeImageLists", {"images": images}).outputs
    assert [each.shape for each in merged] == [(1, 6, 9, 3), (1, 6, 9, 3), (1, 3, 3, 3)]
    assert torch.equal(torch.cat(merged[:2]), images[0])


def test_texts_pass() -> None:
    """As one list, not as a list in a list."""
    assert call("MergeTextLists", {"texts": ["a", "b"]}).outputs == [["a", "b"]]


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1, 2**64 - 1])
def test_single_pictures_are_shuffled(seed: int) -> None:
    """Batches are taken apart before."""
    images = [picture(3), picture(2, seed=1)]
    (result,) = call("ShuffleDataset", {"images": images, "seed": seed}).outputs
    assert torch.equal(torch.cat(result), torch.cat(images)[shuffled(5, seed)])


def test_pairs_are_shuffled_together() -> None:
    """Batches stay batches, and a picture keeps its text."""
    images = [picture(1, seed=index) for index in range(3)]
    pictures, texts = call("ShuffleImageTextDataset", {"images": images, "texts": ["a", "b", "c"], "seed": 3}).outputs
    assert texts == ["abc"[index] for index in shuffled(3, 3)]
    assert all(torch.equal(images["abc".index(text)], image) for text, image in zip(texts, pictures, strict=True))
    with pytest.raises(NodeError, match="3 pictures and 2 texts"):
        call("ShuffleImageTextDataset", {"images": images, "texts": ["a", "b"], "seed": 0})


def bits(frame: np.ndarray) -> np.ndarray:
    """64 bits of brightness, from the rule of the reference."""
    pixels = np.clip(255 * frame, 0, 255).astype(np.uint8)
    small = PillowImage.fromarray(pixels.squeeze()).resize((8, 8), PillowImage.Resampling.LANCZOS).convert("L")
    return np.asarray(small) > np.asarray(small).mean()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.55, 1.0])
def test_pictures_that_resemble_a_kept_one_are_dropped(threshold: float, channels: int) -> None:
    """The first of each kind stays, of its own values; batches are taken apart."""
    frames = [*picture(6, 16, 16, channels), picture(6, 16, 16, channels)[2] * 0.99]
    kept: list[int] = []
    for index, frame in enumerate(frames):
        alike = [1 - (bits(frame.numpy()) != bits(frames[other].numpy())).sum() / 64 for other in kept]
        if not any(each >= threshold for each in alike):
            kept.append(index)
    assert 6 not in kept
    inputs = {"images": [torch.stack(frames[:3]), torch.stack(frames[3:])], "similarity_threshold": threshold}
    (result,) = call("ImageDeduplication", inputs).outputs
    assert torch.equal(torch.cat(result), torch.stack([frames[index] for index in kept]))
