"""The annotations ``Image`` and ``Mask``: torch tensors to a type checker, socket types to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from graphrun.imaging.pictures import Matte, Pictures
from graphrun.kernel.node_types import Socket


def _tensor(value: object) -> object:
    return value.tensor() if isinstance(value, Pictures | Matte) else value


if TYPE_CHECKING:
    from typing import TypeAlias

    import torch

    Image: TypeAlias = torch.Tensor
    Mask: TypeAlias = torch.Tensor
else:
    Image = Annotated[Any, Socket("IMAGE", receive=_tensor)]
    Mask = Annotated[Any, Socket("MASK", receive=_tensor)]
