"""The installed node classes by category: as lines for a terminal, and as a table for a page in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from graphrun.kernel.node_types import NodeType

_NO_CATEGORY = "other"


def found_by(word: str, types: Iterable[NodeType]) -> list[NodeType]:
    """Return the classes in whose name, display name, category or help a word stands, in any case of letters."""
    wanted = word.casefold()
    return [each for each in types if wanted in " ".join(_about(each)).casefold()]


def list_lines(types: Iterable[NodeType]) -> Iterator[str]:
    """Yield a heading per category and a line per class; those of packs with fewer classes than another are marked."""
    known = _sorted(types)
    usual = Counter(each.pack for each in known).most_common(1)[0][0]
    width = max(len(each.name) for each in known)
    for number, (category, group) in enumerate(groupby(known, key=_category)):
        yield from ["", category] if number else [category]
        for each in group:
            mark = "" if each.pack == usual else f"  [{each.pack}]"
            yield f"  {each.name:{width}}  {_first_line(each)}{mark}".rstrip()


def markdown_lines(types: Iterable[NodeType]) -> Iterator[str]:
    """Yield a table: the category, where it changes, the class, and what that does."""
    yield "| category | class | what it does |"
    yield "| --- | --- | --- |"
    for category, group in groupby(_sorted(types), key=_category):
        for number, each in enumerate(group):
            heading = category if number == 0 else ""
            yield f"| {heading} | `{each.name}` | {_escaped(_first_line(each))} |"


def _sorted(types: Iterable[NodeType]) -> list[NodeType]:
    return sorted(types, key=lambda each: (_category(each), each.name))


def _category(node_type: NodeType) -> str:
    return node_type.category or _NO_CATEGORY


def _first_line(node_type: NodeType) -> str:
    return node_type.help.partition("\n")[0]


def _about(node_type: NodeType) -> tuple[str, ...]:
    return node_type.name, node_type.display_name, node_type.category, node_type.help


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
