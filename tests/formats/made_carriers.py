"""Files that carry texts, built byte by byte, the least that each container needs; and a workflow to put in."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from graphrun.kernel.workflow import Link, Node

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "grün 漢.png"}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["1", 0]}},
}
NODES = {
    "1": Node("LoadImage", {"image": "grün 漢.png"}),
    "9": Node("SaveImage", {"filename_prefix": "x", "images": Link("1", 0)}),
}
EDITOR: dict[str, Any] = {
    "nodes": [
        {"id": 1, "type": "LoadImage", "widgets_values": ["grün 漢.png", "image"]},
        {"id": 9, "type": "SaveImage", "inputs": [{"name": "images", "link": 4}], "widgets_values": ["x"]},
        {"id": 3, "type": "MarkdownNote", "widgets_values": ["a note"]},
    ],
    "links": [[4, 1, 0, 9, 0, "IMAGE"]],
    "version": 0.4,
}
PROMPT, WORKFLOW = json.dumps(GRAPH, ensure_ascii=False), json.dumps(EDITOR, ensure_ascii=False)
BOTH = {"prompt": PROMPT, "workflow": WORKFLOW}
"""A graph and the editor's drawing of it: they agree."""

Texts = Mapping[str, str]


def be(value: int, width: int = 4) -> bytes:
    return value.to_bytes(width, "big")


def le(value: int, width: int = 4) -> bytes:
    return value.to_bytes(width, "little")


def chunk(kind: bytes, body: bytes) -> bytes:
    return be(len(body)) + kind + body + be(zlib.crc32(kind + body))


PIXELS = chunk(b"IDAT", zlib.compress(b"\0abc"))


def png(*before: bytes, after: bytes = b"") -> bytes:
    """A picture of one pixel, with chunks before and behind its pixels."""
    header = chunk(b"IHDR", be(1) + be(1) + b"\x08\x02\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + PIXELS + after + chunk(b"IEND", b"")


def text(keyword: str, value: str) -> bytes:
    return chunk(b"tEXt", keyword.encode() + b"\0" + value.encode())


def packed(keyword: str, value: bytes) -> bytes:
    return chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(value))


def tiff(tags: Mapping[int, bytes], *, order: str = "big", camera: Mapping[int, bytes] | None = None) -> bytes:
    """An EXIF block. ASCII tags, but for 0x9286 (UserComment), which goes where ``camera`` says."""
    number = be if order == "big" else le
    block = (b"MM" if order == "big" else b"II") + number(42, 2) + number(8)
    own = dict(tags)
    values_at = 8 + 2 + 12 * (len(own) + (camera is not None)) + 4
    values = b"".join(own.values())
    entries, place = b"", values_at
    for tag, value in own.items():
        entries += number(tag, 2) + number(2, 2) + number(len(value)) + number(place)
        place += len(value)
    if camera is not None:
        entries += number(0x8769, 2) + number(4, 2) + number(1) + number(place)
    block += number(len(own) + (camera is not None), 2) + entries + number(0) + values
    if camera is not None:
        below, place = b"", place + 2 + 12 * len(camera) + 4
        for tag, value in camera.items():
            below += number(tag, 2) + number(7, 2) + number(len(value)) + number(place)
            place += len(value)
        block += number(len(camera), 2) + below + number(0) + b"".join(camera.values())
    return block


def exif(texts: Texts, *, order: str = "big") -> bytes:
    """An EXIF block as ComfyUI writes it: the workflow in Make, the prompt in Model."""
    numbers = {"workflow": 0x010F, "prompt": 0x0110}
    return tiff({numbers[key]: f"{key}:{value}".encode() + b"\0" for key, value in texts.items()}, order=order)


def webp(block: bytes) -> bytes:
    body = b"WEBP" + b"VP8X" + le(3) + b"odd\0" + b"EXIF" + le(len(block)) + block + b"\0" * (len(block) % 2)
    return b"RIFF" + le(len(body)) + body


def jpeg(block: bytes) -> bytes:
    segment = b"Exif\0\0" + block
    jfif = b"\xff\xe0\0\x07JFIF\0"
    return b"\xff\xd8" + jfif + b"\xff\xff\xe1" + be(len(segment) + 2, 2) + segment + b"\xff\xda\0\x02pixels\xff\xd9"


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return be(8 + len(body)) + kind + body


def avif(block: bytes) -> bytes:
    start = box(b"ftyp", b"avif\0\0\0\0")
    infos = [be(2 << 24) + be(1, 2) + be(0, 2) + b"av01\0", be(2 << 24) + be(2, 2) + be(0, 2) + b"Exif\0"]
    iinf = box(b"iinf", be(0), be(2, 2), *(box(b"infe", info) for info in infos))
    item = be(0) + block

    def meta(place: int) -> bytes:
        places = [
            be(1, 2) + be(0, 2) + be(1, 2) + be(0) + be(4),
            be(2, 2) + be(0, 2) + be(1, 2) + be(place) + be(len(item)),
        ]
        iloc = box(b"iloc", be(0), b"\x44\x00", be(2, 2), *places)
        return box(b"meta", be(0), box(b"hdlr", bytes(24)), iinf, iloc)

    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", item)


