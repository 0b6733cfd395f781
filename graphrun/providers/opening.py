"""Makes the image service that a profile describes: finds its key and address, and refuses a key that isn't its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from graphrun.errors import UsageError
from graphrun.providers.advice import OPENAI_ADVICE, Advice, check_owner
from graphrun.providers.api_key import AUTHORIZATION, NO_CREDENTIALS, Credentials, header_value
from graphrun.providers.comfy import ComfyImages
from graphrun.providers.comfy_errors import COMFY_ADVICE
from graphrun.providers.dialect import OPENAI as OPENAI_DIALECT
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.profile_tables import VARIABLE
from graphrun.providers.profiles import COMFY, OPENAI, Profile, Profiles

if TYPE_CHECKING:
    from graphrun.providers.http import Transport

_LONGEST_KEY_FILE = 64 * 1024


def open_profile(
    profile: Profile,
    environ: Mapping[str, str],
    *,
    width: int | None = None,
    transport: Transport | None = None,
    keyless: bool = False,
) -> OpenAIImages:
    """Return the service of a profile. ``width`` is how many pictures at once, None for the profile's own.

    ``keyless``: without its key and headers, to plan by; nothing it were sent would be accepted.
    Raises UsageError, saying what to set, where its key or address is missing, can't be used or is another service's.
    """
    base_url = profile.base_url(environ)
    options: dict[str, Any] = {
        "identity": _identity(profile, base_url),
        "transport": transport,
        "timeouts": profile.timeouts,
        "tariff": profile.tariff(base_url),
        "dialect": profile.dialect,
        "model_map": profile.model_map,
    }
    if capacity := width or profile.table.width:
        options["capacity"] = capacity
    host = urlsplit(base_url).hostname or ""
    credentials = NO_CREDENTIALS if keyless else _credentials(profile, environ, host)
    if profile.is_comfy:
        return ComfyImages(base_url, credentials, **options)
    return OpenAIImages(base_url, credentials, advice=_advice(profile), **options, **_account(profile, environ))


def openai_from_environment(environ: Mapping[str, str], *, transport: Transport | None = None) -> OpenAIImages:
    """Return the service that OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID and OPENAI_PROJECT_ID describe.

    Raises UsageError, naming both ways on, where there is no key.
    """
    return open_profile(Profiles.built_in().find(OPENAI), environ, transport=transport)


def _identity(profile: Profile, base_url: str) -> str:
    """What tells services apart whose answers to one request may differ. No secret is in it."""
    usual = Profiles.built_in().find(COMFY).dialect if profile.is_comfy else OPENAI_DIALECT
    manner = "" if profile.dialect == usual else f"#{profile.dialect.identity}"
    return f"{profile.name}:{base_url}{manner}"


def _advice(profile: Profile) -> Advice:
    return Advice.of_profile(profile.name, profile.key_source) if profile.name != OPENAI else OPENAI_ADVICE


def _account(profile: Profile, environ: Mapping[str, str]) -> dict[str, Any]:
    if profile.name != OPENAI:
        return {}
    variables = {"organization": "OPENAI_ORG_ID", "project": "OPENAI_PROJECT_ID"}
    return {name: environ.get(variable, "").strip() or None for name, variable in variables.items()}


def _credentials(profile: Profile, environ: Mapping[str, str], host: str) -> Credentials:
    table, setting = profile.table, _key_setting(profile)
    key, header = _key(profile, environ), table.key_header or AUTHORIZATION
    if any(name.lower() == header.lower() for name in table.headers or {}) and key is not None:
        raise UsageError(
            f"profile {profile.name!r} ({profile.origin}): {header} is in headers, and holds the key: keep one"
        )
    credentials = _of_headers(profile, environ, host)
    if key is None:
        return credentials
    check_owner(setting, key, host, is_comfy=profile.is_comfy)
    return Credentials.of_key(setting, key, header).joined(credentials)


def _key_setting(profile: Profile) -> str:
    if profile.name in (OPENAI, COMFY) and profile.table.key_variable:
        return profile.table.key_variable
    return f"{profile.key_source} of profile {profile.name!r}"


def _key(profile: Profile, environ: Mapping[str, str]) -> str | None:
    """The key, or None where the profile has none: servers of one's own often want none. Raises UsageError."""
    table = profile.table
    if table.key_file is not None:
        return _key_in(Path(table.key_file), profile.name)
    if table.key_variable is None:
        return None
    if key := environ.get(table.key_variable, "").strip():
        return key
    raise UsageError(_missing_key(profile, environ))


def _missing_key(profile: Profile, environ: Mapping[str, str]) -> str:
    offline = "choose --provider offline, which draws stand-in pictures and needs no key"
    variable = profile.table.key_variable
    if profile.name == OPENAI:
        comfy = "choose --provider comfy, for which COMFY_API_KEY is set, " if environ.get("COMFY_API_KEY") else ""
        return f"no image service is set up: set {variable} to your OpenAI key, {comfy}or {offline}"
    if profile.name == COMFY:
        return f"{COMFY_ADVICE.check_key.replace('COMFY_API_KEY', str(variable))}, or {offline}"
    return (
        f"profile {profile.name!r} ({profile.origin}) takes its key from the variable {variable}, which is not set: "
        "set it, or remove key_variable if the server wants no key"
    )


def _key_in(path: Path, name: str) -> str:
    """The key in a file: its only word. Raises UsageError without showing what else is in there."""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_KEY_FILE).decode("ascii", "replace").strip()
    except OSError as error:
        raise UsageError(f"the key file {path} of profile {name!r} can't be read ({error.strerror})") from None
    if not text or re.search(r"\s", text):
        raise UsageError(f"the key file {path} of profile {name!r} must hold one key and nothing else")
    return text


def _of_headers(profile: Profile, environ: Mapping[str, str], host: str) -> Credentials:
    """The profile's own headers. What comes from variables counts as secret. Raises UsageError."""
    secrets: list[str] = []
    headers: dict[str, str] = {}
    for header, text in (profile.table.headers or {}).items():
        values = {variable: _variable(variable, header, profile, environ) for variable in VARIABLE.findall(text)}
        for variable, value in values.items():
            check_owner(variable, value, host, is_comfy=profile.is_comfy)
        secrets += values.values()
        headers[header] = _filled(text, values)
    return Credentials(headers, secrets) if headers else NO_CREDENTIALS


def _filled(text: str, values: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: values[found[1]], text)


def _variable(variable: str, header: str, profile: Profile, environ: Mapping[str, str]) -> str:
    value = environ.get(variable, "").strip()
    if not value:
        raise UsageError(
            f"profile {profile.name!r} ({profile.origin}): the header {header} needs the variable {variable}: set it"
        )
    return header_value(variable, value)
