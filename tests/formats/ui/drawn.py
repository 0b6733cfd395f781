"""Draws editor documents for tests, in the fewest words: nodes, links, definitions of made-up classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from graphrun.formats import Definitions
from graphrun.formats.ui import Conversion, convert

NOW = datetime(2026, 3, 7, 5, 9, 1)

CONTROLLED = {"control_after_generate": True}


def kind(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None, *, output: Any = ("IMAGE",)) -> Any:
    """Return one record of object_info; a bare type stands for an input without options."""

    def section(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: spec if isinstance(spec, list) else [spec, {}] for name, spec in inputs.items()}

    return {
        "input": {"required": section(required), "optional": section(optional or {})},
        "output": list(output),
        "display_name": "",
    }


CLASSES: dict[str, Any] = {
    "Source": kind({}, output=("IMAGE", "MASK")),
    "Named": kind({"text": "STRING"}, output=("STRING",)),
    "Number": kind({"value": "INT"}, output=("INT",)),
    "Both": kind({"image": "IMAGE", "mask": "MASK"}, output=("IMAGE", "MASK")),
    "Blur": kind({"image": "IMAGE", "radius": "INT"}),
    "Paint": kind({"image": "IMAGE", "seed": "INT", "steps": "INT", "name": "STRING"}),
    "Save": kind({"images": "IMAGE", "filename_prefix": "STRING"}, output=()),
}


def node(id: Any, type: str, values: Any = None, *inputs: Any, **more: Any) -> dict[str, Any]:
    """Return a node. An input is written ``("image", 5)``, or ``("seed", 5, "widget")``, its link's number second."""
    listed = []
    for each in inputs:
        name, link, *rest = each
        slot = {"name": name, "type": more.get("types", {}).get(name, "*"), "link": link}
        listed.append({**slot, "widget": {"name": name}} if "widget" in rest else slot)
    outputs = [{"name": type_, "type": type_} for type_ in more.pop("outputs", ())]
    more.pop("types", None)
    made = {"id": id, "type": type, "mode": 0, "inputs": listed, "outputs": outputs, **more}
    return made if values is None else {**made, "widgets_values": values}


def document(nodes: list[Any], links: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a document. A link is written ``(5, 1, 0, 2, 0)``: id, origin and its slot, target and its slot."""
    return {"version": 0.4, "nodes": nodes, "links": [[*link, "*"] for link in links or ()], **more}


def subgraph(id: str, nodes: list[Any], links: list[Any], inputs: Any = (), outputs: Any = (), **more: Any) -> Any:
    """Return a definition. Inputs and outputs are ``(name, type)``; links are written as in ``document``."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    return {
        "id": id,
        "version": 1,
        "name": f"graph {id}",
        "nodes": nodes,
        "links": [dict(zip(keys, link, strict=True)) for link in links],
        "inputs": [{"name": name, "type": type} for name, type in inputs],
        "outputs": [{"name": name, "type": type} for name, type in outputs],
        **more,
    }


def converted(made: Any, classes: Mapping[str, Any] = CLASSES) -> Conversion:
    """Return what becomes of a document."""
    return convert(made, Definitions(dump=classes), NOW)


def inputs_of(made: Any, id: str = "1", classes: Mapping[str, Any] = CLASSES) -> dict[str, Any]:
    """Return the inputs of one node of a converted document."""
    return dict(converted(made, classes).nodes[id].inputs)


def values_of(record: Any, values: Any, **more: Any) -> dict[str, Any]:
    """Return the inputs of a lone node of a made-up class that has these saved values."""
    return inputs_of(document([node(1, "Made", values, **more)]), classes={"Made": record})
