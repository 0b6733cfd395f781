"""Finds the graph in a parsed document, in whichever envelope it came (workflow-formats.md, 0)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphrun.errors import FileFormatError
from graphrun.formats.api import finite_copy, is_node
from graphrun.formats.origin import Origin
from graphrun.formats.values import TooDeepError, first_non_finite

_EXPORT = "in ComfyUI use Workflow → Export (API) and run that file"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A graph and what came with it. ``path`` are the keys that lead to the graph in the document.

    ``is_editor``: the graph is a document of the editor (UI format), not nodes by id.
    """

    graph: Mapping[Any, object]
    path: tuple[str, ...] = ()
    pnginfo: Mapping[str, object] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    is_editor: bool = False


def open_envelope(document: object, origin: Origin) -> Envelope:
    """Return the graph in a document. The first row that fits wins. Raises FileFormatError where none does.

    ``extra`` is never searched: an API graph in an editor file's ``extra.prompt`` belongs to some other run.
    Of ``extra_data`` only ``extra_pnginfo`` is kept, since account tokens stand beside it.
    """
    match document:
        case {"nodes": list()} if isinstance(document, Mapping):
            return _editor(document, (), origin)
        case {"prompt": {"nodes": list()} as editor}:
            return _editor(editor, ("prompt",), origin)
        case {"nodes": Mapping() as graph, **rest} if not is_node(graph):
            return Envelope(graph, ("nodes",), targets=_targets(rest.get("outputs"), "outputs", origin))
        case Mapping() if _has_node(document):
            return Envelope(document)
        case {"prompt": Mapping() as graph, **rest} if _has_node(graph):
            targets = _targets(rest.get("partial_execution_targets"), "partial_execution_targets", origin)
            return Envelope(graph, ("prompt",), _pnginfo(rest, origin), targets)
        case {"output": Mapping() as graph, "workflow": {"nodes": list()} as editor} if _has_node(graph):
            return Envelope(graph, ("output",), _carried({"workflow": editor}, origin))
        case [int() | float(), _, Mapping() as graph, *more] if _has_node(graph):
            return _queue_item(graph, more, origin)
        case {"prompt": [int() | float(), _, Mapping() as graph, *more]} if _has_node(graph):
            return _queue_item(graph, more, origin)
        case {"workflow": {"nodes": list()} as editor}:
            return _editor(editor, ("workflow",), origin)
        case Mapping() if _has_unnamed_node(document):
            return Envelope(document)  # its reader says which nodes lack their class
    raise _no_workflow(document, origin)


def _has_node(graph: Mapping[Any, object]) -> bool:
    return any(is_node(value) for value in graph.values())


def _has_unnamed_node(graph: Mapping[Any, object]) -> bool:
    return any(isinstance(value, Mapping) and isinstance(value.get("inputs"), Mapping) for value in graph.values())


def _queue_item(graph: Mapping[Any, object], more: list[Any], origin: Origin) -> Envelope:
    """``[number, id, graph, extra_data, output ids]``, as the queue and the history hold it."""
    pnginfo = _pnginfo({"extra_data": more[0]}, origin) if more else {}
    targets = _targets(more[1], "the queue item's output list", origin) if more[1:] else ()
    return Envelope(graph, pnginfo=pnginfo, targets=targets)


def _pnginfo(body: Mapping[Any, object], origin: Origin) -> dict[str, object]:
    """Return what saved pictures are to carry: ``extra_pnginfo``, or a document written beside the prompt."""
    match body:
        case {"extra_data": {"extra_pnginfo": Mapping() as pnginfo}}:
            return _carried(pnginfo, origin)
        case {"workflow": {"nodes": list()} as editor}:
            return _carried({"workflow": editor}, origin)
    return {}


def _carried(pnginfo: Mapping[Any, object], origin: Origin) -> dict[str, object]:
    """Return a copy that can be written into a picture."""
    try:
        first_non_finite(dict(pnginfo))  # for its depth
        copied: dict[str, object] = finite_copy(dict(pnginfo))
    except (TooDeepError, TypeError, ValueError, RecursionError) as error:
        reason = str(error) or "nested too deep"
        message = f"the document for saved pictures (extra_pnginfo) can't be written as JSON: {reason}"
        raise origin.refusal("bad_pnginfo", message) from None
    return copied


def _targets(written: object, name: str, origin: Origin) -> tuple[str, ...]:
    """Return the ids of the outputs that are asked for. Refused if unreadable: running them all may cost money."""
    if written is None:
        return ()
    ids = list(_ids(written))
    if not ids:
        raise origin.refusal("prompt_no_outputs", f"{name} must be a list with the id of at least one node")
    return tuple(dict.fromkeys(ids))


def _ids(written: object) -> Iterator[str]:
    items = written if isinstance(written, list) else [written]
    if all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
        yield from map(str, items)


def _editor(document: Mapping[Any, object], path: tuple[str, ...], origin: Origin) -> Envelope:
    """Return an editor's document. Saved pictures carry it, so that they can be dropped on the editor's canvas."""
    return Envelope(document, path, _carried({"workflow": dict(document)}, origin), is_editor=True)


def _no_workflow(document: object, origin: Origin) -> FileFormatError:
    match document:
        case {"templates": list()}:
            return origin.refusal("node_templates", f"these are node templates, not a workflow; {_EXPORT}")
        case {"error": _, "node_errors": _}:
            return origin.refusal("error_reply", "this is ComfyUI's answer to a workflow it refused, not a workflow")
        case {"schedules": Mapping()}:
            return origin.refusal(
                "schedule_file", "this is a schedule file, not a workflow: graphrun schedule run FILE"
            )
        case {"workflow": str()}:
            return origin.refusal("job_file", "this is a job file, not a workflow: graphrun batch FILE")
        case Mapping() if document and all(_is_definition(value) for value in document.values()):
            return origin.refusal("node_definitions", "these are node definitions (object_info), not a workflow")
    message = f"no workflow in here: expected nodes by id, each with class_type and inputs; {_EXPORT}"
    return origin.refusal("unknown_format", message)


def _is_definition(value: object) -> bool:
    match value:
        case {"input": Mapping(), "output": list() | tuple()}:
            return True
    return False
