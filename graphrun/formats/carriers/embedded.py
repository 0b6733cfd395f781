"""Chooses among the texts of a file: the first prompt and the first workflow that can be read. Pure.

Texts come under the right name, or as one object that holds both, as JSON within JSON, or with more behind the end of
the document (workflow-formats.md, 4.1). Names are compared without case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from graphrun.formats.api import is_node
from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.formats.json_text import MAX_ENCODINGS

_KINDS = ("prompt", "workflow")
_SETTINGS = re.compile(r"^Steps: \d+, ", re.MULTILINE)
_EMPTY = ("", "null", "{}", '""')


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a file carries: the API graph as it ran and the editor's document, each as JSON text.

    ``damaged`` names those that are there but can't be read. ``settings`` is whether there are generation settings of
    AUTOMATIC1111's web UI, which are no workflow.
    """

    prompt: str | None = None
    workflow: str | None = None
    damaged: tuple[str, ...] = ()
    settings: bool = False


@dataclass(slots=True)
class _Search:
    """What was found so far. ``damaged`` is a set that keeps its order."""

    found: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, None] = field(default_factory=dict)

    def see(self, kind: str, text: str | None) -> None:
        """Take a text, unless there is one of its kind."""
        if kind in self.found or (text is not None and text.strip() in _EMPTY):
            return
        document = _document(kind, text) if text is not None else None
        if document is None:
            self.damaged[kind] = None
        else:
            self.found[kind] = document


def gather(entries: Iterable[Entry]) -> Embedded:
    """Return what the texts of a file come to. Reads no more of them than it must, and a bounded amount."""
    search, settings, left = _Search(), False, 2 * MAX_TEXT
    for entry in islice(entries, MAX_PARTS):
        text = entry.text or ""
        left -= len(text)
        for kind, candidate in _candidates(entry if left >= 0 else Entry(entry.name, None)):
            search.see(kind, candidate)
        settings = settings or (left >= 0 and bool(_SETTINGS.search(text)))
        if left < 0 or len(search.found) == len(_KINDS):
            break
    damaged = tuple(kind for kind in search.damaged if kind not in search.found)
    return Embedded(search.found.get("prompt"), search.found.get("workflow"), damaged, settings)


def _candidates(entry: Entry) -> Iterator[tuple[str, str | None]]:
    """Yield (kind, text) of the documents in a text, which may be one of them or an object with both."""
    kind = entry.name.strip().lower()
    if kind in _KINDS:
        yield kind, entry.text
        return
    value, _ = _read(entry.text or "")
    if isinstance(value, Mapping):
        for kind in _KINDS:
            if kind in value:
                inner = value[kind]
                yield kind, inner if isinstance(inner, str) else _written(inner)


def _document(kind: str, text: str) -> str | None:
    """Return the text of the document a text begins with, taken out of its wrapping; None where it is no workflow."""
    value, document = _read(text)
    if _is_workflow(value):
        return document
    inner = value.get(kind) if isinstance(value, Mapping) else None
    return _written(inner) if _is_workflow(inner) else None


def _is_workflow(value: object) -> bool:
    match value:
        case {"nodes": list()}:
            return True
        case Mapping():
            return any(is_node(node) for node in value.values())
    return False


def _read(text: str) -> tuple[object, str]:
    """Return the first JSON value of a text, and that value's own text. (None, text) where there is none."""
    try:
        for _ in range(1 + MAX_ENCODINGS):
            text = text.lstrip("\ufeff \t\r\n")
            value, end = json.JSONDecoder().raw_decode(text)
            if not isinstance(value, str):
                return value, text[:end]
            text = value
    except (ValueError, RecursionError):
        pass
    return None, text


def _written(value: object) -> str | None:
    try:
        return json.dumps(value)
    except RecursionError:
        return None
