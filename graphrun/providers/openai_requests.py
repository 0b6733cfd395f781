"""A request's form on the wire: JSON to generations, a form to edits (openai-images.md, 1.2 to 1.6). Pure.

Equal requests under one client request id have the same bytes, so that a repeated upload is the same upload.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from blake3 import blake3

from graphrun.providers.base import ImageRequest, Upload
from graphrun.providers.multipart import Part, write_form


@dataclass(frozen=True, slots=True)
class WireForm:
    """Where a request goes, below the base URL, and as what."""

    path: str
    content_type: str
    body: bytes = field(repr=False)


def wire_form(request: ImageRequest, client_request_id: str) -> WireForm:
    """Return the request as it is sent. Raises UnicodeEncodeError for text that UTF-8 can't hold."""
    if not request.images:
        fields = json.dumps(_fields(request), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return WireForm("/images/generations", "application/json", fields.encode())
    boundary = blake3(client_request_id.encode()).hexdigest(16)
    body = write_form(_parts(request), boundary)
    return WireForm("/images/edits", f"multipart/form-data; boundary={boundary}", body)


def _fields(request: ImageRequest) -> dict[str, str | int]:
    return {"model": request.model, "prompt": request.prompt, **request.parameters}


def _parts(request: ImageRequest) -> list[Part]:
    """Fields by name, each as its text, then the pictures, then the mask (openai-images.md, 1.5)."""
    fields = [Part(name, str(value).encode()) for name, value in sorted(_fields(request).items())]
    part_name = "image" if len(request.images) == 1 else "image[]"
    files = [_file(part_name, upload) for upload in request.images]
    return [*fields, *files, *([_file("mask", request.mask)] if request.mask else [])]


def _file(name: str, upload: Upload) -> Part:
    return Part(name, upload.data, upload.file_name, upload.media_type)
