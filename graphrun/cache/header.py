"""What the disk tier's index keeps of an entry, as checked bytes: enough to find it without touching its values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from graphrun.cache.codec import decode, encode
from graphrun.errors import Uncacheable
from graphrun.kernel.store import Entry, FileRecord


@dataclass(frozen=True, slots=True)
class Header:
    """An entry, the digest of its document, and those of its blobs in the document's order."""

    entry: Entry
    document: str
    blobs: Sequence[str]

    def to_bytes(self) -> bytes:
        """Return it as JSON. Raises Uncacheable where the UI payload has no stored form."""
        entry = self.entry
        told = {
            "class": entry.class_type,
            "ui": _encode_ui(entry),
            "files": [[str(file.path), file.digest] for file in entry.files],
            "inputs": dict(entry.input_digests),
            "slots": list(entry.slot_digests),
            "seconds": entry.seconds,
            "paid": entry.paid,
            "parts": dict(entry.parts),
            "document": self.document,
            "blobs": list(self.blobs),
        }
        return json.dumps(told, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        """Read it again, from bytes whose checksum was right."""
        told = json.loads(data)
        entry = Entry(
            class_type=told["class"],
            ui=decode(told["ui"].encode(), ())[0][0] if told["ui"] else {},
            files=tuple(FileRecord(Path(path), digest) for path, digest in told["files"]),
            input_digests=told["inputs"],
            slot_digests=tuple(told["slots"]),
            seconds=told["seconds"],
            paid=told["paid"],
            parts=told["parts"],
        )
        return cls(entry, told["document"], told["blobs"])


def checksum(namespace: str, key: str, header: bytes) -> bytes:
    """Return what a row must carry to be believed: a flipped bit, or a row under another key, is a miss."""
    return blake3(b"%b\0%b\0%b" % (namespace.encode(), key.encode(), header)).digest(16)


def _encode_ui(entry: Entry) -> str | None:
    if not entry.ui:
        return None
    encoded = encode([[dict(entry.ui)]])
    if encoded.blobs:
        raise Uncacheable("a UI payload holds what JSON can't")
    return encoded.document.decode()
