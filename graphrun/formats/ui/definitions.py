"""What a node class takes, as the editor was told: one record per class, in the shape of ``/object_info``.

A record comes from a dump of any ComfyUI, or is made of one of our own node types; both are read by the same code
(workflow-formats.md, 3.2; comfyui-execution.md, 2.2 and 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from graphrun.formats.ui.lenient import as_list, as_mapping, text_or_none, type_name
from graphrun.formats.ui.object_info import object_info
from graphrun.kernel.node_types import MISSING, NodeType

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
DYNAMIC = (DYNAMIC_COMBO, DYNAMIC_GROUP, AUTOGROW, "COMFY_DYNAMICSLOT_V3")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input. ``choices`` are a combo's options; None where anything goes. ``options`` are all flags."""

    name: str
    type: str = "*"
    options: Mapping[str, object] = field(default_factory=dict)
    choices: tuple[object, ...] | None = None
    required: bool = True

    @property
    def kind(self) -> str:
        """The type that decides how the editor shows it."""
        return text_or_none(self.options.get("widgetType")) or self.type

    @property
    def default(self) -> object:
        """The value a new node starts with: what is declared, else a combo's first option; MISSING if neither."""
        if self.options.get("default") is not None:
            return self.options["default"]
        if self.type == DYNAMIC_COMBO:
            return next(iter(branches(self)), MISSING)
        return self.choices[0] if self.choices else MISSING


@dataclass(frozen=True, slots=True)
class ClassDefinition:
    """A node class: its inputs in the order of their widgets, the types and the names of its outputs.

    ``absent`` are the values a function of ours takes for inputs that are left out, where that may differ from what
    the editor starts with.
    """

    name: str
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    display_name: str | None = None
    absent: Mapping[str, object] = field(default_factory=dict)


class Definitions:
    """Looks classes up: first in the dumps the user gave, then among our own node types. Reads each class once."""

    def __init__(self, types: Mapping[str, NodeType] | None = None, dump: Mapping[str, object] | None = None) -> None:
        self._types = types or {}
        self._dump = _classes(dump or {})
        self._read: dict[str, ClassDefinition | None] = {}

    def find(self, name: str) -> ClassDefinition | None:
        """Return the definition of a class, or None where nobody knows it."""
        if name not in self._read:
            self._read[name] = self._found(name)
        return self._read[name]

    def _found(self, name: str) -> ClassDefinition | None:
        record = self._dump.get(name)
        if isinstance(record, Mapping):
            return read_definition(name, record)
        if name not in self._types:
            return None
        node_type = self._types[name]
        absent = {declared.name: declared.default for declared in node_type.inputs if not declared.required}
        return read_definition(name, object_info(node_type), absent)


def read_definition(
    name: str, record: Mapping[str, object], absent: Mapping[str, object] | None = None
) -> ClassDefinition:
    """Read one record of ``/object_info``. What makes no sense in it is left out."""
    sections, order = as_mapping(record.get("input")), as_mapping(record.get("input_order"))
    return ClassDefinition(
        name,
        tuple(_inputs(sections, order)),
        tuple(type_name(each) for each in as_list(record.get("output"))),
        tuple(text_or_none(each) or "" for each in as_list(record.get("output_name"))),
        text_or_none(record.get("display_name")),
        absent or {},
    )


def branches(choice: InputSpec) -> dict[str, tuple[InputSpec, ...]]:
    """Return the inputs each option of a dynamic combo brings, named in full: ``model.size``."""
    found: dict[str, tuple[InputSpec, ...]] = {}
    for option in as_list(choice.options.get("options")):
        entry = as_mapping(option)
        key = entry.get("key")
        if isinstance(key, str):
            found[key] = tuple(_inputs(as_mapping(entry.get("inputs")), {}, f"{choice.name}."))
    return found


def row_fields(group: InputSpec, row: int) -> tuple[InputSpec, ...]:
    """Return the inputs of one row of a dynamic group: ``GROUP.ROW.field``."""
    template = as_mapping(group.options.get("template"))
    sections = as_mapping(template.get("input")) or template
    return tuple(_inputs(sections, {}, f"{group.name}.{row}."))


def growing_name(spec: InputSpec, name: str) -> bool:
    """Return whether ``name`` is a member of a growing input, or belongs to one of its groups."""
    return spec.type in DYNAMIC and re.match(re.escape(spec.name) + r"\.[^.]+", name) is not None


def declares(definition: ClassDefinition, name: str, chosen: Mapping[str, object]) -> bool:
    """Return whether a class has an input of this name, with these options of its dynamic combos chosen."""
    pending = list(definition.inputs)
    while pending:
        spec = pending.pop()
        if spec.name == name:
            return True
        if not growing_name(spec, name):
            continue
        if spec.type != DYNAMIC_COMBO:
            return True
        option = chosen.get(spec.name)
        pending = list(branches(spec).get(option, ())) if isinstance(option, str) else []
    return False


def declared(definition: ClassDefinition, name: str, inputs: Mapping[str, object]) -> InputSpec | None:
    """Return the declaration of an input, with the options of dynamic combos that ``inputs`` choose."""
    pending = list(definition.inputs)
    while pending:
        spec = pending.pop()
        if spec.name == name:
            return spec
        option = inputs.get(spec.name)
        if spec.type == DYNAMIC_COMBO and name.startswith(f"{spec.name}.") and isinstance(option, str):
            pending += branches(spec).get(option, ())
    return None


def _classes(dump: Mapping[str, object]) -> Mapping[str, object]:
    """Return records by class: a whole dump as it is, one class's record under its own name."""
    if isinstance(dump.get("input"), Mapping) and isinstance(dump.get("name"), str):
        return {str(dump["name"]): dump}
    return dump


def _inputs(sections: Mapping[str, object], order: Mapping[str, object], prefix: str = "") -> Iterator[InputSpec]:
    for section in ("required", "optional"):
        declared = as_mapping(sections.get(section))
        for name in _ordered(declared, as_list(order.get(section))):
            spec = _spec(f"{prefix}{name}", declared[name], required=section == "required")
            if spec is not None:
                yield spec


def _ordered(declared: Mapping[str, object], order: Iterable[object]) -> list[str]:
    first = [name for name in order if isinstance(name, str) and name in declared]
    return list(dict.fromkeys([*first, *(name for name in declared if isinstance(name, str))]))


def _spec(name: str, raw: object, *, required: bool) -> InputSpec | None:
    if not isinstance(raw, list | tuple) or not raw:
        return None
    kind, options = raw[0], as_mapping(raw[1] if len(raw) > 1 else None)
    if isinstance(kind, list | tuple):
        return InputSpec(name, "COMBO", options, tuple(kind) or None, required)
    choices = options.get("options") if kind == "COMBO" else None
    closed = tuple(choices) if isinstance(choices, list | tuple) and choices else None
    return InputSpec(name, type_name(kind), options, closed, required)
