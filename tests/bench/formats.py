"""How long a workflow of 1,000 nodes takes to load in each form, beside plain ``json.loads`` of the same text."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

import yaml

from graphrun.formats import Definitions, dump_api, load
from graphrun.kernel.workflow import Workflow
from graphrun.packs import Registry, installed_packs

SIZE = 1_000
ROUNDS = 5


def report() -> None:
    """Print milliseconds per form (aims: UI and YAML under 200, API under 50)."""
    definitions = Definitions(Registry(installed_packs()))
    editor = json.dumps(editor_chain(SIZE)).encode()
    workflow = load(editor, definitions=definitions)
    graph = dump_api(workflow)
    written = json.dumps(graph).encode()
    text = yaml.safe_dump(graph, sort_keys=False).encode()
    print(f"\nLoading {SIZE} nodes, milliseconds: json.loads alone, loaded (best of {ROUNDS})")  # noqa: T201
    for name, content, plain in (("UI", editor, editor), ("API", written, written), ("YAML", text, written)):
        alone = _best(lambda plain=plain: json.loads(plain))  # type: ignore[misc]
        whole = _best(lambda content=content: _load(content, definitions))  # type: ignore[misc]
        print(f"{name:>5} {len(content) / 1024:>7.0f} KB {alone:>8.1f} {whole:>8.1f}")  # noqa: T201


def editor_chain(size: int) -> dict[str, Any]:
    """Return an editor's document: a number, then texts that are joined one to the next, then a node that shows it."""
    nodes = [_node(1, "PrimitiveString", ["a"], [])]
    links: list[list[Any]] = []
    for id in range(2, size):
        links.append([id, id - 1, 0, id, 0, "STRING"])
        slot = {"name": "string_a", "type": "STRING", "widget": {"name": "string_a"}, "link": id}
        nodes.append(_node(id, "StringConcatenate", ["", f"text {id}", ", "], [slot]))
    links.append([size, size - 1, 0, size, 0, "STRING"])
    nodes.append(_node(size, "PreviewAny", [], [{"name": "source", "type": "*", "link": size}]))
    return {"version": 0.4, "nodes": nodes, "links": links, "last_node_id": size, "last_link_id": size}


def _node(id: int, type: str, values: list[Any], inputs: list[Any]) -> dict[str, Any]:
    looks = {"pos": [100, 100 * id], "size": [210, 120], "flags": {}, "order": id, "mode": 0}
    outputs = [{"name": "STRING", "type": "STRING", "links": [id + 1], "slot_index": 0}]
    properties = {"Node name for S&R": type, "cnr_id": "comfy-core", "ver": "0.3.64"}
    wired = {"inputs": inputs, "outputs": outputs}
    return {"id": id, "type": type, **looks, **wired, "properties": properties, "widgets_values": values}


def _load(content: bytes, definitions: Definitions) -> Workflow:
    return load(content, definitions=definitions)


def _best(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        taken.append(perf_counter() - started)
    return min(taken) * 1000
