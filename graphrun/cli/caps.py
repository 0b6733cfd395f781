"""What a run or a batch may buy, as it was typed: ``--max-cost``, ``--max-images``."""

from __future__ import annotations

from graphrun.options import RunOptions


def caps(max_cost: str | None, max_images: str | None) -> RunOptions:
    """Return the caps that were typed, as options; the settings have the others."""
    typed = RunOptions()
    if max_cost is not None:
        typed["max_cost"] = max_cost
    if max_images is not None:
        typed["max_images"] = max_images
    return typed
