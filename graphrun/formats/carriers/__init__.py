"""Files that carry their workflow: pictures, sound, films and the like (workflow-formats.md, 4).

One reader a container walks its structure without decoding it and yields named texts (entries) · embedded finds the
prompt and the workflow among them · choice takes one (agreement tells whether they are the same). Readers raise
nothing for damaged bytes: no length is trusted past the end, no checksum is looked at, every loop has an end.
"""

from graphrun.formats.carriers.avif import read_avif
from graphrun.formats.carriers.choice import Carried, Choice, choose
from graphrun.formats.carriers.embedded import Embedded, gather
from graphrun.formats.carriers.entries import Entry
from graphrun.formats.carriers.id3 import read_mp3
from graphrun.formats.carriers.jpeg import read_jpeg
from graphrun.formats.carriers.json_headers import read_glb, read_safetensors
from graphrun.formats.carriers.matroska import read_webm
from graphrun.formats.carriers.mp4 import read_mp4
from graphrun.formats.carriers.png import read_png
from graphrun.formats.carriers.svg import read_svg
from graphrun.formats.carriers.vorbis import read_flac, read_ogg
from graphrun.formats.carriers.webp import read_webp

__all__ = [
    "Carried",
    "Choice",
    "Embedded",
    "Entry",
    "choose",
    "gather",
    "read_avif",
    "read_flac",
    "read_glb",
    "read_jpeg",
    "read_mp3",
    "read_mp4",
    "read_ogg",
    "read_png",
    "read_safetensors",
    "read_svg",
    "read_webm",
    "read_webp",
]
