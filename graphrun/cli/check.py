"""``graphrun check``: tells everything that is wrong with a workflow, without network and without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
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
from graphrun.outlook import Forecast
from graphrun.paying import told
from graphrun.results import problem_json
from graphrun.sinks.wording import cost_lines, counted, printable, problem_sentences


def check(
    file: options.File,
    set: options.Set = None,
    bind: options.BindFile = None,
    provider: options.Provider = None,
    mask: options.MaskOf = None,
    input_dir: options.InputDir = None,
    map_models: options.MapModels = False,
    strict_models: options.StrictModels = False,
    trust_profiles: options.TrustProfiles = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 2 for any problem, as run --strict would.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    definitions: options.Definitions = None,
    carried: options.Carried = "workflow",
    debug: options.Debug = False,
) -> None:
    """Tell everything that is wrong with a workflow, models that are gone too, and what it costs. Needs no network.

    Exits with 0 if every output can run, 1 if some can't, 2 if none can.
    """
    with faults_told(standard_error(), debug=debug):
        try:
            request = Request(
                file,
                set,
                bind,
                provider=provider,
                input_dir=input_dir,
                definitions=definitions,
                masks=mask,
                carried=carried,
                trust_profiles=trust_profiles,
            )
            forecast = replace(request, map_models=map_models, strict_models=strict_models).forecast()
            plan = forecast.plan
        except GraphrunError as error:
            if json:
                put_json(_findings(problems_of(error)))
            raise
        if json:
            put_json(plan_findings(forecast))
        else:
            put("\n".join(printable(line) for line in [*_lines(plan), *forecast_cost_lines(forecast)]))
        raise typer.Exit(plan_exit_code(plan, strict=strict))


def plan_findings(forecast: Forecast) -> dict[str, Any]:
    """Return what a plan says about its workflow as a JSON object; ``cost`` is null where no node asks a service."""
    plan, outlay = forecast.plan, forecast.outlay
    cost = asdict(told(outlay)) if outlay else None
    return _findings(plan.problems, plan.targets, plan.refused, plan.warnings, cost)


def forecast_cost_lines(forecast: Forecast) -> list[str]:
    """Return what a run will cost, in words; nothing where no node asks a service."""
    return [*cost_lines(told(forecast.outlay))] if forecast.outlay else []


def _findings(
    problems: Sequence[Problem],
    targets: Sequence[str] = (),
    refused: Mapping[str, str] = {},
    warnings: Sequence[str] = (),
    cost: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "ok": not problems,
        "targets": list(targets),
        "refused": dict(refused),
        "problems": [problem_json(problem) for problem in problems],
        "warnings": list(warnings),
        "cost": cost,
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
