"""What nodes cost beside the bare torch or Pillow call that does the same: resizing, batching, compositing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import numpy as np
import torch
from PIL import Image as PillowImage

from graphrun_nodes.batching import batch_images
from graphrun_nodes.blending import image_blend
from graphrun_nodes.blurring import image_blur
from graphrun_nodes.compose import image_composite_masked
from graphrun_nodes.scaling import image_scale

SIDES = (1024, 4096)
ROUNDS = 5
METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")

Work = Callable[[], object]


def milliseconds(works: tuple[Work, Work]) -> tuple[float, float]:
    """Return how long both take, the best of several, turn by turn: so a busy moment hits both."""

    def once(work: Work) -> float:
        start = perf_counter()
        work()
        return (perf_counter() - start) * 1e3

    taken = [(once(works[0]), once(works[1])) for _ in range(ROUNDS)]
    return min(pair[0] for pair in taken), min(pair[1] for pair in taken)


def bare_resize(image: torch.Tensor, side: int, method: str) -> torch.Tensor:
    """Resize with one call, in the layout a picture has."""
    if method == "lanczos":
        pixels = (image[0].numpy() * 255).clip(0, 255).astype(np.uint8)
        resized = PillowImage.fromarray(pixels).resize((side, side), PillowImage.Resampling.LANCZOS)
        return torch.from_numpy(np.asarray(resized).astype(np.float32) / np.float32(255))[None]
    return torch.nn.functional.interpolate(image.movedim(-1, 1), size=(side, side), mode=method).movedim(1, -1)


def bare_composite(below: torch.Tensor, above: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Blend by a mask, all of one size."""
    weight = mask.unsqueeze(-1)
    return weight * above + (1 - weight) * below


def bare_blur(image: torch.Tensor, radius: int) -> torch.Tensor:
    """Blur with the whole square kernel."""
    line = torch.linspace(-1, 1, 2 * radius + 1)
    kernel = torch.exp(-(line[:, None] ** 2 + line[None] ** 2) / 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
    padded = torch.nn.functional.pad(image.movedim(-1, 1), [radius] * 4, "reflect")
    return torch.nn.functional.conv2d(padded, kernel, groups=3).movedim(1, -1)


def subjects(side: int) -> Iterator[tuple[str, tuple[Work, Work]]]:
    """Yield each node's work beside the bare one."""
    image, other, mask = torch.rand(1, side, side, 3), torch.rand(1, side, side, 3), torch.rand(1, side, side)
    for method in METHODS:
        for wanted in (side // 2, side * 3 // 2):
            node = partial(image_scale, image, method, wanted, wanted, "disabled")
            yield f"{method} to {wanted}", (node, partial(bare_resize, image, wanted, method))
    yield "batch", (partial(batch_images, {"a": image, "b": other}), partial(torch.cat, (image, other)))
    composite = partial(image_composite_masked, image, other, 0, 0, False, mask)
    yield "composite", (composite, partial(bare_composite, image, other, mask))
    blend = partial(image_blend, image, other, 0.5, "multiply")
    yield "blend", (blend, lambda: (image * 0.5 + image * other * 0.5).clamp(0, 1))
    yield "blur, radius 3", (partial(image_blur, image, 3, 1.0), partial(bare_blur, image, 3))


def report() -> None:
    """Print milliseconds, and the ratio to the bare call."""
    print(f"\nNodes beside the bare call, ms (best of {ROUNDS}; aim: a ratio of at most 1.3)")  # noqa: T201
    print(f"{'':>26} {'node':>9} {'bare':>9} {'ratio':>6}")  # noqa: T201
    for side in SIDES:
        print(f"{side:>8} × {side}")  # noqa: T201
        for label, works in subjects(side):
            node, bare = milliseconds(works)
            print(f"{label:>26} {node:>9.1f} {bare:>9.1f} {node / bare:>6.2f}")  # noqa: T201
