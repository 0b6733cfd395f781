"""OpenAI's own description of its Images API, made strict, as a judge of request bodies (openai-images.md, 6)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from graphrun.providers.multipart import Part, read_form

_CLOSED = (
    "CreateImageRequest",
    "CreateImageEditRequest",
    "EditImageBodyJsonParam",
    "CreateImageVariationRequest",
)
_NEWER_QUALITIES = ("xhigh", "max")
_FILE = "<file>"


@dataclass(frozen=True)
class Contract:
    """The description with closed objects. ``newer`` also knows the qualities of models it was written before."""

    document: Mapping[str, Any]
    newer: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Read the description and close it in memory."""
        strict = _strict(yaml.safe_load(path.read_text(encoding="utf-8")))
        return cls(strict, _with_newer_qualities(strict))

    def request_faults(self, path: str, content_type: str, body: bytes) -> list[str]:
        """Return what is wrong with a request, one sentence each."""
        instance = self.instance(path, content_type, body)
        endpoint = path.removeprefix("/v1")
        content = self.document["paths"][endpoint]["post"]["requestBody"]["content"]
        reference = content[content_type.partition(";")[0]]["schema"]["$ref"]
        document = self.document if instance.get("model") in self._described_models() else self.newer
        return list(_faults(document, reference, instance))

    def answer_faults(self, body: bytes) -> list[str]:
        """Return what is wrong with a successful answer."""
        return list(_faults(self.document, "#/components/schemas/ImagesResponse", json.loads(body)))

    def instance(self, path: str, content_type: str, body: bytes) -> dict[str, Any]:
        """Return a body as the schema sees it: files as placeholders, texts of a form cast by their property's type."""
        if content_type == "application/json":
            instance: dict[str, Any] = json.loads(body)
            return instance
        return _form_instance(read_form(content_type, body), self._schema("CreateImageEditRequest")["properties"])

    def _schema(self, name: str) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = self.document["components"]["schemas"][name]
        return schema

    def _described_models(self) -> set[str]:
        return {
            model
            for name in ("CreateImageRequest", "CreateImageEditRequest")
            for choice in self._schema(name)["properties"]["model"]["anyOf"]
            for model in choice.get("enum", ())
        }


def _strict(document: Mapping[str, Any]) -> dict[str, Any]:
    strict = copy.deepcopy(dict(document))
    schemas = strict["components"]["schemas"]
    for name in _CLOSED:
        schemas[name]["additionalProperties"] = False
    # The server takes it on multipart edits, too; the description lists it for JSON edits only.
    moderation = schemas["CreateImageRequest"]["properties"]["moderation"]
    schemas["CreateImageEditRequest"]["properties"]["moderation"] = moderation
    return strict


def _with_newer_qualities(strict: Mapping[str, Any]) -> dict[str, Any]:
    newer = copy.deepcopy(dict(strict))
    for name in ("CreateImageRequest", "CreateImageEditRequest"):
        newer["components"]["schemas"][name]["properties"]["quality"]["enum"].extend(_NEWER_QUALITIES)
    return newer


def _faults(document: Mapping[str, Any], reference: str, instance: object) -> Iterator[str]:
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:openai", resource)
    validator = Draft202012Validator({"$ref": f"urn:openai{reference}"}, registry=registry)
    for error in validator.iter_errors(instance):
        yield f"{'.'.join(map(str, error.path)) or 'body'}: {error.message}"


def _form_instance(parts: tuple[Part, ...], properties: Mapping[str, Any]) -> dict[str, Any]:
    instance: dict[str, Any] = {}
    for part in parts:
        name, is_list = part.name.removesuffix("[]"), part.name.endswith("[]")
        value = _FILE if part.file_name is not None else _cast(part.data.decode(), properties.get(name, {}))
        if is_list or name in instance:
            earlier = instance.get(name, [])
            instance[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
        else:
            instance[name] = value
    return instance


def _cast(text: str, schema: Mapping[str, Any]) -> object:
    """Return the text as its property's type has it; what doesn't fit stays text, and the schema says so."""
    match schema.get("type"):
        case "integer" if text.removeprefix("-").isdigit():
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
    return text
