"""``graphrun plan``: shows what would run, in what order, what the cache has of it, and what could not."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.check import forecast_cost_lines, plan_findings
from graphrun.cli.exit_codes import plan_exit_code
from graphrun.cli.faults import faults_told
from graphrun.cli.plan_mermaid import mermaid_lines
from graphrun.cli.plan_svg import svg_text
from graphrun.cli.plan_tree import tree_lines
from graphrun.cli.request import Request
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.errors import UsageError
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.plan import Step
from graphrun.kernel.workflow import did_you_mean
from graphrun.outlook import Fate, Forecast
from graphrun.sinks.wording import printable, problem_sentences


class Format(Enum):
    """How a plan can be shown."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"
    SVG = "svg"


_FORMATS = [format.value for format in Format]


def plan(
    file: options.File,
    set: options.Set = None,
    bind: options.BindFile = None,
    mask: options.MaskOf = None,
    seed: options.Seed = "keep",
    target: options.Target = None,
    provider: options.Provider = None,
    input_dir: options.InputDir = None,
    output_dir: options.OutputDir = None,
    cache_dir: options.CacheDir = None,
    map_models: options.MapModels = False,
    strict_models: options.StrictModels = False,
    trust_profiles: options.TrustProfiles = False,
    format: Annotated[
        str,
        typer.Option(metavar="|".join(_FORMATS), help="How to show it.", autocompletion=lambda: _FORMATS),
    ] = Format.TREE.value,
    definitions: options.Definitions = None,
    carried: options.Carried = "workflow",
    debug: options.Debug = False,
) -> None:
    """Show what would run and in what order, from the outputs down. Runs nothing and needs no network.

    Each node would "run"; or be a "hit", taken from the cache; or "perhaps" one, if what it reads comes out as before;
    or be "spared", since nobody needs it then.

    Exits with 0 if every output can run, 1 if some can't, 2 if none can.
    """
    voice = standard_error()
    with faults_told(voice, debug=debug):
        shown_as = _format(format)
        request = Request(
            file,
            set,
            bind,
            seed,
            target,
            provider,
            input_dir,
            output_dir,
            cache_dir,
            definitions=definitions,
            masks=mask,
            carried=carried,
            map_models=map_models,
            strict_models=strict_models,
            trust_profiles=trust_profiles,
        )
        forecast, types = request.asked(lambda engine, each: (engine.forecast(each, **request.options()), engine.types))
        _put_forecast(forecast, types, shown_as)
        made = forecast.plan
        for sentence in problem_sentences(made.problems, made.refused):
            voice.error(sentence)
        for warning in made.warnings:
            voice.warning(warning)
        raise typer.Exit(plan_exit_code(made))


def _format(name: str) -> Format:
    """Return the format of that name. Raises UsageError: Typer's own complaint knows no nearest word."""
    if name not in _FORMATS:
        raise UsageError(f"--format: {name!r} is not one of {', '.join(_FORMATS)}{did_you_mean(name, _FORMATS)}")
    return Format(name)


def _put_forecast(forecast: Forecast, types: Mapping[str, NodeType], format: Format) -> None:
    plan, fates = forecast.plan, forecast.fates
    match format:
        case Format.TREE:
            put("\n".join([*tree_lines(plan, fates), *map(printable, forecast_cost_lines(forecast))]))
        case Format.MERMAID:
            put("\n".join(mermaid_lines(plan, fates)))
        case Format.SVG:
            put(svg_text(forecast, types), encoding="utf-8")
        case Format.JSON:
            steps = [_step(step, fates[node_id]) for node_id, step in plan.steps.items()]
            put_json({"steps": steps, **plan_findings(forecast)})


def _step(step: Step, fate: Fate) -> dict[str, object]:
    return {
        "node": step.node_id,
        "class_type": step.type.name,
        "label": step.label,
        "fate": fate,
        "reads": {name: [source.node_id, source.slot] for name, source in step.links.items()},
        "lazy": sorted(step.lazy),
    }
