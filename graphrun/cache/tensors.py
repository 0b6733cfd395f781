"""Tensors as bytes: safetensors, or one byte a value where 8 bits say it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun.errors import Uncacheable
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.unit import unit_floats

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import safetensors.torch as safetensors
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    safetensors = lazy_import("safetensors.torch")

_FIRST_LOOK = 4096  # values; most tensors that aren't 8-bit exact show it at once
_AT_A_TIME = 2**18  # values, so that the temporaries stay in the processor's cache


def exact_levels(tensor: torch.Tensor) -> npt.NDArray[np.uint8] | None:
    """Return k for a float32 tensor of which every value is k/255 to the last bit; None for any other.

    Decoded pictures are such tensors, and take a quarter of the room as bytes.
    """
    if not _is_plain(tensor) or tensor.dtype != torch.float32 or not tensor.numel():
        return None
    values = np.ascontiguousarray(tensor.numpy()).reshape(-1)
    levels = np.empty(values.size, np.uint8)
    start, length = 0, _FIRST_LOOK
    while start < values.size:
        part = values[start : start + length]
        if (found := _levels(part)) is None:
            return None
        levels[start : start + length] = found
        start, length = start + length, _AT_A_TIME
    return levels.reshape(tuple(tensor.shape))


def _levels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8] | None:
    with np.errstate(all="ignore"):  # NaN and huge values become anything, and don't come back equal
        levels = np.rint(values * np.float32(255)).astype(np.uint8)
    # Compared as bits: -0.0 equals 0.0, and would come back without its sign.
    return levels if np.array_equal(unit_floats(levels).view(np.uint32), values.view(np.uint32)) else None


def from_levels(levels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Return the tensor again, bit for bit."""
    return torch.from_numpy(np.asarray(unit_floats(levels)))


def to_safetensors(tensor: torch.Tensor) -> bytes:
    """Return a tensor of any type in safetensors form.

    Raises Uncacheable where it would not come back as it was: on another device, sparse, with a gradient, a subclass.
    """
    if not _is_plain(tensor):
        raise Uncacheable("only plain tensors in main memory have a stored form")
    try:
        return safetensors.save({"": tensor.resolve_conj().resolve_neg().contiguous()})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Uncacheable(f"a tensor of {tensor.dtype} has no stored form") from error


def from_safetensors(data: bytes) -> torch.Tensor:
    """Return the tensor again."""
    return safetensors.load(data)[""]


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        type(tensor) is torch.Tensor
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not tensor.requires_grad
        and not tensor.is_quantized
    )
