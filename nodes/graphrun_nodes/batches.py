"""Batches and channels brought to agree (image-mask-nodes.md, 1.7). Nothing here changes its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from graphrun import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")


def fit_batch(x: torch.Tensor, size: int) -> torch.Tensor:
    """Return a batch of ``size``: the first ones of a longer batch, a shorter one over and over."""
    if len(x) >= size:
        return x[:size]
    return x[torch.arange(size) % len(x)]


def alpha_fix(destination: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Return the source with the channels of the destination: cut, or with an opaque alpha added."""
    if destination.shape[-1] > source.shape[-1]:
        return with_alpha(source)
    return source[..., : destination.shape[-1]]


def same_channels(images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the images, those with fewer channels than another with an opaque alpha added."""
    most = max(image.shape[-1] for image in images)
    return [with_alpha(image) if image.shape[-1] < most else image for image in images]


def single_frames(images: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Return every picture of every batch by itself, (1, H, W, C), as views."""
    return [frame for image in images for frame in torch.split(image, 1)]


def with_alpha(image: torch.Tensor) -> torch.Tensor:
    """Return (B, H, W, C) with one more channel, of 1."""
    return torch.nn.functional.pad(image, (0, 1), value=1.0)


def flat(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask as (B, H, W): one of (H, W) gets a batch axis."""
    return mask.reshape(-1, *mask.shape[-2:])


def check_channels(first: torch.Tensor, second: torch.Tensor) -> None:
    """Raise ValueError where two images still differ in channels: grey doesn't go together with colour."""
    if first.shape[-1] != second.shape[-1]:
        raise ValueError(f"pictures of {first.shape[-1]} and {second.shape[-1]} channels don't go together")
