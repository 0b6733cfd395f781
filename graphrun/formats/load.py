"""Loads a workflow from a file, from bytes, or from a mapping that is parsed already."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from graphrun.errors import FileFormatError, Problem
from graphrun.formats.api import read_nodes
from graphrun.formats.carriers import Carried
from graphrun.formats.detect import Envelope, open_envelope
from graphrun.formats.document import Document
from graphrun.formats.json_text import JSON, is_json_string, parse_json
from graphrun.formats.lookalikes import refuse_lookalikes
from graphrun.formats.media import carried_workflow
from graphrun.formats.origin import Mark, Origin
from graphrun.formats.source import MAX_BYTES, decode, open_file
from graphrun.formats.ui import Definitions, convert
from graphrun.formats.yaml import parse_yaml
from graphrun.imaging.slices import Slices
from graphrun.kernel.workflow import Node, Workflow

MAX_YAML_BYTES = 4 * 1024 * 1024
"""YAML takes far longer to read than JSON, and is written by hand."""


def load(
    source: str | os.PathLike[str] | bytes | Mapping[str, object],
    *,
    definitions: Definitions | None = None,
    carried: Carried = "workflow",
) -> Workflow:
    """Return the workflow in a file (``str`` or path), in a file's bytes, or in a parsed document.

    Reads the API format, the editor's (UI) format, request bodies, queue items, double-encoded JSON and the YAML
    form; what a file is, its content says. Raises FileFormatError, with every problem found, where there is no
    workflow that can be read. An input value that makes no sense is kept as a Misread, so that one bad node doesn't
    hide the others. A mapping's nested values are shared, not copied.

    The editor's format saves widget values by position: ``definitions`` says which classes have which widgets. Of a
    class that isn't defined, the values that the file doesn't name are left out; the workflow's problems say which.

    A picture, film or sound file gives the workflow it carries. Where it carries two that differ, ``carried`` is the
    one to take: the editor's ``workflow`` or the ``prompt`` that made the file; a warning says so.
    """
    if isinstance(source, Mapping):
        return _workflow(Document(source, JSON), Origin(), definitions)
    if isinstance(source, str) and source.lstrip().startswith("{"):
        raise Origin().refusal("file_not_found", "a str names a file; pass a workflow's own text as bytes")
    if isinstance(source, bytes):
        return _workflow(_parse(source, Origin(), carried), Origin(), definitions)
    with open_file(source) as (origin, data):
        return _workflow(_parse(data, origin, carried), origin, definitions)


def _parse(data: Slices, origin: Origin, carried: Carried) -> Document:
    choice = carried_workflow(data, origin, carried)
    if choice is not None:
        return replace(parse_json(choice.text, origin), warnings=choice.warnings)
    content = data[: MAX_BYTES + 1]
    text = decode(content, origin)
    refuse_lookalikes(text, origin)
    if _is_json(text, origin):
        return parse_json(text, origin)
    if len(content) > MAX_YAML_BYTES:
        raise origin.refusal("too_large", f"larger than {MAX_YAML_BYTES >> 20} MB; write so large a workflow as JSON")
    return parse_yaml(text, origin)


def _is_json(text: str, origin: Origin) -> bool:
    """JSON is YAML too, but a YAML parser is slow, and reads its escapes and NaN wrongly (workflow-formats.md, 5.1)."""
    if origin.path and origin.path.suffix.lower() == ".json":
        return True
    start = re.match(r"\s*(.)", text)
    first = start[1] if start else ""
    return first in ("{", "[") or (first == '"' and is_json_string(text))


def _workflow(document: Document, origin: Origin, definitions: Definitions | None) -> Workflow:
    envelope = open_envelope(document.value, origin)
    if envelope.is_editor:
        return _converted(document, envelope, origin, definitions or Definitions())
    reading = read_nodes(envelope.graph, document.dialect)
    if not (reading.problems or reading.nodes):
        raise origin.refusal("unknown_format", "the workflow has no nodes")
    if reading.problems:
        placed = [_placed(problem, document, envelope, origin) for problem in reading.problems]
        raise FileFormatError(placed, origin.path)
    return Workflow(
        nodes=reading.nodes,
        targets=envelope.targets,
        path=origin.path,
        pnginfo=envelope.pnginfo,
        warnings=(*document.warnings, *reading.warnings),
        places=_places(reading.nodes, document, envelope),
        quoted_text=document.dialect.quoted_text,
    )


def _converted(document: Document, envelope: Envelope, origin: Origin, definitions: Definitions) -> Workflow:
    try:
        made = convert(envelope.graph, definitions, datetime.now())
    except FileFormatError as error:
        raise FileFormatError([replace(each, place=origin.place()) for each in error.problems], origin.path) from None
    if not made.nodes and not made.problems:
        raise origin.refusal("unknown_format", "the workflow has no nodes that could run")
    return Workflow(
        nodes=made.nodes,
        path=origin.path,
        pnginfo=envelope.pnginfo,
        warnings=(*document.warnings, *made.warnings),
        controls=made.controls,
        problems=tuple(made.problems),
    )


def _places(nodes: Mapping[str, Node], document: Document, envelope: Envelope) -> dict[tuple[str, str], Mark]:
    addresses = [(node_id, name) for node_id, node in nodes.items() for name in ("", *node.inputs)]
    marks = ((address, _mark(document, envelope, *address)) for address in addresses if document.marks)
    return {address: mark for address, mark in marks if mark}


def _mark(document: Document, envelope: Envelope, node_id: str, name: str) -> Mark | None:
    inside = ("inputs", name) if name else ()
    return document.mark(*envelope.path, node_id, *inside)


def _placed(problem: Problem, document: Document, envelope: Envelope, origin: Origin) -> Problem:
    """Say where a node's problem is: the node readers know ids, not files."""
    mark = _mark(document, envelope, problem.node_id or "", problem.input or "")
    return replace(problem, place=origin.place(mark))
