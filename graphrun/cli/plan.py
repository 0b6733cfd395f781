"""``graphrun plan``: shows what would run, in what order, and what could not."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.check import plan_findings
from graphrun.cli.exit_codes import plan_exit_code
from graphrun.cli.faults import faults_told
from graphrun.cli.plan_mermaid import mermaid_lines
from graphrun.cli.plan_tree import tree_lines
from graphrun.cli.request import Request
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.kernel.plan import Plan, Step
from graphrun.sinks.wording import problem_sentences


class Format(Enum):
    """How a plan can be shown."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"


def plan(
    file: options.File,
    set: options.Set = None,
    bind: options.BindFile = None,
    seed: options.Seed = "keep",
    target: options.Target = None,
    input_dir: options.InputDir = None,
    output_dir: options.OutputDir = None,
    format: Annotated[Format, typer.Option(help="How to show it.")] = Format.TREE,
    debug: options.Debug = False,
) -> None:
    """Show what would run and in what order, from the outputs down. Runs nothing and needs no network.

    Exits with 0 if every output can run, 1 if some can't, 2 if none can.
    """
    voice = standard_error()
    with faults_told(voice, debug=debug):
        request = Request(file, set, bind, seed, target, input_dir=input_dir, output_dir=output_dir)
        made = request.plan()
        _put_plan(made, format)
        for sentence in problem_sentences(made.problems, made.refused):
            voice.error(sentence)
        for warning in made.warnings:
            voice.warning(warning)
        raise typer.Exit(plan_exit_code(made))


def _put_plan(plan: Plan, format: Format) -> None:
    match format:
        case Format.TREE:
            put("\n".join(tree_lines(plan)))
        case Format.MERMAID:
            put("\n".join(mermaid_lines(plan)))
        case Format.JSON:
            put_json({"steps": [_step(step) for step in plan.steps.values()], **plan_findings(plan)})


def _step(step: Step) -> dict[str, object]:
    return {
        "node": step.node_id,
        "class_type": step.type.name,
        "label": step.label,
        "reads": {name: [source.node_id, source.slot] for name, source in step.links.items()},
        "lazy": sorted(step.lazy),
    }
