"""Writes and reads multipart/form-data, byte for byte. Reading is for the offline service, which needs no framework.

Split on the boundary rather than given to the standard library's mail parser: that one reads bodies line by line,
and pictures have no lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser


class BadForm(ValueError):
    """The body is no complete multipart form."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field or file of a form. ``media_type`` is None where the part doesn't say."""

    name: str
    data: bytes = field(repr=False)
    file_name: str | None = None
    media_type: str | None = None


def write_form(parts: Iterable[Part], boundary: str) -> bytes:
    """Return the body, the same bytes for the same parts. No part may contain the boundary: a digest is a good one.

    Raises UnicodeEncodeError for names that UTF-8 can't hold.
    """
    written = b"".join(b"--%b\r\n%b\r\n%b\r\n" % (boundary.encode(), _head(part), part.data) for part in parts)
    return written + b"--%b--\r\n" % boundary.encode()


def _head(part: Part) -> bytes:
    file_name = "" if part.file_name is None else f'; filename="{_quoted(part.file_name)}"'
    media_type = "" if part.media_type is None else f"Content-Type: {part.media_type}\r\n"
    return f'Content-Disposition: form-data; name="{_quoted(part.name)}"{file_name}\r\n{media_type}'.encode()


def _quoted(name: str) -> str:
    """As browsers do (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def read_form(content_type: str, body: bytes) -> tuple[Part, ...]:
    """Return the parts in order. Raises BadForm."""
    boundary = _headers(f"content-type: {content_type}").get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise BadForm("the content type names no boundary")
    # The line break before a delimiter belongs to it, not to the part; the first one has none, so it gets one.
    _preamble, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if not parts or not parts[-1].startswith(b"--"):
        raise BadForm("the form is cut off: its last boundary is missing")
    return tuple(map(_part, parts[:-1]))


def _part(raw: bytes) -> Part:
    padding, line_break, rest = raw.partition(b"\r\n")
    head, blank, data = rest.partition(b"\r\n\r\n")
    headers = _headers(head.decode("utf-8", "replace"))
    name = headers.get_param("name", header="content-disposition")
    if padding.strip() or not line_break or not blank or not isinstance(name, str):
        raise BadForm("a part of the form has no name")
    return Part(name, data, headers.get_filename(), headers.get_content_type() if "content-type" in headers else None)


def _headers(text: str) -> Message:
    return HeaderParser().parsestr(text)
