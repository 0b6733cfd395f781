"""The raw bytes of tensors and arrays, without a copy where their memory allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrun.errors import Uncacheable
from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """Return a tensor's elements in C order as bytes. Raises Uncacheable where it has no plain memory: sparse, meta."""
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        return array_bytes(plain.reshape(-1).view(torch.uint8).numpy())  # through uint8: numpy knows no bfloat16
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise Uncacheable(f"a tensor's content can't be told: {error}") from error


def array_bytes(array: npt.NDArray[Any]) -> memoryview:
    """Return an array's elements in C order as bytes."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).data if flat.size else memoryview(b"")
