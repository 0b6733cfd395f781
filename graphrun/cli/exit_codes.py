"""What the exit codes mean. The highest of 1 to 3 wins."""

from __future__ import annotations

from graphrun.errors import LimitError
from graphrun.kernel.plan import Plan
from graphrun.results import RunResult

ALL_DONE = 0
SOME_FAILED = 1
"""A node failed, or an output could not run."""
NOTHING_RAN = 2
"""The workflow or the call is wrong."""
REFUSED = 3
"""A limit the user set refused the run, or a part of it."""
STOPPED = 130
"""128 and the number of SIGINT, as shells have it."""


def plan_exit_code(plan: Plan, *, strict: bool = False) -> int:
    """Return the exit code that says how much of a plan can run."""
    if not plan.problems:
        return ALL_DONE
    return SOME_FAILED if plan.targets and not strict else NOTHING_RAN


def run_exit_code(result: RunResult) -> int:
    """Return the exit code of a run that took place."""
    if result.stopped:
        return STOPPED
    if any(isinstance(failure.__cause__, LimitError) for failure in result.failures):
        return REFUSED
    return ALL_DONE if result.ok else SOME_FAILED
