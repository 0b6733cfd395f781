"""What is said to a person after a run: what failed and why, the seeds that were drawn, and the sum of it."""

from __future__ import annotations

import traceback

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
    """Return the sum of a run: ``3 ran, 1 failed, 2 skipped in 4.2 s``."""
    states = [node.state for node in result.nodes.values()]
    parts = [f"{states.count('ran')} ran"]
    parts += [f"{number} {state}" for state in ("failed", "skipped") if (number := states.count(state))]
    if result.refused:
        parts.append(f"{counted(len(result.refused), 'output')} could not run")
    return f"{'stopped: ' if result.stopped else ''}{', '.join(parts)} in {duration(result.seconds)}"


def _traceback(failure: NodeError) -> str:
    cause = failure.__cause__ or failure
    label = node_label(failure.node_id, failure.class_type, failure.title)
    return f"{label} raised\n{''.join(traceback.format_exception(cause)).rstrip()}"
