"""What may stand in a profile, as a schema: everything optional, nothing unknown. Knows no file and no other profile.

Source: openai-images.md, end of 2.8. No error message quotes a value: someone may have put a key in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from graphrun.kernel.workflow import did_you_mean
from graphrun.providers.dialect import Parameter

UNTRUSTED = frozenset({"models", "drop", "add", "send_seed", "timeouts"})
"""What a file that came with a workflow may say: nothing of where a request goes and what it carries to get in."""

VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
"""How a header's value names a variable. In capitals only: what else stands there may be a key, and names are shown."""

_OWN_HEADERS = {
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-client-request-id",
}
_SECRET_NAME = re.compile(r"auth|key|token|secret|password|credential", re.IGNORECASE)
_OWN_PARAMETERS = {"model", "prompt", "n", "image", "image[]", "mask", "stream", "partial_images"}


def _path(value: str) -> str:
    if not re.fullmatch(r"/[\w./{}~%+-]*", value, re.ASCII) or value.startswith("//") or ".." in value:
        raise ValueError("is no path: one looks like /images/generations")
    if re.search(r"[{}]", value.replace("{model}", "")):
        raise ValueError("has a placeholder other than {model}")
    return value


def _header_names(headers: Mapping[str, str]) -> Mapping[str, str]:
    seen = set[str]()
    for name in headers:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValueError(f"{name[:40]!r} is no name of a header")
        if name.lower() in _OWN_HEADERS or name.lower() in seen:
            raise ValueError(f"{name!r} is a header that graphrun sets itself, or is there twice: leave it out")
        seen.add(name.lower())
    return headers


def _header_values(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise ValueError(f"{name!r} has a value that can't be in a header")
        if "${" in VARIABLE.sub("", value):
            raise ValueError(f"{name!r} names no variable: one looks like ${{GATEWAY_TOKEN}}, in capitals")
        if _SECRET_NAME.search(name) and not VARIABLE.search(value):
            raise ValueError(f'{name!r} sounds like a secret: put it into a variable and write "${{VARIABLE}}" here')
    return headers


def _query(query: Mapping[str, str]) -> Mapping[str, str]:
    for name in query:
        if _SECRET_NAME.search(name):
            raise ValueError(f"{name!r} sounds like a secret, and addresses are shown: use headers")
    return query


def _parameters(added: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    for name in added:
        if name in _OWN_PARAMETERS:
            raise ValueError(f"{name!r} is said by the node alone")
        if name == "seed":
            raise ValueError("a seed is the node's: write send_seed = true")
    return added


Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(pattern=r"^[\w.\[\]-]{1,100}$")]
Path = Annotated[Text, AfterValidator(_path)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$")]
Value = Annotated[bool | int | Annotated[float, Field(allow_inf_nan=False)] | str, Field(union_mode="left_to_right")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class PathsTable(_Table):
    """Where requests go, below the base URL."""

    generations: Path | None = None
    edits: Path | None = None


class FilesTable(_Table):
    """What the parts of an edit are called, and which part of a mask is the one to change."""

    image: Name | None = None
    images: Name | None = None
    mask: Name | None = None
    mask_edits: Literal["clear", "white"] | None = None


class TimeoutsTable(_Table):
    """Seconds."""

    connect: Seconds | None = None
    write: Seconds | None = None
    read: Seconds | None = None
    total: Seconds | None = None


class ProfileTable(_Table):
    """One profile, or what a file changes of one."""

    service: Literal["openai", "comfy"] | None = None
    base_url: Text | None = None
    base_url_variable: Variable | None = None
    key_variable: Variable | None = None
    key_file: Text | None = None
    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] | None = None
    headers: Annotated[Mapping[str, str], AfterValidator(_header_names), AfterValidator(_header_values)] | None = None
    query: Annotated[Mapping[str, Text], AfterValidator(_query)] | None = None
    paths: PathsTable | None = None
    files: FilesTable | None = None
    models: Mapping[str, Text] | None = None
    drop: list[Name] | None = None
    add: Annotated[Mapping[Name, Value], AfterValidator(_parameters)] | None = None
    send_seed: bool | None = None
    timeouts: TimeoutsTable | None = None
    prices: Literal["openai", "free", "unknown"] | None = None
    width: Annotated[int, Field(ge=1, le=1000)] | None = None


_TABLES: Mapping[str, type[_Table]] = {"paths": PathsTable, "files": FilesTable, "timeouts": TimeoutsTable}


def faults(table: object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a profile: the key's path, and a sentence without any value of it."""
    try:
        ProfileTable.model_validate(table)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False, include_context=False):
            yield ".".join(map(str, fault["loc"])), _sentence(fault["type"], fault["msg"], fault["loc"])


def _sentence(kind: str, message: str, place: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":
        return _unknown(place)
    if place[0] == "models" and kind == "string_type":
        return 'a model is mapped to a name; a name with a dot needs quotes, as in "gpt-image-1.5" = "my-model"'
    return message.removeprefix("Value error, ")


def _unknown(place: tuple[int | str, ...]) -> str:
    name, known = str(place[-1]), _TABLES.get(str(place[0]), ProfileTable).model_fields
    if len(place) == 1 and _SECRET_NAME.search(name):
        return "a key is never written here: name its variable (key_variable) or its file (key_file)"
    return f"no such setting{did_you_mean(name, known) or '; there are: ' + ', '.join(known)}"
