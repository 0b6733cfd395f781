"""Nodes that read JSON and write it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from graphrun import DynamicCombo, Input, Named, NodePack, Socket, Widget
from graphrun_nodes.inputs import Multiline

pack = NodePack("builtin")

Dictionary = Annotated[Mapping[str, Any], Socket("DICT")]
Array = Annotated[Sequence[Any], Socket("ARRAY", list_value=True)]
Indent = Annotated[int, Field(ge=0, le=8), Widget(default=2)]
Line = Annotated[str, Widget(default="")]
Prose = Annotated[str, Widget(default="", multiline=True)]

_PHOTO = Input(name="photo", type="STRING", widget=Widget(default=""))
_ART_STYLE = Input(name="art_style", type="STRING", widget=Widget(default=""))
_STYLES = DynamicCombo({"none": (), "photo": (_PHOTO,), "art_style": (_ART_STYLE,)})


@pack.node("JsonExtractString", display_name="Extract Text from JSON", category="text", cheap=True)
def json_extract_string(json_string: Multiline, key: str) -> str:
    """Take the value of a key out of the first JSON object in a text; without one, nothing."""
    value = next(_objects(json_string), {}).get(key)
    return "" if value is None else str(value)


def _objects(text: str) -> Iterator[dict[str, object]]:
    """Yield the JSON objects in a text, from the left, whatever stands around them."""
    decoder = json.JSONDecoder()
    start = -1
    while (start := text.find("{", start + 1)) >= 0:
        try:
            yield decoder.raw_decode(text, start)[0]
        except RecursionError:  # nested a thousand deep: what follows is deep inside, and trying it takes for ever
            return
        except ValueError:
            continue


@pack.node("ConvertDictionaryToString", category="text", cheap=True)
def convert_dictionary_to_string(dictionary: Dictionary, indent: Indent) -> str:
    """Write a dictionary as JSON, in lines indented by so many spaces; with 0 in one line."""
    return _json(dictionary, indent)


@pack.node("ConvertArrayToString", category="text", cheap=True)
def convert_array_to_string(array: Array, indent: Indent) -> str:
    """Write an array as JSON, in lines indented by so many spaces; with 0 in one line."""
    return _json(array, indent)


def _json(value: object, indent: int) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent or None)


@pack.node("BuildJsonPromptIdeogram", category="text", cheap=True)
def build_json_prompt_ideogram(
    element: Array,
    high_level_description: Prose,
    background: Prose,
    style: Annotated[Mapping[str, Any], _STYLES],
    aesthetics: Line,
    lighting: Line,
    medium: Line,
    color_palette: Annotated[Sequence[str] | None, Socket("COLORS", list_value=True)] = None,
) -> Annotated[dict[str, Any], Socket("DICT"), Named("prompt")]:
    """Put a prompt together for models that read JSON: what is in the picture, where, and in which style."""
    prompt: dict[str, object] = {}
    if high_level_description.strip():
        prompt["high_level_description"] = high_level_description
    if style["style"] != "none":
        prompt["style_description"] = _style(style, aesthetics, lighting, medium, color_palette or ())
    prompt["compositional_deconstruction"] = {"background": background, "elements": element}
    return prompt


def _style(
    style: Mapping[str, Any], aesthetics: str, lighting: str, medium: str, palette: Sequence[str]
) -> dict[str, object]:
    described: dict[str, object] = {"aesthetics": aesthetics, "lighting": lighting}
    if style["style"] == "photo":
        described |= {"photo": style["photo"], "medium": medium}
    else:
        described |= {"medium": medium, "art_style": style["art_style"]}
    if palette:
        described["color_palette"] = [color.upper() for color in palette]
    return described
