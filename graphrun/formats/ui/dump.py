"""Reads an ``/object_info`` dump from a file (comfyui-execution.md, 7.3)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from graphrun.formats.json_text import parse_json
from graphrun.formats.origin import Origin

MAX_BYTES = 128 * 1024 * 1024
"""The largest dump that is read. One of a ComfyUI with hundreds of packs has some ten megabytes."""


def read_dump(source: str | os.PathLike[str] | bytes | Mapping[str, object]) -> Mapping[str, object]:
    """Return the records by class, or the record of one class. Raises FileFormatError for what is neither."""
    if isinstance(source, Mapping):
        return _checked(source, Origin())
    origin, content = (Origin(), source) if isinstance(source, bytes) else _read(source)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise origin.refusal("not_text", "the definitions are no text in UTF-8") from None
    return _checked(parse_json(text, origin).value, origin)


def _read(path: str | os.PathLike[str]) -> tuple[Origin, bytes]:
    origin = Origin(Path(path))
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise origin.refusal("unreadable_file", f"the definitions can't be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise origin.refusal("too_large", f"the definitions are larger than {MAX_BYTES >> 20} MB")
    return origin, content


def _checked(value: object, origin: Origin) -> Mapping[str, object]:
    records = value.values() if isinstance(value, Mapping) else ()
    one_class = isinstance(value, Mapping) and isinstance(value.get("input"), Mapping)
    if isinstance(value, Mapping) and (one_class or any(_is_record(each) for each in records)):
        return value
    message = "no node definitions: expected what ComfyUI answers to /object_info, or to /object_info/CLASS"
    raise origin.refusal("no_definitions", message)


def _is_record(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("input"), Mapping)
