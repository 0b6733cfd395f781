"""``graphrun.load``: a workflow file of any form, read with the node classes that are installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from graphrun import formats
from graphrun.formats import Carried, Definitions, read_dump
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Workflow
from graphrun.packs import NodePack, Registry, installed_packs

Dump = str | os.PathLike[str] | bytes | Mapping[str, object]
"""An ``/object_info`` dump: a file (``str`` or path), a file's bytes, or the parsed object. One class's will do too."""


def load(
    source: str | os.PathLike[str] | bytes | Mapping[str, object],
    *,
    packs: Iterable[NodePack] | None = None,
    definitions: Dump | None = None,
    carried: Carried = "workflow",
) -> Workflow:
    """Return the workflow in a file (``str`` or path), in a file's bytes, or in a parsed document.

    Reads the API format, ComfyUI's editor (UI) format, request bodies, queue items, the YAML form, and media files
    that carry one of these; what a file is, its content says. The editor's format saves values by position, so it
    takes to know the classes: those of ``packs`` (default: all installed), after those of ``definitions``, an
    ``/object_info`` dump of any ComfyUI. ``carried``: which of two texts of a media file to read, ``"workflow"`` or
    ``"prompt"``.

    Raises FileFormatError, with every problem found, where there is no workflow that can be read. What is wrong with
    one node is kept in its place, for the plan to report.
    """
    return formats.load(source, definitions=definitions_of(_WhenNeeded(packs), definitions), carried=carried)


def definitions_of(types: Mapping[str, NodeType], dump: Dump | None = None) -> Definitions:
    """Return the definitions in a dump, then those of ``types``. Raises FileFormatError for what is no dump."""
    return Definitions(types, None if dump is None else read_dump(dump))


class _WhenNeeded(Mapping[str, NodeType]):
    """The node types of some packs, loaded when the first is asked for: most files need none to be read."""

    def __init__(self, packs: Iterable[NodePack] | None) -> None:
        self._packs = packs

    @cached_property
    def _types(self) -> Registry:
        return Registry(installed_packs() if self._packs is None else self._packs)

    def __getitem__(self, name: str) -> NodeType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)
