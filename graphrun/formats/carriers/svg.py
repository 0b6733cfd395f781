"""SVG: one JSON object in a metadata element, as character data (workflow-formats.md, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_TEXT, Entry
from graphrun.imaging.png import decode_text
from graphrun.imaging.slices import Slices

_START = re.compile(rb"<metadata\b[^<>]{0,1000}>\s{0,1000}<!\[CDATA\[")


def read_svg(data: Slices) -> Iterator[Entry]:
    """Yield the first such text. Searched for and not parsed: entities of XML can unfold without end."""
    text = data[:MAX_TEXT]
    found = _START.search(text)
    if found:
        end = text.find(b"]]>", found.end())
        yield Entry("metadata", decode_text(text[found.end() : end if end >= 0 else None]))
