"""What the kernel asks of a cache: entries that are cheap to find, values that are loaded only when read.

An entry says what a step gave without holding it: its UI payload, the files it wrote, the digests of what went in and
came out. So a fully cached run loads no value at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file a step wrote: where, and the BLAKE3 of its content as hex."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a step's outputs without loading them.

    ``input_digests`` maps linked inputs to the digest of the value list they had, where it could be told;
    ``slot_digests`` holds that of each output, empty text where it couldn't. ``seconds`` is what making them took;
    ``paid`` ones came from a paid service. ``parts`` names each component of the key with a short digest or text, so
    that `cache why` can tell what differs.
    """

    class_type: str
    ui: Mapping[str, Sequence[object]] = field(default_factory=dict)
    files: tuple[FileRecord, ...] = ()
    input_digests: Mapping[str, str] = field(default_factory=dict)
    slot_digests: tuple[str, ...] = ()
    seconds: float = 0.0
    paid: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)


class CacheStore(Protocol):
    """Keeps entries and their values by key. Safe for several threads and, where it outlives one, processes.

    A store never raises for its own trouble: what it can't keep is not kept, what it can't read is a miss.
    """

    def find(self, key: CacheKey) -> Entry | None:
        """Return the entry, or None. Cheap: loads no value."""

    def load(self, key: CacheKey) -> Sequence[Values] | None:
        """Return the value list of each slot, or None where they are gone or damaged (then `find` forgets them)."""

    def put(self, key: CacheKey, entry: Entry, values: Sequence[Values]) -> bool:
        """Keep an entry with its values; return whether it did. A later change in place is never served."""

    def forget(self, key: CacheKey) -> None:
        """Drop an entry."""
