"""Whether a value is a tensor or an array, told without importing torch or numpy (DESIGN, rule 6).

While nobody has imported a module, no value can be of its types.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Whether it is a torch tensor."""
    return _is_a(value, "torch", "Tensor")


def is_array(value: object) -> TypeGuard[npt.NDArray[Any]]:
    """Whether it is a numpy array."""
    return _is_a(value, "numpy", "ndarray")


def is_numpy_scalar(value: object) -> TypeGuard[np.generic]:
    """Whether it is a single number of numpy's."""
    return _is_a(value, "numpy", "generic")


def _is_a(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and issubclass(type(value), kind)  # unlike isinstance, this runs no code of the value's
