"""Reads profiles from ``graphrun.toml``: the user's own file, and the one beside a workflow, which may be a stranger's.

A file that came with a workflow could send the user's pictures, prompts or keys to its author. So it may only say how
requests are worded for services that are set up elsewhere, unless the user trusts it (DESIGN, rule 5).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphrun.errors import UsageError
from graphrun.kernel.workflow import did_you_mean
from graphrun.providers.profile_tables import UNTRUSTED, faults
from graphrun.providers.profiles import Profiles

FILE_NAME = "graphrun.toml"
_LARGEST = 256 * 1024  # bytes; ours have a few hundred

Tables = Mapping[str, Mapping[str, Any]]


def read_profiles(own: Path | None, beside: Path | None = None, *, trusted: bool = False) -> Profiles:
    """Return the built-in profiles with what two files say: the user's ``own``, and the one ``beside`` a workflow.

    ``trusted``: the latter may say everything the former may. Either is None where there is no such file. Raises
    UsageError naming the file, the key and the remedy of everything that is wrong in a file.
    """
    profiles = Profiles.built_in()
    if own is not None:
        profiles = profiles.changed(_checked(own, own), str(own))
    if beside is not None and not (own is not None and _is_same(own, beside)):
        tables = _checked(beside, beside)
        if not trusted:
            _refuse_untrusted(tables, profiles, beside)
        profiles = profiles.changed(tables, str(beside))
    return profiles


def file_beside(workflow: Path | None) -> Path | None:
    """Return the profile file in a workflow's folder, if there is one."""
    path = None if workflow is None else workflow.parent / FILE_NAME
    return path if path is not None and path.is_file() else None


def _checked(path: Path, shown: Path) -> Tables:
    """The profiles in a file by name, each a valid table. Raises UsageError naming every fault."""
    document = _document(path)
    found = list(_faults(document))
    if found:
        raise UsageError(f"{shown}: " + "; ".join(f"{place}: {fault}" for place, fault in found))
    tables: Tables = document.get("profiles", {})
    return {name: _with_real_key_file(table, path.parent) for name, table in tables.items()}


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise UsageError(f"{path}: has more than {_LARGEST // 1024} KiB: that is no profile file")
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is no text in UTF-8: save it as that") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is no TOML: {_without_content(str(error))}") from None
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply") from None


def _without_content(complaint: str) -> str:
    """The complaint without what it quotes, which may be a part of a secret."""
    return re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "…", complaint)


def _faults(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in document.keys() - {"profiles"}:
        yield name, f"no such table{did_you_mean(name, ['profiles']) or '; profiles are [profiles.NAME] tables'}"
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        yield "profiles", "is no table: write [profiles.NAME]"
        return
    for name, table in profiles.items():
        place = f"profiles.{name}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}", name):
            yield place, "a profile's name has only letters, digits, - and _"
        elif not isinstance(table, dict):
            yield place, "is no table: write [profiles.NAME]"
        else:
            yield from ((f"{place}.{key}", fault) for key, fault in faults(table))
            if {"key_variable", "key_file"} <= table.keys():
                yield place, "key_variable and key_file are two places for one key: keep one"


def _refuse_untrusted(tables: Tables, profiles: Profiles, path: Path) -> None:
    """Raise UsageError for whatever only the user's own file may say."""
    for name, table in tables.items():
        forbidden = sorted(table.keys() - UNTRUSTED)
        if forbidden or name not in profiles.by_name:
            what = f"profiles.{name}.{forbidden[0]}" if forbidden else f"profiles.{name} is a new profile, and"
            raise UsageError(
                f"{path}: {what}: a file beside a workflow may only set {', '.join(sorted(UNTRUSTED))} of a profile "
                "that is set up elsewhere. If it is yours, or you have read and trust it, add --trust-profiles"
            )


def _with_real_key_file(table: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """With the key's file found from the folder of the file that names it, whatever the current folder is."""
    if "key_file" not in table:
        return table
    try:
        named = Path(table["key_file"]).expanduser()
    except RuntimeError:  # nobody's home
        named = Path(table["key_file"])
    return {**table, "key_file": str(folder.absolute() / named)}


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
