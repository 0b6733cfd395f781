"""Nodes that hold, join, change and compare text. Positions count characters, as Python does."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from graphrun import Matte, Named, NodePack, Pictures, Shown, Widget
from graphrun_nodes.inputs import Multiline

pack = NodePack("builtin")

CaseSensitive = Annotated[bool, Widget(default=True)]


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


@pack.node("StringSubstring", display_name="Substring", category="text", cheap=True)
def string_substring(string: Multiline, start: int, end: int) -> str:
    """Cut a text out of another, from start up to end and without it; negative positions count from its end."""
    return string[start:end]


@pack.node("StringLength", display_name="Text Length", category="text", cheap=True)
def string_length(string: Multiline) -> Annotated[int, Named("length")]:
    """Count the characters of a text."""
    return len(string)


@pack.node("CaseConverter", display_name="Convert Text Case", category="text", cheap=True)
def case_converter(string: Multiline, mode: Literal["UPPERCASE", "lowercase", "Capitalize", "Title Case"]) -> str:
    """Write a text in capitals, in small letters, or with a capital in front of it or of each of its words."""
    match mode:
        case "UPPERCASE":
            return string.upper()
        case "lowercase":
            return string.lower()
        case "Capitalize":
            return string.capitalize()
        case "Title Case":
            return string.title()
    return string


@pack.node("StringTrim", display_name="Trim Text", category="text", cheap=True)
def string_trim(string: Multiline, mode: Literal["Both", "Left", "Right"]) -> str:
    """Take white space away from the ends of a text."""
    match mode:
        case "Both":
            return string.strip()
        case "Left":
            return string.lstrip()
        case "Right":
            return string.rstrip()
    return string


@pack.node("StringReplace", display_name="Replace Text", category="text", cheap=True)
def string_replace(string: Multiline, find: Multiline, replace: Multiline) -> str:
    """Put one text in place of another wherever that occurs."""
    return string.replace(find, replace)


@pack.node("StringContains", display_name="Contains Text", category="text", cheap=True)
def string_contains(
    string: Multiline, substring: Multiline, case_sensitive: CaseSensitive
) -> Annotated[bool, Named("contains")]:
    """Whether a text occurs in another."""
    if case_sensitive:
        return substring in string
    return substring.lower() in string.lower()


@pack.node("StringCompare", display_name="Compare Text", category="text", cheap=True)
def string_compare(
    string_a: Multiline,
    string_b: Multiline,
    mode: Literal["Starts With", "Ends With", "Equal"],
    case_sensitive: CaseSensitive,
) -> bool:
    """Whether a text begins or ends with another, or is equal to it."""
    a, b = (string_a, string_b) if case_sensitive else (string_a.lower(), string_b.lower())
    match mode:
        case "Starts With":
            return a.startswith(b)
        case "Ends With":
            return a.endswith(b)
        case "Equal":
            return a == b
    raise ValueError(f"{mode!r} is no way of comparing texts")


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
