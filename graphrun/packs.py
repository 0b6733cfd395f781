"""Node packs and the registry made of them. A registry is built and passed; none is global."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from graphrun.errors import PackError
from graphrun.kernel.node_types import NodeType, node_type_from

F = TypeVar("F", bound=Callable[..., Any])


class NodePack:
    """A set of node types under one name, filled by decorating typed functions.

    >>> pack = NodePack("mine")
    >>> @pack.node("Double")
    ... def double(value: int) -> int:
    ...     return value * 2
    >>> [node_type.name for node_type in pack]
    ['Double']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._types: dict[str, NodeType] = {}

    def node(self, name: str, *, version: int = 1, **flags: Any) -> Callable[[F], F]:
        """Register a typed function as the node class ``name`` and return it unchanged.

        ``version`` is part of every cache key: raise it when the function's results change. ``flags`` are fields
        of `NodeType`: ``display_name``, ``category``, ``output_node``, ``cheap``, ``check``, ``fingerprint``,
        ``needs``, ``services``, ``limit`` and so on.
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
            for node_type in pack:
                if node_type.name in owners:
                    raise PackError(pack.name, f"{node_type.name} is already in {owners[node_type.name]!r}")
                owners[node_type.name] = pack.name
                self._types[node_type.name] = node_type

    def __getitem__(self, name: str) -> NodeType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


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