def mp4(texts: Texts) -> bytes:
    keys = box(b"keys", be(0), be(len(texts)), *(box(b"mdta", key.encode()) for key in texts))
    items = [box(be(at), box(b"data", be(1), be(0), value.encode())) for at, value in enumerate(texts.values(), 1)]
    meta = box(b"meta", be(0), box(b"hdlr", bytes(24)), keys, box(b"ilst", *items))
    large = be(1) + b"mdat" + be(16 + 5, 8) + b"video"
    return box(b"ftyp", b"isom\0\0\0\0") + large + box(b"moov", box(b"mvhd", bytes(8)), box(b"udta", meta))


def seven_bits(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def mp3(texts: Texts, *, version: int = 4, encoding: int = 3) -> bytes:
    codec = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}[encoding]
    frames = b"TSSE" + be(2) + b"\0\0" + b"\3x"
    for key, value in texts.items():
        body = bytes([encoding]) + f"{key}\0".encode(codec) + value.encode(codec)
        frames += b"TXXX" + (seven_bits if version == 4 else be)(len(body)) + b"\0\0" + body
    return b"ID3" + bytes([version, 0, 0]) + seven_bits(len(frames) + 10) + frames + bytes(10) + b"\xff\xfb\x90sound"


def comments(texts: Texts) -> bytes:
    lines = [f"{key}={value}".encode() for key, value in {"ENCODER": "x", **texts}.items()]
    return le(3) + b"lib" + le(len(lines)) + b"".join(le(len(line)) + line for line in lines)


def flac(texts: Texts) -> bytes:
    block = comments(texts)
    return b"fLaC" + b"\0" + be(34, 3) + bytes(34) + b"\x84" + be(len(block), 3) + block + b"sound"


def ogg(texts: Texts) -> bytes:
    """Two packets, the second one spread over pages of 1000 bytes."""
    packet = b"OpusTags" + comments(texts)
    parts = [packet[at : at + 255] for at in range(0, len(packet), 255)]
    if len(parts[-1]) == 255:
        parts.append(b"")

    def page(parts: list[bytes]) -> bytes:
        return b"OggS" + bytes(22) + bytes([len(parts)]) + bytes(map(len, parts)) + b"".join(parts)

    return page([b"OpusHead"]) + b"".join(page(parts[at : at + 4]) for at in range(0, len(parts), 4))


def element(number: int, body: bytes) -> bytes:
    return be(number, (number.bit_length() + 7) // 8) + be(1 << 28 | len(body)) + body


def webm(texts: Texts) -> bytes:
    tags = [
        element(0x67C8, element(0x45A3, key.upper().encode()) + element(0x4487, value.encode()))
        for key, value in texts.items()
    ]
    inside = element(0x1F43B675, b"frames") + element(0x1254C367, element(0x7373, b"".join(tags)))
    return element(0x1A45DFA3, b"\x42\x82\x84webm") + be(0x18538067) + b"\x01" + b"\xff" * 7 + inside


def svg(texts: Texts) -> bytes:
    data = json.dumps({key: json.loads(value) for key, value in texts.items()}, indent=2)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n<metadata><![CDATA[\n{data}\n]]></metadata></svg>'.encode()


def safetensors(texts: Texts) -> bytes:
    header = json.dumps({"__metadata__": dict(texts), "x": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})
    return le(len(header), 8) + header.encode()


def glb(texts: Texts) -> bytes:
    header = json.dumps({"asset": {"version": "2.0", "extras": dict(texts)}}).encode()
    return b"glTF" + le(2) + le(20 + len(header)) + le(len(header)) + b"JSON" + header


MAKERS: dict[str, Callable[[Texts], bytes]] = {
    "PNG tEXt": lambda texts: png(*(text(key, value) for key, value in texts.items())),
    "PNG zTXt": lambda texts: png(*(packed(key, value.encode()) for key, value in texts.items())),
    "PNG iTXt": lambda texts: png(
        *(chunk(b"iTXt", key.encode() + b"\0\0\0en\0\0" + value.encode()) for key, value in texts.items())
    ),
    "PNG packed iTXt": lambda texts: png(
        *(chunk(b"iTXt", key.encode() + b"\0\1\0\0\0" + zlib.compress(value.encode())) for key, value in texts.items())
    ),
    "APNG comf": lambda texts: png(
        after=b"".join(chunk(b"comf", key.encode() + b"\0" + value.encode()) for key, value in texts.items())
    ),
    "WebP": lambda texts: webp(exif(texts)),
    "WebP little-endian": lambda texts: webp(b"Exif\0\0" + exif(texts, order="little")),
    "JPEG": lambda texts: jpeg(exif(texts)),
    "AVIF": lambda texts: avif(exif(texts)),
    "MP4": mp4,
    "MP4 comment": lambda texts: mp4({"comment": json.dumps(dict(texts))}),
    "MP3": mp3,
    "MP3 2.3": lambda texts: mp3(texts, version=3, encoding=1),
    "FLAC": flac,
    "Ogg": ogg,
    "WebM": webm,
    "SVG": svg,
    "safetensors": safetensors,
    "GLB": glb,
}
"""A maker for each way in which a container carries texts."""
