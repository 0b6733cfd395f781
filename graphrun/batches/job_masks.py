"""Masks as a job says them: paths and boxes, alone or in a list, with the fields that other values have. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from graphrun.batches.naming import Lookup, fields_of_value, filled_value
from graphrun.errors import UsageError
from graphrun.masks import box_of
from graphrun.options import Box

_FORM = "give a mask picture, or a box x,y,width,height"


@dataclass(frozen=True, slots=True)
class NodeMasks:
    """The masks of one node, which add up; ``name`` is what the job calls it. Texts may hold fields."""

    name: str
    parts: tuple[str | Box, ...]

    @property
    def fields(self) -> Iterator[str]:
        """What the texts mention."""
        return (field for part in self.parts for field in fields_of_value(part))

    def filled(self, lookup: Lookup, path: Callable[[str], Path]) -> tuple[Path | Box, ...]:
        """Return the masks of a row, ``path`` being where a path of the job leads. Raises UsageError for what is none.

        A field alone may stand for anything that could be written in its place: a box of numbers, a list of masks.
        """
        try:
            found = [each for part in self.parts for each in read_masks(filled_value(part, lookup))]
        except UsageError as error:
            raise UsageError(f"the mask of {self.name}: {error}") from None
        return tuple(path(each) if isinstance(each, str) else each for each in found)


def read_masks(written: object) -> tuple[str | Box, ...]:
    """Read a path, a box as ``x,y,w,h`` or as four numbers, or a list of these. Raises UsageError for anything else.

    What it returns reads as the same.
    """
    if isinstance(written, list | tuple) and not _is_box(written):
        if not written:
            raise UsageError(_FORM)
        return tuple(_read_mask(each) for each in written)
    return (_read_mask(written),)


def told(masks: Iterable[Path | Box]) -> list[str]:
    """Say which masks these are: boxes, and the base names of files."""
    return [each.name if isinstance(each, Path) else ",".join(map(str, each)) for each in masks]


def _is_box(written: list[object] | tuple[object, ...]) -> bool:
    """Whether a list is one box, or meant for one: numbers are no masks."""
    return bool(written) and all(isinstance(each, int | float) for each in written)


def _read_mask(written: object) -> str | Box:
    if isinstance(written, list | tuple) and _is_box(written):
        return _read_box(written)
    text = os.fspath(written) if isinstance(written, os.PathLike) else written
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{text!r} is no mask: {_FORM}")
    return box_of(text, f"{text!r}: a box is x,y,w,h") or text


def _read_box(numbers: Iterable[object]) -> Box:
    text = ",".join(map(str, numbers))
    box = box_of(text, f"[{text}]: a box is x,y,w,h")
    if box is None:
        raise UsageError(f"[{text}] is no mask: {_FORM}")
    return box
