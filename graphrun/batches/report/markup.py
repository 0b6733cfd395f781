"""HTML put together so that text can't be markup: what isn't `Markup` already is escaped on its way in."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

# What HTML has no way to write: control characters and halves of surrogate pairs.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"img", "input", "meta"})


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Return text as HTML that shows it, in an element or an attribute."""
    return text if isinstance(text, Markup) else Markup(html.escape(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)))


def joined(*parts: str | None, by: str = "") -> Markup:
    """Return parts in a row, without those that are None."""
    return Markup(escaped(by).join(escaped(part) for part in parts if part is not None))


def element(name: str, /, *content: str | None, **attributes: str | bool | int | None) -> Markup:
    """Return an element. ``class_`` is the attribute ``class``, ``data_row`` is ``data-row``; False and None leave out.

    Attributes whose value would run or load something (``onclick``, ``style``) are not for text from outside.
    """
    words = [name, *(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))]
    start = Markup(f"<{' '.join(words)}>")
    return start if name in _VOID else Markup(f"{start}{joined(*content)}</{name}>")


def link(path: str, /, *content: str, **attributes: str | bool | int | None) -> Markup:
    """Return a link to a file by its path from the page. Quoted, so that no path is taken for an address."""
    return element("a", *content, href=quote(path.encode("utf-8", "surrogateescape")), **attributes)


def _attribute(key: str, value: str | bool | int | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    # `is True`, since 1 == True: the number is a value.
    return name if value is True else f'{name}="{escaped(str(value))}"'
