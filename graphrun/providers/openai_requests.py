"""A request's form on the wire: JSON to generations, a form to edits (openai-images.md, 1.2 to 1.6). Pure.

Equal requests under one client request id have the same bytes, so that a repeated upload is the same upload.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from blake3 import blake3

from graphrun.providers.base import ImageRequest, Upload
from graphrun.providers.dialect import OPENAI, Dialect, FileFields
from graphrun.providers.multipart import Part, write_form
from graphrun.providers.white_masks import white_where_clear


@dataclass(frozen=True, slots=True)
class WireForm:
    """Where a request goes, below the base URL, and as what."""

    path: str
    content_type: str
    body: bytes = field(repr=False)


def wire_form(request: ImageRequest, client_request_id: str, dialect: Dialect = OPENAI) -> WireForm:
    """Return the request as it is sent.

    Raises UnicodeEncodeError for text that UTF-8 can't hold, PictureError for a mask that is to be turned and can't be.
    """
    if not request.images:
        fields = json.dumps(_fields(request), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return WireForm(dialect.path(request), "application/json", fields.encode())
    boundary = blake3(client_request_id.encode()).hexdigest(16)
    body = write_form(_parts(request, dialect.files), boundary)
    return WireForm(dialect.path(request), f"multipart/form-data; boundary={boundary}", body)


def _fields(request: ImageRequest) -> dict[str, str | int]:
    return {"model": request.model, "prompt": request.prompt, **request.parameters}


def _parts(request: ImageRequest, names: FileFields) -> list[Part]:
    """Fields by name, each as its text, then the pictures, then the mask (openai-images.md, 1.5)."""
    fields = [Part(name, _text(value).encode()) for name, value in sorted(_fields(request).items())]
    part_name = names.image if len(request.images) == 1 else names.images
    files = [_file(part_name, upload) for upload in request.images]
    return [*fields, *files, *([_file(names.mask, _mask(request.mask, names))] if request.mask else [])]


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mask(mask: Upload, names: FileFields) -> Upload:
    return white_where_clear(mask) if names.white_is_edited else mask


def _file(name: str, upload: Upload) -> Part:
    return Part(name, upload.data, upload.file_name, upload.media_type)
