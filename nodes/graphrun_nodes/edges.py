"""The node that finds edges, after Canny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.line_sums import gaussian, mirrored, weighted_sum

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")

pack = NodePack("builtin")

# Where a gradient at a multiple of 45° points, as (row, column); the other half are their opposites.
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))


@pack.node("Canny", category="image/preprocessors")
def canny(
    image: Image,
    low_threshold: Annotated[float, Field(ge=0.01, le=0.99), Widget(default=0.4, step=0.01)],
    high_threshold: Annotated[float, Field(ge=0.01, le=0.99), Widget(default=0.8, step=0.01)],
) -> Image:
    """Draw the edges white on black: strong ones, and weak ones that hang together with them."""
    magnitude, angle = _gradients(_smoothed(_grey(image)))
    thin = _thinned(magnitude, angle)
    edges = [_connected(frame > low_threshold, frame > high_threshold) for frame in thin.numpy()]
    return torch.from_numpy(np.stack(edges)).float().unsqueeze(-1).expand(-1, -1, -1, 3)


def _grey(image: torch.Tensor) -> torch.Tensor:
    """Return brightness (B, H, W, 1)."""
    if image.shape[-1] < 3:
        return image[..., :1]
    r, g, b = (image[..., channel, None] for channel in range(3))
    return 0.299 * r + 0.587 * g + 0.114 * b


def _smoothed(grey: torch.Tensor) -> torch.Tensor:
    """Return (B, H, W), blurred over 5 × 5 pixels, sigma 1, mirrored at the borders. ValueError below 3 × 3 pixels."""
    line = gaussian(torch.arange(-2.0, 3.0), 1.0)
    return weighted_sum(weighted_sum(mirrored(grey, 2), 1, line), 2, line).squeeze(-1)


def _gradients(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return magnitude and angle (B, H, W), in eighths of a turn, of the Sobel gradient: weights 1 2 1, as they are."""
    padded = torch.nn.functional.pad(x, [1] * 4, "replicate")
    across = weighted_sum(weighted_sum(padded, 1, (1, 2, 1)), 2, (-1, 0, 1))
    down = weighted_sum(weighted_sum(padded, 2, (1, 2, 1)), 1, (-1, 0, 1))
    magnitude = torch.sqrt(across * across + down * down + 1e-6)
    return magnitude, torch.round(torch.rad2deg(torch.atan2(down, across)) / 45)


def _thinned(magnitude: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Keep what is larger than both its neighbours along the gradient, and turn the rest to 0."""
    height, width = magnitude.shape[-2:]
    padded = torch.nn.functional.pad(magnitude, [1] * 4)
    kept = torch.zeros_like(magnitude, dtype=torch.bool)
    for index, (row, column) in enumerate(_DIRECTIONS):
        ahead = padded[..., 1 + row : 1 + row + height, 1 + column : 1 + column + width]
        behind = padded[..., 1 - row : 1 - row + height, 1 - column : 1 - column + width]
        kept |= (angle % 4 == index) & (magnitude > ahead) & (magnitude > behind)
    return magnitude * kept


def _connected(weak: npt.NDArray[np.bool_], strong: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the strong pixels and all weak ones that touch them, however far: only new ones are looked at again."""
    width = weak.shape[1] + 2
    free = np.pad(weak & ~strong, 1).ravel()
    edges = np.pad(strong, 1).ravel()
    neighbours = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
    front = np.flatnonzero(edges)
    while len(front):
        touched = (front[:, None] + neighbours).ravel()
        front = np.unique(touched[free[touched]])
        free[front] = False
        edges[front] = True
    found: npt.NDArray[np.bool_] = edges.reshape(-1, width)[1:-1, 1:-1]
    return found
