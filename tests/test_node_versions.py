"""A built-in node whose source changed needs a new version, or its old results would be taken for new ones.

``make golden`` accepts the present source where results did not change.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest

from graphrun_nodes import pack

GOLDEN = Path(__file__).with_name("node_versions.json")


def digest(function: Callable[..., object]) -> str:
    """Return a digest of a node's code and of every function of the pack it uses; comments don't count."""
    seen: dict[str, str] = {}
    pending = [function]
    while pending:
        current = inspect.unwrap(pending.pop())
        name = f"{current.__module__}.{current.__qualname__}"
        if name in seen or not isinstance(current, FunctionType):
            continue
        seen[name] = code(current)
        names = [*current.__code__.co_names, *(str(cell.cell_contents) for cell in current.__closure__ or ())]
        used = [current.__globals__.get(each) for each in names]
        pending += [each for each in used if isinstance(each, FunctionType) and each.__module__.startswith("graphrun_")]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def code(function: FunctionType) -> str:
    """Return a function's body without docstring, comments and layout."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    definition.decorator_list = []
    return ast.dump(definition)


def present() -> dict[str, dict[str, object]]:
    """Return version and source digest of every built-in node."""
    return {
        node_type.name: {"version": node_type.version, "source": digest(node_type.function)}
        for node_type in sorted(pack, key=lambda each: each.name)
        if node_type.function is not None
    }


def test_a_changed_node_has_a_new_version(pytestconfig: pytest.Config) -> None:
    """Source and version change together."""
    if pytestconfig.getoption("golden"):
        GOLDEN.write_text(json.dumps(present(), indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    now = present()
    changed = [
        name
        for name, state in now.items()
        if name in golden and state["source"] != golden[name]["source"] and state["version"] == golden[name]["version"]
    ]
    advice = "raise their version in @pack.node; if their results are what they were, run `make golden`"
    assert changed == [], f"the source of {', '.join(changed)} changed: {advice}"
    assert golden.keys() == now.keys(), "nodes came or went: run `make golden`"
    assert now == golden, "versions changed: run `make golden`"


def test_the_digest_sees_helpers_and_not_comments() -> None:
    """A node depends on the functions it calls, not on how they are commented."""
    by_name = {node_type.name: node_type.function for node_type in pack}
    scale = by_name["ImageScale"]
    assert scale is not None
    assert digest(scale) == digest(scale)
    assert digest(scale) != digest(by_name["ImageInvert"] or scale)
