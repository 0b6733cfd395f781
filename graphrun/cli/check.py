"""``graphrun check``: tells everything that is wrong with a workflow, without network and without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from graphrun.cli import options
from graphrun.cli.exit_codes import plan_exit_code
from graphrun.cli.faults import faults_told, problems_of
from graphrun.cli.request import Request
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.errors import GraphrunError, Problem
from graphrun.kernel.plan import Plan
from graphrun.results import problem_json
from graphrun.sinks.wording import counted, printable, problem_sentences


def check(
    file: options.File,
    set: options.Set = None,
    bind: options.BindFile = None,
    mask: options.MaskOf = None,
    input_dir: options.InputDir = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 2 for any problem, as run --strict would.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    definitions: options.Definitions = None,
    carried: options.Carried = "workflow",
    debug: options.Debug = False,
) -> None:
    """Tell everything that is wrong with a workflow. Runs nothing and needs no network.

    Exits with 0 if every output can run, 1 if some can't, 2 if none can.
    """
    with faults_told(standard_error(), debug=debug):
        try:
            request = Request(
                file, set, bind, input_dir=input_dir, definitions=definitions, masks=mask, carried=carried
            )
            plan = request.plan()
        except GraphrunError as error:
            if json:
                put_json(_findings(problems_of(error)))
            raise
        if json:
            put_json(plan_findings(plan))
        else:
            put("\n".join(printable(line) for line in _lines(plan)))
        raise typer.Exit(plan_exit_code(plan, strict=strict))


def plan_findings(plan: Plan) -> dict[str, Any]:
    """Return what a plan says about its workflow as a JSON object."""
    return _findings(plan.problems, plan.targets, plan.refused, plan.warnings)


def _findings(
    problems: Sequence[Problem],
    targets: Sequence[str] = (),
    refused: Mapping[str, str] = {},
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "ok": not problems,
        "targets": list(targets),
        "refused": dict(refused),
        "problems": [problem_json(problem) for problem in problems],
        "warnings": list(warnings),
    }


def _lines(plan: Plan) -> list[str]:
    return [
        *(f"error: {sentence}" for sentence in problem_sentences(plan.problems, plan.refused)),
        *(f"warning: {warning}" for warning in plan.warnings),
        _verdict(plan),
    ]


def _verdict(plan: Plan) -> str:
    if not plan.problems:
        outputs = counted(len(plan.targets), "output")
        return f"ok: {counted(len(plan.steps), 'node')} would run for {outputs}"
    if not plan.targets:
        return "nothing can run"
    total = len(plan.targets) + len(plan.refused)
    return f"{len(plan.targets)} of {counted(total, 'output')} can run"
