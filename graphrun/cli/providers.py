"""``graphrun providers``: tells which image services are set up, and how long models live."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrun.cli import options
from graphrun.cli.faults import faults_told
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.providers.lifetimes import Dead, Dying, lifetime
from graphrun.providers.model_data import ModelData
from graphrun.providers.profile_files import file_beside, read_profiles
from graphrun.providers.profile_report import Standing, standing
from graphrun.providers.profiles import BUILT_IN_ORIGIN, OFFLINE
from graphrun.settings import settings_from_environment
from graphrun.sinks.wording import printable


def providers(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A workflow: tell also what the graphrun.toml beside it says."),
    ] = None,
    trust_profiles: options.TrustProfiles = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: options.Debug = False,
) -> None:
    """Tell which image services can be named with --provider, and what of them is set up. Shows no key."""
    with faults_told(standard_error(), debug=debug):
        settings = settings_from_environment()
        trusted = trust_profiles or settings.trust_profiles
        profiles = read_profiles(settings.profile_file(), file_beside(file), trusted=trusted)
        found = [standing(profile, os.environ) for profile in profiles.by_name.values()]
        data, today = ModelData.load(settings.prices), date.today()
        if json:
            put_json({"providers": [asdict(each) for each in found], "models": list(_models(data, today))})
        else:
            put("\n".join(printable(line) for line in [*_lines(found), "", *_model_lines(data, today)]))


def _lines(found: Sequence[Standing]) -> Iterator[str]:
    names = max(len(each.name) for each in found)
    addresses = max(len(each.base_url or "") for each in found)
    for each in found:
        yield f"{each.name:{names}}  {each.base_url or '-':{addresses}}  {_key(each)}".rstrip()
        margin = " " * (names + 2)
        yield from (f"{margin}{line}" for line in _details(each))


def _key(each: Standing) -> str:
    if each.name == OFFLINE:
        return "draws stand-in pictures here and needs no key"
    if each.key_is_there is None:
        return "sends no key"
    return f"key: {each.key_source} is {'there' if each.key_is_there else 'not there'}"


def _details(each: Standing) -> Iterator[str]:
    if each.problem:
        yield f"problem: {each.problem}"
    if each.warning:
        yield f"warning: {each.warning}"
    if each.origins == (BUILT_IN_ORIGIN,):
        return
    yield f"from: {', '.join(each.origins)}"
    for name, value in each.changes.items():
        yield f"{name}: {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()


def _models(data: ModelData, today: date) -> Iterator[dict[str, Any]]:
    for model, facts in data.models.items():
        match lifetime(model, today, data):
            case Dead():
                state = "shut down"
            case Dying(days=days):
                state = f"shuts down in {days} days"
            case _:
                state = "available"
        yield {"model": model, "state": state, "shutdown": facts.shutdown, "as_of": facts.as_of}


def _model_lines(data: ModelData, today: date) -> Iterator[str]:
    models = list(_models(data, today))
    if not models:
        return
    newest = max((each["as_of"] for each in models if each["as_of"]), default=None)
    yield f"models at OpenAI{f', as known on {newest}' if newest else ''}"
    width = max(len(each["model"]) for each in models)
    for each in models:
        on = f" on {each['shutdown']}" if each["shutdown"] and each["state"] == "shut down" else ""
        ahead = f", on {each['shutdown']}" if each["shutdown"] and not on else ""
        yield f"  {each['model']:{width}}  {each['state']}{on}{ahead}"
