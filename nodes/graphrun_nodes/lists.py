"""Nodes that make lists, of pictures or of anything: joined, shuffled, without doubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from graphrun import Autogrow, Image, Input, NodePack, Widget, lazy_import
from graphrun.imaging import eight_bit
from graphrun_nodes.batches import single_frames
from graphrun_nodes.inputs import LinkedText, Seed
from graphrun_nodes.resize import as_pillow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")

pack = NodePack("builtin")

ANYTHING = Autogrow.numbered(Input(name="input"), "input")


@pack.node("CreateList", display_name="Create List", category="utilities", list_input=True, cheap=True)
def create_list(inputs: Annotated[Mapping[str, Sequence[Any]], ANYTHING]) -> list[Any]:
    """Join lists in the order of the inputs; a plain value is a list of one."""
    return [value for values in inputs.values() for value in values]


@pack.node("MergeImageLists", category="dataset/image", list_input=True)
def merge_image_lists(images: list[Image]) -> list[Image]:
    """Make one list of single pictures out of batches."""
    return single_frames(images)


@pack.node("MergeTextLists", category="dataset/text", list_input=True, cheap=True)
def merge_text_lists(texts: list[str]) -> list[str]:
    """Pass a list of texts on."""
    return texts


@pack.node("ShuffleDataset", display_name="Shuffle Images List", category="dataset/image", list_input=True)
def shuffle_dataset(images: list[Image], seed: list[Seed]) -> list[Image]:
    """Put single pictures in an order that the seed decides."""
    frames = single_frames(images)
    return [frames[index] for index in _order(len(frames), seed[0])]


@pack.node(
    "ShuffleImageTextDataset", display_name="Shuffle Pairs of Image-Text", category="dataset/image", list_input=True
)
def shuffle_image_text_dataset(
    images: list[Image], texts: list[LinkedText], seed: list[Seed]
) -> tuple[list[Image], list[str]]:
    """Put pictures and their texts in an order that the seed decides; pairs stay pairs, batches batches."""
    if len(images) != len(texts):
        raise ValueError(f"{len(images)} pictures and {len(texts)} texts make no pairs")
    order = _order(len(images), seed[0])
    return [images[index] for index in order], [texts[index] for index in order]


@pack.node("ImageDeduplication", display_name="Deduplicate Images", category="dataset/image", list_input=True)
def image_deduplication(
    images: list[Image],
    similarity_threshold: list[Annotated[float, Field(ge=0.0, le=1.0), Widget(default=0.95, step=0.01)]],
) -> list[Image]:
    """Drop pictures that resemble one before them: as many of 64 bits of brightness are equal as the threshold says."""
    kept: list[torch.Tensor] = []
    seen: list[npt.NDArray[np.bool_]] = []
    for frame in single_frames(images):
        bits = _brightness_bits(frame)
        if all(1 - np.count_nonzero(bits != other) / bits.size < similarity_threshold[0] for other in seen):
            kept.append(frame)
            seen.append(bits)
    return kept


def _order(size: int, seed: int) -> list[int]:
    """Return a permutation by numpy's legacy generator, which gives the same one in every version."""
    order: list[int] = np.random.RandomState(seed % (2**32 - 1)).permutation(size).tolist()
    return order


def _brightness_bits(frame: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Return which pixels of the picture, shrunk to 8 × 8 and grey, are brighter than their mean."""
    small = as_pillow(eight_bit(frame)[0]).resize((8, 8), PillowImage.Resampling.LANCZOS)
    grey = np.asarray(small.convert("L"))
    bits: npt.NDArray[np.bool_] = grey > grey.mean()
    return bits
