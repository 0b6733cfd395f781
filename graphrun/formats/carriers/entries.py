"""What a container's reader yields: one named text of its metadata."""

from __future__ import annotations

from typing import NamedTuple

MAX_TEXT = 32 * 1024 * 1024
"""Bytes of one text, unpacked, and of a block of metadata that is read whole. Real workflows are below a megabyte."""

MAX_PARTS = 10_000
"""Chunks, boxes, frames or tags of one file that are looked at (workflow-formats.md, 4.2)."""


class Entry(NamedTuple):
    """A text and the name it has in the file. None: it is there but damaged, or larger than MAX_TEXT."""

    name: str
    text: str | None
