"""PNG and animated PNG: text chunks, before the pixels or behind them (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_TEXT, Entry
from graphrun.imaging.png import text_chunks
from graphrun.imaging.slices import Slices

_NAMES = ("prompt", "workflow", "parameters")


def read_png(data: Slices) -> Iterator[Entry]:
    """Yield the texts that may be a workflow. Raises PictureError for more chunks than a picture has."""
    for keyword, text in text_chunks(data, lambda name: name.lower() in _NAMES, max_text=MAX_TEXT):
        yield Entry(keyword, text)
