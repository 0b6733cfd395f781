"""What a file itself says of a class nobody defines: the names of its widgets (workflow-formats.md, 3.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphrun.formats.ui.definitions import ClassDefinition, InputSpec
from graphrun.formats.ui.document import UiNode
from graphrun.formats.ui.positions import CONTROL_NAME, CONTROL_WORDS, Alignment, Style, align

_LISTED = Style(lazy_controls=True, extra_controls=True)
_BUTTONS = ("image", "")
_ASIDES = {
    CONTROL_NAME, "control_filter_list", "upload", "refresh", "audioUI", "preview", "videopreview", "video-preview",
}  # fmt: skip


LORA_ROWS = "Power Lora Loader (rgthree)"
"""Its widgets are made in the editor, an object each, and no definition has them (workflow-formats.md, 6)."""


def named_rows(values: Sequence[object]) -> dict[str, object]:
    """Return objects by the names they go by: rows ``lora_1``, ``lora_2``…, others by their ``type``."""
    named: dict[str, object] = {}
    rows = 0
    for value in values:
        match value:
            case {"lora": _}:
                rows += 1
                named[f"lora_{rows}"] = value
            case {"type": str(kind)}:
                named[kind] = value
    return named


def recorded_definition(node: UiNode) -> ClassDefinition | None:
    """Return the class as far as the node lists its widgets; None where it lists none."""
    listed = [slot for slot in node.inputs if slot.widget is not None]
    inputs = (InputSpec(slot.widget or slot.name, slot.type) for slot in listed)
    return ClassDefinition(node.type, tuple(inputs)) if listed else None


def recovered(node: UiNode, values: Sequence[object]) -> Alignment | None:
    """Return the reading of a list if the node lists exactly as many widgets as there are values.

    Control words after a number, and one value of an upload button at the end, don't count.
    """
    recorded = recorded_definition(node) or ClassDefinition(node.type)
    readings = [align(recorded, values, Style(lazy_controls=True)), align(recorded, values, _LISTED)]
    if values and values[-1] in _BUTTONS:
        readings.append(align(recorded, values[:-1], _LISTED))
    return next((reading for reading in readings if reading.exact), None)


def without_asides(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values by name that may go to the prompt: controls, buttons and previews are left out."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(name, str) and name not in _ASIDES and not _is_button(name) and not _is_control(name, value)
    }


def _is_button(name: str) -> bool:
    return name.startswith("$$") or (name.startswith("choose ") and name.endswith(" to upload"))


def _is_control(name: str, value: object) -> bool:
    """Some editors named the control after its mode: ``{"value": 4096, "fixed": "fixed"}``."""
    return name in CONTROL_WORDS and isinstance(value, str) and value in CONTROL_WORDS
