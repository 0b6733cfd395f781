"""Writes our node types in the shape of ComfyUI's ``/object_info`` (comfyui-execution.md, 7.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphrun.kernel.node_types import MISSING, Autogrow, DynamicCombo, Input, NodeType

Record = dict[str, Any]


def dump_definitions(types: Iterable[NodeType]) -> dict[str, Record]:
    """Return the records of several classes by name, fit for ``json.dumps`` and for ``definitions=``."""
    return {node_type.name: object_info(node_type) for node_type in types}


def object_info(node_type: NodeType) -> Record:
    """Return the record of one class."""
    sections = _sections(node_type.inputs)
    return {
        "input": sections,
        "input_order": {section: list(inputs) for section, inputs in sections.items()},
        "is_input_list": node_type.list_input,
        "output": [output.type for output in node_type.outputs],
        "output_is_list": [output.is_list for output in node_type.outputs],
        "output_name": [output.name for output in node_type.outputs],
        "name": node_type.name,
        "display_name": node_type.display_name or node_type.name,
        "description": node_type.help,
        "python_module": node_type.pack,
        "category": node_type.category,
        "output_node": node_type.output_node,
        "api_node": node_type.api_node,
    }


def _sections(inputs: Sequence[Input]) -> dict[str, dict[str, list[Any]]]:
    """Return the inputs by section. Editors show all required ones first, so the order of widgets must survive that.

    An optional input that stands before a required one is therefore written as required: the editor always sends it.
    """
    sections: dict[str, dict[str, list[Any]]] = {"required": {}, "optional": {}}
    last = max((index for index, declared in enumerate(inputs) if declared.required), default=-1)
    for index, declared in enumerate(inputs):
        required = declared.required or (index < last and declared.default not in (MISSING, None))
        sections["required" if required else "optional"][declared.name] = _spec(declared)
    return sections


def _spec(declared: Input) -> list[Any]:
    options = {key: value for key, value in _options(declared).items() if value is not None}
    match declared.dynamic:
        case DynamicCombo(options=choices):
            listed = [{"key": key, "inputs": _sections(members)} for key, members in choices.items()]
            return [declared.type, {**options, "options": listed}]
        case Autogrow() as growing:
            return [declared.type, {**options, "template": _template(growing)}]
    if declared.options is not None:
        return [list(declared.options), options]
    # A file's name is chosen from a list that the folder makes; the editor puts an upload button beside it.
    return [[], {"image_upload": True, **options}] if declared.widget.file else [declared.type, options]


def _options(declared: Input) -> Mapping[str, Any]:
    """Return what is declared beside the type; None for what isn't."""
    widget = declared.widget
    default = declared.default if widget.default is MISSING else widget.default
    return {
        "default": default if isinstance(default, bool | int | float | str) else None,
        "min": declared.minimum,
        "max": declared.maximum,
        "step": widget.step,
        "multiline": widget.multiline or None,
        "control_after_generate": widget.seed or None,
        "forceInput": widget.linked or None,
        "lazy": declared.lazy or None,
        "rawLink": declared.raw_link or None,
        "tooltip": declared.help or None,
    }


def _template(growing: Autogrow) -> Record:
    template = growing.template
    section = "required" if template.required else "optional"
    made = {"input": {section: {template.name: _spec(template)}}, "min": growing.minimum}
    prefix = re.sub(r"0\Z", "", growing.names[0]) if growing.names else ""
    if growing.names == tuple(f"{prefix}{index}" for index in range(len(growing.names))):
        return {**made, "prefix": prefix, "max": len(growing.names)}
    return {**made, "names": list(growing.names)}
