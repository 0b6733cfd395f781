"""A parsed document on its way to a workflow: plain values, where they stood, and how to read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from graphrun.formats.origin import Mark


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the written forms of one and the same graph.

    ``read_value`` turns an input's value, given the ids of all nodes, into a literal, a Link or a Misread.
    ``notes_start_underscored`` makes a key such as ``_common`` no node, whatever it holds; ``quoted_text`` is as in
    Workflow.
    """

    read_value: Callable[[object, Container[str]], object]
    notes_start_underscored: bool = False
    quoted_text: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What a parser returns. ``marks`` maps paths of keys to where the last key stands; empty without lines."""

    value: object
    dialect: Dialect
    marks: Mapping[tuple[str, ...], Mark] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def mark(self, *path: str) -> Mark | None:
        """Return where this path of keys stands, or the nearest key above it that was written in this place.

        What came in through an alias has no key of its own here, so the key that holds the alias answers.
        """
        for end in range(len(path), 0, -1):
            if path[:end] in self.marks:
                return self.marks[path[:end]]
        return None


class Repeated(dict[str, object]):
    """A JSON object in which some keys were written more than once. Its items are the last of each."""

    __slots__ = ("keys_repeated",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.keys_repeated = tuple(key for key, count in counts.items() if count > 1)


def keys_repeated(mapping: object) -> tuple[str, ...]:
    """Return the keys that were written more than once in this object."""
    return mapping.keys_repeated if isinstance(mapping, Repeated) else ()
