"""Nodes that change the texts of a data set, one by one: a list of them makes one call each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphrun import NodePack, Widget

pack = NodePack("builtin")

Blank = Annotated[str, Widget(default="")]


@pack.node("TextToLowercase", display_name="Text to Lowercase", category="text", cheap=True)
def text_to_lowercase(texts: str) -> str:
    """Write each text in small letters."""
    return texts.lower()


@pack.node("TextToUppercase", display_name="Text to Uppercase", category="text", cheap=True)
def text_to_uppercase(texts: str) -> str:
    """Write each text in capitals."""
    return texts.upper()


@pack.node("TruncateText", display_name="Truncate Text", category="text", cheap=True)
def truncate_text(texts: str, max_length: Annotated[int, Field(ge=1, le=10_000), Widget(default=77)]) -> str:
    """Keep the first characters of each text."""
    return texts[:max_length]


@pack.node("AddTextPrefix", display_name="Add Text Prefix", category="text", cheap=True)
def add_text_prefix(texts: str, prefix: Blank) -> str:
    """Put something in front of each text."""
    return prefix + texts


@pack.node("AddTextSuffix", display_name="Add Text Suffix", category="text", cheap=True)
def add_text_suffix(texts: str, suffix: Blank) -> str:
    """Put something behind each text."""
    return texts + suffix


@pack.node("ReplaceText", display_name="Replace Text", category="text", cheap=True)
def replace_text(texts: str, find: Blank, replace: Blank) -> str:
    """Put one text in place of another in each text."""
    return texts.replace(find, replace)


@pack.node("StripWhitespace", display_name="Strip Whitespace", category="text", cheap=True)
def strip_whitespace(texts: str) -> str:
    """Take white space away from the ends of each text."""
    return texts.strip()
