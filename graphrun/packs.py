"""Node packs and the registry made of them. A registry is built and passed; none is global."""

from __future__ import annotations

import inspect
import marshal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

from graphrun.errors import PackError
from graphrun.kernel.cache_key import encode
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.signatures import node_type_from

F = TypeVar("F", bound=Callable[..., Any])


class NodePack:
    """A set of node types under one name, filled by decorating typed functions.

    >>> pack = NodePack("mine")
    >>> @pack.node("Double")
    ... def double(value: int) -> int:
    ...     return value * 2
    >>> [node_type.name for node_type in pack]
    ['Double']

    Of a ``versioned`` pack the nodes' versions alone tell whether results changed. Of any other its source files are
    part of every key as well, so an edit never serves old results.
    """

    def __init__(self, name: str, *, versioned: bool = False) -> None:
        self.name = name
        self.versioned = versioned
        self._types: dict[str, NodeType] = {}

    def node(self, name: str, *, version: int = 1, **flags: Any) -> Callable[[F], F]:
        """Register a typed function as the node class ``name`` and return it unchanged.

        ``version`` is part of every cache key: raise it when the function's results change. ``flags`` are fields
        of `NodeType`: ``display_name``, ``category``, ``output_node``, ``cheap``, ``check``, ``fingerprint``,
        ``needs``, ``asks``, ``services``, ``limit`` and so on.
        """

        def register(function: F) -> F:
            self.add(node_type_from(function, name, version=version, pack=self.name, **flags))
            return function

        return register

    def add(self, node_type: NodeType) -> None:
        """Add a node type that was made otherwise. Raises PackError where the name is taken."""
        if node_type.name in self._types:
            raise PackError(self.name, f"two nodes are called {node_type.name}")
        self._types[node_type.name] = node_type

    def include(self, other: NodePack) -> None:
        """Add every node type of another pack, as a pack of several modules does."""
        for node_type in other:
            self.add(node_type)

    def __iter__(self) -> Iterator[NodeType]:
        return iter(self._types.values())


class Registry(Mapping[str, NodeType]):
    """Node types by class name, from several packs, no two of which may share a name. Raises PackError."""

    def __init__(self, packs: Iterable[NodePack]) -> None:
        self._types: dict[str, NodeType] = {}
        owners: dict[str, str] = {}
        for pack in packs:
            source = "" if pack.versioned else source_digest(pack)
            for node_type in pack:
                if node_type.name in owners:
                    raise PackError(pack.name, f"{node_type.name} is already in {owners[node_type.name]!r}")
                owners[node_type.name] = pack.name
                self._types[node_type.name] = replace(node_type, source=source)

    def __getitem__(self, name: str) -> NodeType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


def source_digest(pack: NodePack) -> str:
    """Return a digest of the source files a pack's functions come from: whole packages, or single modules.

    Of functions typed in by hand, in a notebook say, the compiled code counts.
    """
    digest = blake3()
    functions = [node_type.function for node_type in pack if node_type.function is not None]
    files = {module: _source_files(module) for module in {_top_module(function) for function in functions}}
    for file in sorted(file for found in files.values() for file in found):
        digest.update(encode([file.name, file.read_bytes()]))
    for function in functions:
        if not files[_top_module(function)]:
            digest.update(marshal.dumps(inspect.unwrap(function).__code__))
    return digest.hexdigest()


def _top_module(function: Callable[..., Any]) -> str:
    return function.__module__.partition(".")[0]


def _source_files(module: str) -> list[Path]:
    """Return the files of a top-level module or package, or none where it has no file."""
    name = getattr(sys.modules.get(module), "__file__", None)
    if name is None or not Path(name).is_file():
        return []
    file = Path(name)
    return sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def installed_packs() -> list[NodePack]:
    """Load every pack that an installed distribution offers under the entry point ``graphrun.nodes``."""
    return [_load(point) for point in sorted(entry_points(group="graphrun.nodes"), key=lambda p: p.name)]


def _load(point: EntryPoint) -> NodePack:
    try:
        pack = point.load()
    except Exception as error:
        raise PackError(point.name, f"can't be imported from {point.value}: {error}") from error
    if not isinstance(pack, NodePack):
        raise PackError(point.name, f"{point.value} is a {type(pack).__name__}, not a NodePack")
    return pack
