"""Damages editor files at random, from a seed: what a file may suffer from disks, scripts and strangers."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

Json = Any
Place = tuple[Json, Any]
"""A list or object, and the index or key of one of its values."""

_STRANGE: tuple[Json, ...] = (
    None, True, False, 0, -1, -10, -20, 7, 2.5, float("nan"), float("inf"), 2**64 - 1, 10**400,
    "", "x", "-10", "randomize",
    [], {}, [[]], {"length": 10**9}, {"length": 3, "0": 1}, [1, 2], {"nodes": []},
    "\ud83d", "é" * 400, "a" * 5000,
)  # fmt: skip


def damaged(document: Json, seed: int) -> Json:
    """Return a copy of a document with one to six things wrong with it."""
    draw = random.Random(seed)
    copied = copy.deepcopy(document)
    for _ in range(draw.randint(1, 6)):
        draw.choice(_DAMAGES)(copied, draw)
    return copied


def _places(document: Json) -> list[Place]:
    """Return every place of a document, shallow ones first."""
    found: list[Place] = []
    level: list[Json] = [document]
    while level:
        here = [
            (holder, key)
            for holder in level
            for key in (range(len(holder)) if isinstance(holder, list) else list(holder))
        ]
        found += here
        level = [holder[key] for holder, key in here if isinstance(holder[key], list | dict)]
    return found


def _pick(document: Json, draw: random.Random) -> Place | None:
    """Pick a place; every other time one of the shallow, where structure is."""
    places = _places(document)
    if not places:
        return None
    return draw.choice(places[: max(1, len(places) // 8)] if draw.random() < 0.5 else places)


def _named(document: Json, *names: str) -> list[Place]:
    return [(holder, key) for holder, key in _places(document) if key in names]


def _drop(document: Json, draw: random.Random) -> None:
    place = _pick(document, draw)
    if place is not None:
        del place[0][place[1]]


def _replace(document: Json, draw: random.Random) -> None:
    place = _pick(document, draw)
    if place is not None:
        place[0][place[1]] = copy.deepcopy(draw.choice(_STRANGE))


def _cut(document: Json, draw: random.Random) -> None:
    lists = [holder[key] for holder, key in _places(document) if isinstance(holder[key], list) and holder[key]]
    if lists:
        chosen = draw.choice(lists)
        del chosen[draw.randrange(len(chosen)) :]


def _repeat(document: Json, draw: random.Random) -> None:
    lists = [holder[key] for holder, key in _places(document) if isinstance(holder[key], list) and holder[key]]
    if lists:
        chosen = draw.choice(lists)
        chosen.insert(draw.randrange(len(chosen) + 1), copy.deepcopy(draw.choice(chosen)))


def _swap(document: Json, draw: random.Random) -> None:
    places = [place for place in _places(document) if not isinstance(place[0][place[1]], list | dict)]
    if len(places) > 1:
        (one, a), (other, b) = draw.sample(places, 2)
        one[a], other[b] = other[b], one[a]


def _nest(document: Json, draw: random.Random) -> None:
    place = _pick(document, draw)
    if place is not None:
        deep: Json = draw.choice(_STRANGE)
        for _ in range(draw.choice((3, 30, 100))):
            deep = draw.choice(([deep], {"nodes": deep}, {"subgraphs": [deep]}, {"definitions": deep}))
        place[0][place[1]] = deep


def _reroute_links(document: Json, draw: random.Random) -> None:
    """Send links somewhere else, where cycles come from."""
    for holder, key in _named(document, "link", "origin_id", "target_id", "linkIds", "origin_slot"):
        if draw.random() < 0.3:
            others = _named(document, key)
            source, other = draw.choice(others)
            holder[key] = copy.deepcopy(source[other])


def _retype(document: Json, draw: random.Random) -> None:
    """Let nodes be of a type that stands elsewhere in the file: a subgraph inside itself, for one."""
    types = _named(document, "type") + _named(document, "id")
    targets = _named(document, "type")
    for holder, key in draw.sample(targets, min(len(targets), 8)):
        source, other = draw.choice(types)
        holder[key] = copy.deepcopy(source[other])


def _close_subgraphs(document: Json, draw: random.Random) -> None:
    """Make a definition hold hosts of others, and of itself."""
    definitions = document.get("definitions") if isinstance(document, dict) else None
    graphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    usable = [each for each in graphs if isinstance(each, dict)] if isinstance(graphs, list) else []
    for graph in usable:
        if isinstance(graph.get("nodes"), list):
            for index in range(draw.randint(0, 4)):
                graph["nodes"].append({"id": 9000 + index, "type": draw.choice(usable).get("id"), "mode": 0})


def _change_modes(document: Json, draw: random.Random) -> None:
    for holder, key in _named(document, "mode"):
        if draw.random() < 0.4:
            holder[key] = draw.choice((0, 2, 4, 4))


_DAMAGES: tuple[Callable[[Json, random.Random], None], ...] = (
    _drop, _drop, _replace, _replace, _cut, _repeat, _swap, _nest, _reroute_links, _retype,
    _close_subgraphs, _change_modes,
)  # fmt: skip
