"""The image services that can be chosen by name: those built in, and what the user's files say of them or add.

Later files win, table by table and key by key: built in, then the user's own file, then the one beside the workflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from graphrun.errors import UsageError
from graphrun.kernel.workflow import did_you_mean
from graphrun.providers.base_url import checked_base_url
from graphrun.providers.dialect import Dialect, FileFields, Paths
from graphrun.providers.http import DEFAULT_TIMEOUTS, Timeouts
from graphrun.providers.model_map import ModelMap
from graphrun.providers.profile_tables import ProfileTable
from graphrun.providers.tariff import Tariff, tariff_of_url

OPENAI, COMFY, OFFLINE = "openai", "comfy", "offline"
BUILT_IN_ORIGIN = "built in"

_BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    OPENAI: {
        "service": "openai",
        "base_url": "https://api.openai.com/v1",
        "base_url_variable": "OPENAI_BASE_URL",
        "key_variable": "OPENAI_API_KEY",
    },
    COMFY: {
        "service": "comfy",
        "base_url": "https://api.comfy.org",
        "base_url_variable": "COMFY_API_BASE_URL",
        "key_variable": "COMFY_API_KEY",
        "key_header": "X-API-KEY",
        "paths": {"generations": "/proxy/openai/images/generations", "edits": "/proxy/openai/images/edits"},
        "prices": "openai",
    },
    OFFLINE: {"prices": "free"},
}


@dataclass(frozen=True)
class Profile:
    """One image service as it is set up. ``origins`` are where that is written: files, or "built in"."""

    name: str
    settings: Mapping[str, Any]
    origins: tuple[str, ...] = (BUILT_IN_ORIGIN,)

    @cached_property
    def table(self) -> ProfileTable:
        """The settings, checked."""
        return ProfileTable.model_validate(self.settings)

    @property
    def is_comfy(self) -> bool:
        """Whether the service is Comfy's proxy, with its keys and manners."""
        return self.table.service == "comfy"

    @property
    def key_source(self) -> str | None:
        """What its key is read from, for people; None where it sends none."""
        return self.table.key_variable or (f"the file {self.table.key_file}" if self.table.key_file else None)

    @property
    def dialect(self) -> Dialect:
        """How its requests are written."""
        table = self.table
        files = _given(table.files)
        edits = files.pop("mask_edits", "clear")
        return Dialect(
            paths=Paths(**_given(table.paths)),
            query=dict(table.query or {}),
            files=FileFields(**files, white_is_edited=edits == "white"),
            dropped=frozenset(table.drop or ()),
            added=dict(table.add or {}),
            sends_seed=bool(table.send_seed),
        )

    @property
    def timeouts(self) -> Timeouts:
        """How long it may take."""
        return replace(DEFAULT_TIMEOUTS, **_given(self.table.timeouts))

    @property
    def model_map(self) -> ModelMap:
        """Which models its requests are for in place of the nodes'. Raises UsageError for a circle."""
        return ModelMap.only(self.table.models or {})

    def base_url(self, environ: Mapping[str, str]) -> str:
        """Return its address: that of the variable if it is set, else the profile's own. Raises UsageError."""
        table = self.table
        variable = table.base_url_variable or ""
        if value := environ.get(variable, "").strip():
            return checked_base_url(variable, value, table.base_url or "https://images.example/v1")
        if table.base_url is None:
            ways = f"set {variable}" if variable else "write base_url"
            raise UsageError(f"profile {self.name!r} ({self.origin}) has no address: {ways}")
        example = "http://127.0.0.1:8000/v1"
        return checked_base_url(f"base_url of profile {self.name!r} ({self.origin})", table.base_url, example)

    def tariff(self, base_url: str) -> Tariff:
        """Return whose prices apply: as the profile says, else by the address."""
        return Tariff(self.table.prices) if self.table.prices else tariff_of_url(base_url)

    @property
    def origin(self) -> str:
        """Where it was set up last, for messages."""
        return self.origins[-1]

    @property
    def identity(self) -> str:
        """A text that differs where settings do."""
        return f"{self.name} {self.table.model_dump_json()}"

    def changed(self, settings: Mapping[str, Any], origin: str) -> Profile:
        """Return the profile with what a file says of it. Raises UsageError where that contradicts itself."""
        if self.name == OFFLINE:
            raise UsageError(f"{origin}: profiles.offline: the offline service is as it is: choose another name")
        return Profile(self.name, _merged(self.settings, settings), (*self.origins, origin))


@dataclass(frozen=True)
class Profiles:
    """Profiles by name."""

    by_name: Mapping[str, Profile] = field(default_factory=dict)

    @classmethod
    def built_in(cls) -> Profiles:
        """Return those that are always there."""
        return cls({name: Profile(name, settings) for name, settings in _BUILT_IN.items()})

    def find(self, name: str | None) -> Profile:
        """Return the profile of that name, OpenAI's without one. Raises UsageError naming the nearest, and all."""
        name = OPENAI if name is None else name
        if name in self.by_name:
            return self.by_name[name]
        hint = did_you_mean(name, self.by_name) or "."
        raise UsageError(f"no image service is called {name!r}{hint} There are: {', '.join(self.by_name)}")

    def changed(self, tables: Mapping[str, Mapping[str, Any]], origin: str) -> Profiles:
        """Return them with what a file says. Raises UsageError."""
        changed = dict(self.by_name)
        for name, settings in tables.items():
            known = changed.get(name) or _new(name, settings)
            changed[name] = known.changed(settings, origin)
        return Profiles(changed)


def _new(name: str, settings: Mapping[str, Any]) -> Profile:
    """A profile that no earlier file has. One of Comfy's proxy has its address, paths and header, but no variables."""
    wire = ("base_url", "key_header", "paths", "prices") if settings.get("service") == COMFY else ()
    return Profile(name, {key: _BUILT_IN[COMFY][key] for key in wire}, ())


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for one, other in (("key_variable", "key_file"), ("key_file", "key_variable")):
        if one in upper:  # a key comes from one place
            merged.pop(other, None)
    for name, value in upper.items():
        below = merged.get(name)
        merged[name] = {**below, **value} if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def _given(table: Any) -> dict[str, Any]:
    return {} if table is None else table.model_dump(exclude_none=True)
