"""What is set up: each profile's address, whether its key is there, what it changes. Never a key or header's value."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphrun.errors import UsageError
from graphrun.providers.profile_tables import VARIABLE
from graphrun.providers.profiles import OFFLINE, Profile


@dataclass(frozen=True, slots=True)
class Standing:
    """One profile as it stands. ``key_is_there`` is None where none is needed; ``problem`` keeps it from being used."""

    name: str
    base_url: str | None
    key_source: str | None
    key_is_there: bool | None
    prices: str | None
    changes: Mapping[str, object]
    origins: tuple[str, ...]
    problem: str | None = None
    warning: str | None = None


def standing(profile: Profile, environ: Mapping[str, str]) -> Standing:
    """Return how a profile stands. Looks at variables and at the key's file, and sends nothing."""
    address, problem = _address(profile, environ)
    return Standing(
        name=profile.name,
        base_url=address,
        key_source=profile.key_source,
        key_is_there=_key_is_there(profile, environ),
        prices=None if address is None else profile.tariff(address).value,
        changes=_changes(profile),
        origins=profile.origins,
        problem=problem or _missing_variables(profile, environ),
        warning=_loose_key_file(profile),
    )


def _address(profile: Profile, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    if profile.name == OFFLINE:
        return None, None
    try:
        address, _ = profile.base_url(environ), profile.model_map
    except UsageError as error:
        return None, str(error)
    return address, None


def _key_is_there(profile: Profile, environ: Mapping[str, str]) -> bool | None:
    table = profile.table
    if table.key_file is not None:
        return Path(table.key_file).is_file()
    return bool(environ.get(table.key_variable, "").strip()) if table.key_variable else None


def _missing_variables(profile: Profile, environ: Mapping[str, str]) -> str | None:
    texts = (profile.table.headers or {}).values()
    missing = [name for text in texts for name in VARIABLE.findall(text) if not environ.get(name, "").strip()]
    return f"its headers need {', '.join(missing)}, which is not set" if missing else None


def _changes(profile: Profile) -> dict[str, object]:
    """What it does otherwise than OpenAI, by setting; of headers, queries and parameters only the names."""
    table = profile.table
    named = {"headers": table.headers, "query": table.query, "add": table.add}
    told: dict[str, object] = {name: list(each) for name, each in named.items() if each}
    parts = {"paths": table.paths, "files": table.files, "timeouts": table.timeouts}
    told |= {name: each.model_dump(exclude_none=True) for name, each in parts.items() if each is not None}
    plain = {"models": table.models, "drop": table.drop, "send_seed": table.send_seed, "width": table.width}
    return told | {name: each for name, each in plain.items() if each}


def _loose_key_file(profile: Profile) -> str | None:
    """A file of secrets that others on this computer can read is worth a word; mounted ones often can't be helped."""
    if profile.table.key_file is None:
        return None
    try:
        mode = Path(profile.table.key_file).stat().st_mode
    except OSError:
        return None
    loose = mode & (stat.S_IRGRP | stat.S_IROTH)
    return f"others can read {profile.table.key_file}: chmod 600 keeps it to you" if loose else None
