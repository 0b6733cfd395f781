"""``graphrun cache why``: tells why a node's result is not in the cache: what differs from the nearest that is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.completion import complete_nodes
from graphrun.cli.difference import Difference
from graphrun.cli.faults import faults_told
from graphrun.cli.request import Request
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put
from graphrun.engine import Engine
from graphrun.kernel.cache_key import path_digest
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.store import Entry, FileRecord
from graphrun.kernel.workflow import Workflow
from graphrun.outlook import Why
from graphrun.sinks.wording import one_line


def why(
    file: options.File,
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE", help="An id, a title or a class that only one node has.", autocompletion=complete_nodes
        ),
    ],
    set: options.Set = None,
    bind: options.BindFile = None,
    mask: options.MaskOf = None,
    seed: options.Seed = "keep",
    target: options.Target = None,
    provider: options.Provider = None,
    input_dir: options.InputDir = None,
    output_dir: options.OutputDir = None,
    cache_dir: options.CacheDir = None,
    definitions: options.Definitions = None,
    carried: options.Carried = "workflow",
    map_models: options.MapModels = False,
    trust_profiles: options.TrustProfiles = False,
    debug: options.Debug = False,
) -> None:
    """Tell whether a node's result is in the cache; if not, what differs from the nearest earlier result."""
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
        trust_profiles=trust_profiles,
    )
    with faults_told(standard_error(), debug=debug):
        answer = request.asked(lambda engine, workflow: _answer(engine, workflow, node, request))
        put("\n".join(_lines(answer, shlex.quote(str(file)))))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known of a step's key, and the nearest earlier result."""

    why: Why
    step: Step
    plan: Plan
    folders: Folders
    nearest: Entry | None


def _answer(engine: Engine, workflow: Workflow, node: str, request: Request) -> _Answer:
    why = engine.why(workflow, node, **request.options())
    plan = engine.plan(workflow, **request.options())
    step = plan.steps[plan.workflow.node_id(node)]
    folders = engine.settings.folders(workflow.path, output_dir=request.output_dir)
    return _Answer(why, step, plan, folders, engine.cache.disk.nearest(step.type.name, why.parts))


def _lines(answer: _Answer, file: str) -> Iterator[str]:
    label = one_line(answer.step.label)
    if answer.why.hit:
        yield f"{label} is in the cache"
    elif answer.step.key is None:
        yield f"{label} always runs: {_why_never_kept(answer)}"
    elif answer.nearest is None:
        yield f"{label} is not in the cache: nothing of class {one_line(answer.step.type.name)} is"
    elif not answer.why.differences:
        yield f"{label} is not in the cache: {_why_it_does_not_count(answer, answer.nearest)}"
    else:
        first, *others = [_difference(name, answer.why) for name in answer.why.differences]
        yield f"{label} is not in the cache: {first.sentence(answer.step, answer.plan)}"
        yield from (f"also: {other.sentence(answer.step, answer.plan)}" for other in others)
        upstream = dict.fromkeys(each.upstream(answer.step) for each in (first, *others))
        ask = f"ask next, with the same options: graphrun cache why {file}"
        yield from (f"{ask} {shlex.quote(id)}" for id in upstream if id is not None)


def _difference(name: str, why: Why) -> Difference:
    return Difference(name, why.parts.get(name), (why.earlier or {}).get(name))


def _why_never_kept(answer: _Answer) -> str:
    for source in answer.step.links.values():
        if answer.plan.steps[source.node_id].key is None:
            return f"it reads {one_line(answer.plan.steps[source.node_id].label)}, which always runs"
    if answer.step.type.always_run:
        return "its class says so"
    return "whether its inputs are the same as before can't be told"


def _why_it_does_not_count(answer: _Answer, earlier: Entry) -> str:
    """Say why a result of the same inputs is no hit."""
    same = "the inputs are those of an earlier result, but"
    places = [answer.folders.output.resolve(), answer.folders.temp.resolve()]
    for file in earlier.files:
        if not any(file.path.is_relative_to(place) for place in places):
            return f"{same} that was saved in {one_line(str(file.path.parent))}"
        if not _is_unchanged(file):
            return f"{same} {one_line(str(file.path))} was changed or removed since"
    return f"{same} what it reads came out different since, or it was saved by another node or to other folders"


def _is_unchanged(file: FileRecord) -> bool:
    try:
        return path_digest(file.path) == file.digest
    except OSError:
        return False
