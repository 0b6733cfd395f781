"""``graphrun convert``: writes a workflow of any form in the form that ComfyUI runs, or in the one that people read."""

from __future__ import annotations

import json
import shutil
from enum import Enum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from graphrun import formats
from graphrun.cli import options
from graphrun.cli.exit_codes import ALL_DONE, SOME_FAILED
from graphrun.cli.faults import faults_told
from graphrun.cli.request import Request
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put
from graphrun.errors import UsageError, WorkflowError
from graphrun.formats.document import Dialect
from graphrun.formats.dump_certain import certain_part
from graphrun.formats.dump_slots import with_slot_numbers
from graphrun.formats.dump_yaml import renamed_ids
from graphrun.formats.json_text import JSON
from graphrun.formats.yaml import YAML
from graphrun.kernel.workflow import Workflow, did_you_mean
from graphrun.loading import definitions_of
from graphrun.packs import Registry, installed_packs
from graphrun.sinks.wording import named, problem_sentences


class Form(Enum):
    """What a workflow can be written as."""

    API = "api"
    YAML = "yaml"


_FORMS = [form.value for form in Form]
_BY_SUFFIX = {".json": Form.API, ".yaml": Form.YAML, ".yml": Form.YAML}


def convert(
    file: options.File,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(_FORMS),
            help="API JSON, which ComfyUI runs, or YAML, which people read. Default: what FILE of --output ends with, "
            "else api.",
            autocompletion=lambda: _FORMS,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: standard output."),
    ] = None,
    carried: options.Carried = "workflow",
    definitions: options.Definitions = None,
    debug: options.Debug = False,
) -> None:
    """Write a workflow of any form, or out of a picture, as API JSON or as YAML with comments.

    Exits with 0 if all of it was written, 1 if something had to be left out, 2 if nothing could be written.
    """
    voice = standard_error()
    with faults_told(voice, debug=debug):
        form = _form(to, output)
        _refuse_own_input(file, output)
        known = definitions_of(Registry(installed_packs()), definitions)
        workflow = Request(file, definitions=definitions, carried=carried).load()
        text, told, lost = _written(workflow, form, known)
        for warning in [*workflow.warnings, *told, *lost]:
            voice.warning(warning)
        if output is None:
            put(text.removesuffix("\n"), encoding="utf-8")
        else:
            _write(output, text)
        raise typer.Exit(SOME_FAILED if lost else ALL_DONE)


def _form(to: str | None, output: Path | None) -> Form:
    """Return the form that is asked for, or that the output's name stands for. Raises UsageError."""
    if to is None:
        return _BY_SUFFIX.get(output.suffix.lower() if output else "", Form.API)
    if to not in _FORMS:
        raise UsageError(f"--to: {to!r} is not one of {', '.join(_FORMS)}{did_you_mean(to, _FORMS)}")
    return Form(to)


def _refuse_own_input(file: Path, output: Path | None) -> None:
    """Raise UsageError where the output is the input: what a form can't hold would be lost for good."""
    if output is not None and str(file) != "-" and output.exists() and file.exists() and output.samefile(file):
        raise UsageError(f"--output {output}: is the file that is read; choose another name")


def _written(workflow: Workflow, form: Form, known: formats.Definitions) -> tuple[str, list[str], list[str]]:
    """Return the text, what the user should know about it, and what is left out or doubtful.

    Raises WorkflowError where there is nothing to write, FileFormatError where YAML can't hold it.
    """
    numbered = with_slot_numbers(workflow, known) if form is Form.API else workflow
    certain, problems = certain_part(numbered, _dialect(form))
    if not certain.nodes:
        raise WorkflowError(problems)
    lost = problem_sentences(problems)
    if form is Form.YAML:
        return formats.dump_yaml(certain, known), _renamings(certain), lost
    text = json.dumps(formats.dump_api(certain), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n", _unsaid(certain), lost


def _dialect(form: Form) -> Dialect:
    return JSON if form is Form.API else YAML


def _renamings(workflow: Workflow) -> list[str]:
    return [
        f"{workflow.label(old)} is called {new} in the YAML, where keys that start with _ are notes"
        for old, new in renamed_ids(workflow).items()
    ]


def _unsaid(workflow: Workflow) -> list[str]:
    if not workflow.targets:
        return []
    targets = named([workflow.label(target) for target in workflow.targets])
    return [f"the file asks for {targets} only, which the API format can't say: use --target when you run it"]


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises UsageError where that can't be done."""
    real = path.resolve()  # through a link, as cp does
    part = real.with_name(f".{uuid4().hex}.part")
    try:
        if real.exists() and not real.is_file():  # a pipe or a device has no place to rename to
            real.write_text(text, encoding="utf-8", newline="\n")
            return
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            if real.exists():
                shutil.copymode(real, part)
            part.replace(real)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"--output {path}: can't be written: {error.strerror or error}") from None
