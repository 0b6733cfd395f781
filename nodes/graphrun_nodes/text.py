"""Nodes that hold, join and show text."""

from __future__ import annotations

import json
from typing import Annotated, Any

from graphrun import Matte, NodePack, Pictures, Shown, Widget

pack = NodePack("builtin")

Multiline = Annotated[str, Widget(multiline=True)]


@pack.node("PrimitiveString", display_name="String", category="utilities/primitive", cheap=True)
def primitive_string(value: str) -> str:
    """Hold a line of text."""
    return value


@pack.node("PrimitiveStringMultiline", display_name="String (Multiline)", category="utilities/primitive", cheap=True)
def primitive_string_multiline(value: Multiline) -> str:
    """Hold text of several lines."""
    return value


@pack.node("StringConcatenate", display_name="Concatenate Text", category="text", cheap=True)
def string_concatenate(string_a: Multiline, string_b: Multiline, delimiter: Annotated[str, Widget(default="")]) -> str:
    """Join two texts. The delimiter stands between them also where one is empty."""
    return string_a + delimiter + string_b


@pack.node("PreviewAny", display_name="Preview as Text", category="utils", output_node=True, cheap=True)
def preview_any(source: Any) -> Shown[str]:
    """Show any value as text."""
    text = as_text(source)
    return Shown(text, ui={"text": [text]})


def as_text(value: object) -> str:
    """Return a value as people read it: JSON where it has that form, else what Python prints."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float):  # booleans are ints: "True", as ComfyUI shows them
        return str(value)
    if isinstance(value, Pictures | Matte):
        return str(value.tensor())
    try:
        return json.dumps(value, indent=4)
    except Exception:  # whatever a stranger's type raises
        return _printed(value)


def _printed(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return "source exists, but could not be serialized."
