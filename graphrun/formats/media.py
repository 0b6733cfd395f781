"""Recognises files that may carry a workflow by their first bytes, and takes it out (workflow-formats.md, 4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from graphrun.errors import FileFormatError, PictureError
from graphrun.formats import carriers
from graphrun.formats.carriers import Carried, Choice, Embedded, Entry, choose, gather
from graphrun.formats.origin import Origin
from graphrun.imaging.slices import Slices

_HEAD = 4096
_ORIGINAL = "use the original file, or ask for the workflow as JSON (in ComfyUI: Workflow → Export)"


class Media(NamedTuple):
    """A kind of file, as a person would say it, and its reader; None: no program is known to put workflows there."""

    name: str
    read: Callable[[Slices], Iterable[Entry]] | None


_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), Media("a PNG picture", carriers.read_png)),
    (re.compile(rb"\xff\xd8\xff"), Media("a JPEG picture", carriers.read_jpeg)),
    (re.compile(rb"GIF8[79]a"), Media("a GIF picture", None)),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), Media("a WebP picture", carriers.read_webp)),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), Media("a WAV sound file", None)),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), Media("an AVIF picture", carriers.read_avif)),
    (re.compile(rb"....ftyp(hei|mif|msf)", re.DOTALL), Media("a HEIF picture", carriers.read_avif)),
    (re.compile(rb"....ftyp", re.DOTALL), Media("an MP4 film", carriers.read_mp4)),
    (re.compile(rb"ID3|\xff[\xfa\xfb\xf2\xf3]"), Media("an MP3 sound file", carriers.read_mp3)),
    (re.compile(rb"fLaC"), Media("a FLAC sound file", carriers.read_flac)),
    (re.compile(rb"OggS"), Media("an Ogg sound file", carriers.read_ogg)),
    (re.compile(rb"\x1a\x45\xdf\xa3"), Media("a WebM film", carriers.read_webm)),
    (re.compile(rb"glTF[\x00-\x0f]"), Media("a GLB model", carriers.read_glb)),
    (re.compile(rb"BM....\x00\x00\x00\x00", re.DOTALL), Media("a BMP picture", None)),
    (re.compile(rb"II\*\x00|MM\x00\*"), Media("a TIFF picture", None)),
    (re.compile(rb".{5}\x00{3}\{\"", re.DOTALL), Media("a safetensors file", carriers.read_safetensors)),
    (
        re.compile(
            rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.{0,2000}?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg\b", re.DOTALL
        ),
        Media("an SVG picture", carriers.read_svg),
    ),
)


def media(data: Slices) -> Media | None:
    """Return what kind of media file this is, or None for what must be text."""
    head = data[:_HEAD]
    return next((kind for signature, kind in _SIGNATURES if signature.match(head)), None)


def carried_workflow(data: Slices, origin: Origin, preferred: Carried = "workflow") -> Choice | None:
    """Return the workflow that a media file carries; None for other files. Reads metadata, not pictures or sound.

    Raises FileFormatError where it carries none that can be read.
    """
    kind = media(data)
    if kind is None:
        return None
    try:
        embedded = gather(kind.read(data) if kind.read else ())
    except PictureError as error:
        raise origin.refusal("unreadable_media", f"this is {kind.name} that can't be read: {error}") from None
    choice = choose(embedded, preferred)
    if choice is None:
        raise _nothing_to_run(kind, embedded, origin)
    return choice


def _nothing_to_run(kind: Media, embedded: Embedded, origin: Origin) -> FileFormatError:
    if embedded.damaged:
        type, texts = "damaged_embedded_workflow", " and ".join(embedded.damaged)
        said = f"whose {texts} can't be read: no JSON of a workflow, or longer than 32 MB; {_ORIGINAL}"
    elif embedded.settings:
        type = "a1111_parameters"
        said = "with generation settings of AUTOMATIC1111's web UI, not a workflow; graphrun has no graph to run"
    elif kind.read is None:
        type, said = "no_embedded_workflow", f"and such files carry no workflow; {_ORIGINAL}"
    else:
        type = "no_embedded_workflow"
        said = f"that carries no workflow: it was probably re-saved by another program, or is cut short; {_ORIGINAL}"
    return origin.refusal(type, f"this is {kind.name} {said}")
