"""The node that gives a picture the colours of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from graphrun import DynamicCombo, Image, Named, NodePack, Widget, input_of, lazy_import
from graphrun_nodes.lab import lab_of, rgb_of

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Method = Literal["reinhard_lab", "mkl_lab", "histogram"]

SOURCE_STATS = DynamicCombo(
    {
        "per_frame": (),
        "uniform": (),
        "target_frame": (input_of("target_index", Annotated[int, Field(ge=0, le=10000), Widget(default=0)]),),
    }
)

# A way to change pixels (N, 3), learnt from what they were like and what they are to be like.
Change = Callable[["torch.Tensor"], "torch.Tensor"]

_LEAST_DEVIATION = 1e-6


@pack.node("ColorTransfer", display_name="Transfer Color", category="image/color")
def color_transfer(
    image_target: Image,
    image_ref: Image,
    method: Method,
    source_stats: Annotated[Mapping[str, Any], SOURCE_STATS],
    strength: Annotated[float, Field(ge=0.0, le=10.0), Widget(default=1.0, step=0.01)],
) -> Annotated[Image, Named("image")]:
    """Give pictures the colours of a reference, frame by frame or all alike; an alpha stays."""
    if strength == 0:
        return image_target
    in_lab = method != "histogram"
    target, reference = _pixels(image_target, in_lab=in_lab), _pixels(image_ref, in_lab=in_lab)
    changes = _changes(method, target, reference, source_stats)
    mixed = [frame + (change(frame) - frame) * strength for frame, change in zip(target, changes, strict=True)]
    colours = rgb_of(torch.stack(mixed)) if in_lab else torch.stack(mixed)
    shaped = colours.clamp(0.0, 1.0).reshape(*image_target.shape[:3], 3)
    return torch.cat((shaped, image_target[..., 3:]), dim=-1)


def _pixels(image: torch.Tensor, *, in_lab: bool) -> torch.Tensor:
    """Return (B, N, 3)."""
    pixels = image[..., :3].expand(-1, -1, -1, 3).reshape(len(image), -1, 3)
    return lab_of(pixels) if in_lab else pixels


def _changes(
    method: Method, target: torch.Tensor, reference: torch.Tensor, chosen: Mapping[str, Any]
) -> Sequence[Change]:
    """Return a change for each frame: learnt from it and its own reference, or one for all."""
    if chosen["source_stats"] == "per_frame":
        last = len(reference) - 1
        return [_learnt(method, frame, reference[min(index, last)]) for index, frame in enumerate(target)]
    one = chosen["source_stats"] == "target_frame"
    source = target[min(chosen["target_index"], len(target) - 1)] if one else target.reshape(-1, 3)
    return [_learnt(method, source, reference.reshape(-1, 3))] * len(target)


def _learnt(method: Method, source: torch.Tensor, reference: torch.Tensor) -> Change:
    match method:
        case "reinhard_lab":
            return _by_deviation(source, reference)
        case "mkl_lab":
            return _by_covariance(source, reference)
        case "histogram":
            return _by_levels(source, reference)
    raise ValueError(f"no colours are transferred by {method!r}")


def _by_deviation(source: torch.Tensor, reference: torch.Tensor) -> Change:
    """Each channel gets the mean and the deviation of the reference (Reinhard and others, 2001)."""
    was, wanted = _mean(source), _mean(reference)
    deviations = [part.std(0, correction=0).clamp(min=_LEAST_DEVIATION) for part in (source, reference)]
    return lambda x: (x - was) * (deviations[1] / deviations[0]) + wanted


def _by_covariance(source: torch.Tensor, reference: torch.Tensor) -> Change:
    """The linear change of least effort between the covariances (Monge and Kantorovich; Pitié and Kokaram, 2007)."""
    was, wanted = _mean(source), _mean(reference)
    spread, wanted_spread = (torch.cov(part.T.double(), correction=0) for part in (source, reference))
    root, inverse = _power(spread, 0.5), _power(spread, -0.5)
    change = (inverse @ _power(root @ wanted_spread @ root, 0.5) @ inverse).float()
    return lambda x: (x - was) @ change.T + wanted


def _mean(pixels: torch.Tensor) -> torch.Tensor:
    """Double precision while millions of values are added."""
    return pixels.mean(0, dtype=torch.float64).float()


def _power(matrix: torch.Tensor, exponent: float) -> torch.Tensor:
    """Return a power of a symmetric matrix without negative eigenvalues; those next to 0 count as a little."""
    values, vectors = torch.linalg.eigh(matrix)
    power: torch.Tensor = vectors @ torch.diag(values.clamp(min=_LEAST_DEVIATION**2) ** exponent) @ vectors.T
    return power


def _by_levels(source: torch.Tensor, reference: torch.Tensor) -> Change:
    """Each level of 256 becomes the first one below which the reference has as large a share."""
    tables = [
        torch.searchsorted(_shares(reference[:, channel]), _shares(source[:, channel])).clamp(max=255) / 255
        for channel in range(3)
    ]
    return lambda x: torch.stack([table.to(x)[_levels(x[:, channel])] for channel, table in enumerate(tables)], dim=-1)


def _shares(values: torch.Tensor) -> torch.Tensor:
    """Return for each level which share of the values is not above it."""
    counts = torch.bincount(_levels(values), minlength=256)
    return counts.cumsum(0).double() / len(values)


def _levels(values: torch.Tensor) -> torch.Tensor:
    return (values * 255).clamp(0, 255).long()
