"""How value lists become calls, and calls become value lists again.

Every slot carries a list of values, because lists and blockers of ComfyUI must work. An ordinary node is called once
per index up to the longest list, shorter lists repeating their last item; any empty list means no call at all
(comfyui-execution.md, 5.6 and 5.7; the differences are in graphrun/DESIGN.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphrun.kernel.node_types import Blocked, CallResult, Output
from graphrun.kernel.workflow import Link

Values = Sequence[object]


@dataclass(frozen=True, slots=True)
class Merged:
    """The outputs of a node over all its calls: a value list per slot, and the UI payload."""

    slots: tuple[Values, ...]
    ui: Mapping[str, Sequence[object]]


def slices(lists: Mapping[str, Values], *, list_input: bool) -> list[dict[str, object]]:
    """Return the flat arguments of each call. A node without inputs is called once."""
    if any(not values for values in lists.values()):
        return []
    if list_input:
        return [{name: list(values) for name, values in lists.items()}]
    count = max(map(len, lists.values()), default=1)
    return [{name: values[min(i, len(values) - 1)] for name, values in lists.items()} for i in range(count)]


def blocker_in(arguments: Mapping[str, object], *, list_input: bool) -> Blocked | None:
    """Return the first blocker among the arguments, or among the items of whole lists."""
    for value in arguments.values():
        for item in value if list_input and isinstance(value, list) else (value,):
            if isinstance(item, Blocked):
                return item
    return None


def merge(results: Sequence[CallResult], outputs: Sequence[Output]) -> Merged:
    """Collect each slot over all calls; a list output spreads its items, a blocker or link stays one item.

    Raises TypeError where a call gave another number of values than there are outputs.
    """
    for result in results:
        if len(result.slots) != len(outputs):
            raise TypeError(f"it returned {len(result.slots)} values for {len(outputs)} outputs")
    slots = tuple(
        [item for result in results for item in _spread(result.slots[index], output)]
        for index, output in enumerate(outputs)
    )
    return Merged(slots, merge_ui(result.ui for result in results))


def merge_ui(payloads: Iterable[Mapping[str, Sequence[object]] | None]) -> dict[str, list[object]]:
    """Concatenate UI payloads per key."""
    merged: dict[str, list[object]] = {}
    for payload in payloads:
        for key, items in (payload or {}).items():
            merged.setdefault(key, []).extend(items)
    return merged


def _spread(value: object, output: Output) -> Iterable[object]:
    if not output.is_list or isinstance(value, Blocked | Link):
        return (value,)
    if not isinstance(value, list | tuple):
        raise TypeError(f"output {output.name} is a list output, but a {type(value).__name__} came")
    return value
