"""Nodes that save text: as it is, as data, as drawings in SVG."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from graphrun import Named, NodePack, RunContext, Shown, Socket, Widget
from graphrun_nodes.inputs import LinkedText, Prefix
from graphrun_nodes.saver_checks import check_prefix
from graphrun_nodes.savers import saved

pack = NodePack("builtin")

_OPENING_TAG = re.compile(r"<svg\b[^>]*>", re.IGNORECASE)

Svg = Annotated[Any, Socket("SVG")]


@pack.node("SaveText", display_name="Save Text", category="text", output_node=True, check=check_prefix)
def save_text(
    text: LinkedText, filename_prefix: Prefix, format: Literal["txt", "csv", "md", "json"], context: RunContext
) -> Shown[Annotated[str, Named("text")]]:
    """Save a text in the output folder and pass it on. JSON is indented, where it can be read."""
    content = _indented(text) if format == "json" else text
    files = saved([content.encode()], f".{format}", filename_prefix, context, (1, 1))
    return Shown(text, ui={"text": [text], "files": files})


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


@pack.node("SaveSVGNode", display_name="Save SVG", category="image/save", output_node=True, check=check_prefix)
def save_svg_node(
    svg: Svg, filename_prefix: Annotated[str, Widget(default="svg/ComfyUI")], context: RunContext
) -> Shown[Annotated[Any, Socket("SVG")]]:
    """Save drawings as SVG in the output folder, with the workflow inside, and pass them on."""
    files = (with_metadata(document, context.metadata).encode() for document in svg_documents(svg))
    return Shown(svg, ui={"images": saved(files, "_.svg", filename_prefix, context)})


def svg_documents(svg: object) -> Iterable[str]:
    """Return the drawings of an SVG value: text, bytes, a stream, several of them, or an object that holds ``data``."""
    if isinstance(svg, str):
        return [svg]
    if isinstance(svg, bytes):
        return [svg.decode()]
    if hasattr(svg, "getvalue"):
        return [svg.getvalue().decode()]
    parts = getattr(svg, "data", svg)
    if not isinstance(parts, Iterable):
        raise TypeError(f"a {type(svg).__name__} is no SVG: text, bytes or streams of UTF-8 are")
    return [document for part in parts for document in svg_documents(part)]


def with_metadata(document: str, metadata: Mapping[str, object]) -> str:
    """Put the workflow behind the opening tag. ComfyUI does so behind each, of drawings in the drawing as well."""
    tag = _OPENING_TAG.search(document)
    if tag is None or not metadata:
        return document
    text = json.dumps(metadata, indent=2).replace("]]>", "]]]]><![CDATA[>")  # which would end the section
    block = f"\n<metadata>\n<![CDATA[\n{text}\n]]>\n</metadata>"
    return document[: tag.end()] + block + document[tag.end() :]
