"""What is said to a person after a run: what nodes showed, what failed and why, drawn seeds, and the sum of it."""

from __future__ import annotations

import traceback
from collections import Counter
from decimal import Decimal

from graphrun.amounts import usd
from graphrun.errors import GraphrunError, NodeError, node_label
from graphrun.results import RunResult
from graphrun.sinks.voice import Voice
from graphrun.sinks.wording import counted, duration, failure_sentences, one_line

_LONGEST_TEXT = 2_000
"""Characters of a node's text that are shown: a screenful, not a file of it."""


def tell_end(result: RunResult, voice: Voice, *, debug: bool) -> None:
    """Tell what a run showed and how it ended. What could not run was told before it."""
    for node in result.nodes.values():
        if text := "\n".join(map(str, node.ui.get("text", ()))):
            voice.note(f"{one_line(node.label)}: {_shortened(text)}")
    for sentence in failure_sentences(result.failures):
        voice.error(sentence)
    if debug:
        for failure in result.failures:
            voice.error(_traceback(failure))
    elif any(not isinstance(failure.__cause__, GraphrunError) for failure in result.failures):
        voice.note("--debug shows where it happened")
    drawn = ", ".join(f"{address}={seed}" for address, seed in result.seeds.items())
    if drawn:
        voice.note(f"seeds of this run: {drawn}")
    voice.note(summary(result))


def summary(result: RunResult) -> str:
    """Return the sum of a run: ``3 ran, 1 cached, 2 skipped in 4.2 s``."""
    count = Counter(node.state for node in result.nodes.values())
    refused = [f"{counted(len(result.refused), 'output')} could not run"] if result.refused else []
    all_cached = count["cached"] and count.keys() <= {"cached", "spared"} and not refused
    ran = [] if all_cached else [f"{count['ran']} ran"]
    rest = [f"{count[state]} {state}" for state in ("cached", "spared", "failed", "skipped") if count[state]]
    told = f"{'all from the cache: ' if all_cached else ''}{', '.join([*ran, *rest, *refused])}"
    return f"{'stopped: ' if result.stopped else ''}{told} in {duration(result.seconds)}{_cost(result)}"


def _cost(result: RunResult) -> str:
    """Return ``, 0.0412 USD``; nothing for a run that cost nothing."""
    costs = [node.cost for node in result.nodes.values()]
    known = sum((cost for cost in costs if cost is not None), Decimal(0))
    amount = f", {usd(known)}" if known else ""
    unknown = costs.count(None)
    return f"{amount}, cost of {counted(unknown, 'node')} unknown" if unknown else amount


def way_on(*, refreshed: bool, drawn: bool) -> str:
    """Return what to do about a stopped run. The same call would refresh, or draw seeds, once more."""
    differently = [
        *(["without --refresh"] if refreshed else []),
        *(["with the seeds of this run"] if drawn else []),
    ]
    again = " ".join(["run it again", " and ".join(differently)]).rstrip()
    return f"{again} to go on: what is done comes from the cache"


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}…\n({len(text):,} characters; --json has all of it)"


def _traceback(failure: NodeError) -> str:
    cause = failure.__cause__ or failure
    label = node_label(failure.node_id, failure.class_type, failure.title)
    return f"{label} raised\n{''.join(traceback.format_exception(cause)).rstrip()}"
