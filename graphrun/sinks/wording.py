"""The sentences people read about nodes, problems and times, fit for a terminal.

Titles, ids and messages come from workflow files and services, which are not trusted: nothing of them may move the
cursor, change colours or fake a line of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from graphrun.amounts import usd_range
from graphrun.errors import NodeError, Problem, node_label
from graphrun.kernel.events import CostEstimated, NodeCost

_NAMED_IN_A_GROUP = 5

# Control characters, characters that turn the direction of text, halves of surrogate pairs.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return text that only shows itself: unprintable characters as escapes, further lines indented."""
    return _escaped(text).replace("\t", " ").replace("\n", "\n    ")


def one_line(text: str) -> str:
    """Return printable text on one line."""
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    plain = text.replace("\r\n", "\n")
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), plain)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``4.2 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def counted(number: int, noun: str) -> str:
    """Return ``1 node``, ``2 nodes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def problem_sentences(problems: Iterable[Problem], refused: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence per problem, in order; one for several nodes that have the same against them.

    After them, those of ``refused`` outputs that have no problem of their own, but need a node that has one.
    """
    groups: dict[tuple[str | None, ...], list[Problem]] = {}
    for problem in problems:
        groups.setdefault(_group(problem), []).append(problem)
    told = {problem.node_id for group in groups.values() for problem in group}
    consequences = [sentence for node_id, sentence in (refused or {}).items() if node_id not in told]
    return [_sentence(group) for group in groups.values()] + consequences


def failure_sentences(failures: Iterable[NodeError]) -> list[str]:
    """Return a sentence per failure, in order; one for several nodes that failed of the same."""
    groups: dict[str, list[str]] = {}
    for failure in failures:
        label = node_label(failure.node_id, failure.class_type, failure.title)
        groups.setdefault(failure.message, []).append(label)
    return [f"{named(labels)}: {message}" for message, labels in groups.items()]


def cost_lines(told: CostEstimated) -> Iterator[str]:
    """Yield what a run will cost: a line for each node, one for several of which the same is to be said, and the sum.

    One line says so where nothing has to be paid.
    """
    if not told.is_paid:
        yield "cost: nothing"
        return
    groups: dict[tuple[str | None, str | None, str], list[NodeCost]] = {}
    for node in told.nodes:
        groups.setdefault((node.low, node.high, node.remark), []).append(node)
    for (low, high, remark), nodes in groups.items():
        each = " each" if len(nodes) > 1 else ""
        price = "unknown" if low is None or high is None else f"{usd_range(Decimal(low), Decimal(high))}{each}"
        yield f"cost of {named([one_line(node.label) for node in nodes])}: {price} ({one_line(remark)})"
    dated = f" by the prices of {told.as_of}" if told.as_of else ""
    unknown = f", and that of {counted(told.unknown, 'node')} nobody knows" if told.unknown else ""
    yield f"cost in all: {usd_range(Decimal(told.low), Decimal(told.high))}{dated}{unknown}"


def named(labels: Sequence[str]) -> str:
    """Return the labels in a row; beyond a handful, how many more there are."""
    shown = ", ".join(labels[:_NAMED_IN_A_GROUP])
    return shown if len(labels) <= _NAMED_IN_A_GROUP else f"{shown} and {len(labels) - _NAMED_IN_A_GROUP} more"


def _group(problem: Problem) -> tuple[str | None, ...]:
    """Return what problems must share to be told as one. A refused output is always told on its own."""
    own = problem.node_id if problem.type == "missing_node_type" or problem.node_id is None else None
    return (problem.type, problem.input, problem.message, own)


def _sentence(group: Sequence[Problem]) -> str:
    first = group[0]
    if len(group) == 1 and first.type != "missing_node_type":
        return str(first)
    labels = [node_label(each.node_id or "", each.class_type, each.title) for each in group]
    if first.type == "missing_node_type":
        place = f"{first.place}: " if first.place else ""
        return f"{place}output {labels[0]} {first.message}"
    return ": ".join([named(labels), *([first.input] if first.input else []), first.message])
