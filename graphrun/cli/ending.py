"""What is said to a person after a run: what failed and why, the seeds that were drawn, and the sum of it."""

from __future__ import annotations

import traceback
from collections import Counter

from graphrun.errors import GraphrunError, NodeError, node_label
from graphrun.results import RunResult
from graphrun.sinks.voice import Voice
from graphrun.sinks.wording import counted, duration, failure_sentences


def tell_end(result: RunResult, voice: Voice, *, debug: bool) -> None:
    """Tell how a run ended. What could not run was told before it."""
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
    return f"{'stopped: ' if result.stopped else ''}{told} in {duration(result.seconds)}"


def _traceback(failure: NodeError) -> str:
    cause = failure.__cause__ or failure
    label = node_label(failure.node_id, failure.class_type, failure.title)
    return f"{label} raised\n{''.join(traceback.format_exception(cause)).rstrip()}"
