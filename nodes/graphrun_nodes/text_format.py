"""Text with places to fill in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import Formatter, ascii_lowercase
from typing import Annotated, Any

from graphrun import Autogrow, Input, Matte, NodePack, Pictures, Widget

pack = NodePack("builtin")

MOST_DIGITS = 4  # of a width or precision: {a:>9999} is the widest
_TOO_WIDE = re.compile(rf"\d{{{MOST_DIGITS + 1}}}")

AnyValue = Input(name="value", required=False)


@pack.node("StringFormat", display_name="Format Text", category="text", cheap=True)
def string_format(
    values: Annotated[Mapping[str, Any], Autogrow(AnyValue, tuple(ascii_lowercase))],
    f_string: Annotated[str, Widget(default="{a}", multiline=True)],
) -> str:
    """Fill values called a to z into a text: {a}, or {b:.2f} for two decimals. {{ and }} are brackets."""
    shown = {name: each.tensor() if isinstance(each, Pictures | Matte) else each for name, each in values.items()}
    return _SafeFormatter().vformat(f_string, (), shown)


class _SafeFormatter(Formatter):
    """Python's own, without the ways from a value into the program, and without texts as wide as memory."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        """Look a name up. Raises ValueError for a path, KeyError for what is not there."""
        if "." in field_name or "[" in field_name:
            raise ValueError(f"f_string asks for {{{field_name}}}: only names are allowed, not what is in a value")
        if field_name not in kwargs:
            raise KeyError(f"f_string asks for {{{field_name}}}, and there are {', '.join(kwargs) or 'no values'}")
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write a value. Raises ValueError for a width of too many digits."""
        if _TOO_WIDE.search(format_spec):
            raise ValueError(
                f"f_string asks for the form {format_spec!r:.40}: at most {MOST_DIGITS} digits are allowed"
            )
        return str(super().format_field(value, format_spec))
