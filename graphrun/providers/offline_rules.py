"""What the offline service accepts: OpenAI's rules, strictly, with OpenAI's error codes.

Sources: openai-images.md, 2.4 (codes) and 6 (what a strict check refuses); what each model knows is in the model
table. Every model name is accepted; one we don't know is taken for a recent GPT image model. Knows nothing of pixels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphrun.imaging import picture_kind
from graphrun.providers.model_table import (
    MASK,
    MEDIA_TYPES,
    MEGABYTE,
    PARAMETERS,
    Abilities,
    Choices,
    References,
    abilities_of,
    custom_size_fault,
    shows_transparency,
    width_and_height,
)
from graphrun.providers.multipart import BadForm, Part, read_form


class Refused(Exception):
    """A request the service refuses, as OpenAI words it."""

    def __init__(
        self,
        message: str,
        code: str | None = None,
        param: str | None = None,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.param, self.status, self.type = message, code, param, status, type

    def body(self) -> dict[str, object]:
        """Return the error answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class HeardFile:
    """A file as it was sent."""

    name: str
    file_name: str | None
    media_type: str | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """An accepted request as it was on the wire. ``fields`` are text in a form, JSON values in a JSON body."""

    path: str
    fields: Mapping[str, object]
    files: tuple[HeardFile, ...] = ()
    client_request_id: str = ""

    @property
    def model(self) -> str:
        """The model asked; OpenAI's own default differs by endpoint and date, so it has to be said."""
        return str(self.fields["model"])

    @property
    def is_edit(self) -> bool:
        """Whether pictures are to be changed, not made."""
        return self.path.endswith("/images/edits")

    @property
    def images(self) -> tuple[HeardFile, ...]:
        """The pictures to edit."""
        return tuple(file for file in self.files if file.name != "mask")

    @property
    def mask(self) -> HeardFile | None:
        """The mask, if one was sent."""
        return next((file for file in self.files if file.name == "mask"), None)

    def text(self, name: str, default: str) -> str:
        """Return a field as text."""
        return str(self.fields.get(name, default))


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

_INTEGERS = ("n", "output_compression")
_BOOLEANS = ("stream",)


def read_request(path: str, content_type: str, body: bytes, client_request_id: str) -> Heard:
    """Read and check a request. Raises Refused."""
    if path.endswith("/images/edits"):
        heard = _read_multipart(path, content_type, body, client_request_id)
    else:
        heard = Heard(path, _read_json(content_type, body), (), client_request_id)
    _check_fields(heard)
    if heard.is_edit:
        _check_files(heard)
    return heard


def _read_json(content_type: str, body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body) if content_type.partition(";")[0].strip() == "application/json" else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refused("We could not parse the JSON body of your request.")
    for name, value in fields.items():
        if name not in PARAMETERS:  # told as such later, whatever its type
            continue
        wanted = int if name in _INTEGERS else bool if name in _BOOLEANS else str
        if type(value) is not wanted:
            got = {"NoneType": "null"}.get(type(value).__name__, type(value).__name__)
            message = f"Invalid type for '{name}': expected {wanted.__name__}, but got {got}."
            raise Refused(message, "invalid_type", name)
    return fields


def _read_multipart(path: str, content_type: str, body: bytes, client_request_id: str) -> Heard:
    if content_type.partition(";")[0].strip() != "multipart/form-data":
        raise Refused("The offline service takes edits as multipart/form-data.", "unsupported_content_type", None)
    try:
        parts = read_form(content_type, body)
    except BadForm as error:
        raise Refused(f"Could not parse multipart form: {error}.") from None
    fields: dict[str, object] = {}
    for part in parts:
        if part.file_name is None:
            _add_field(fields, part)
    files = tuple(HeardFile(p.name, p.file_name, p.media_type, p.data) for p in parts if p.file_name is not None)
    return Heard(path, fields, files, client_request_id)


def _add_field(fields: dict[str, object], part: Part) -> None:
    if part.name in fields:
        raise _duplicate(part.name)
    try:
        fields[part.name] = part.data.decode()
    except UnicodeDecodeError:
        raise Refused(f"Invalid '{part.name}': not UTF-8 text.", "invalid_value", part.name) from None


def _duplicate(name: str) -> Refused:
    return Refused(
        f"Duplicate parameter: '{name}'. You provided multiple values for this parameter, whereas only one is allowed. "
        f"If you are trying to provide a list of values, use the array syntax instead e.g. '{name}[]=<value>'.",
        "duplicate_parameter",
        name,
    )


# ── checking ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_fields(heard: Heard) -> None:
    for name in ("model", "prompt"):
        if not heard.text(name, "").strip():
            raise Refused(f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    abilities = abilities_of(heard.model)
    if heard.is_edit and abilities.references is None:
        raise Refused(f"Invalid value: '{heard.model}'. This model does not edit images.", "invalid_value", "model")
    _check_length(heard, abilities)
    _check_count(heard.text("n", "1"), abilities.most)
    if "size" in heard.fields:
        _check_size(heard.text("size", ""), abilities)
    choices = abilities.choices_for(editing=heard.is_edit)
    for name in heard.fields.keys() - {"model", "prompt", "n", "size"}:
        _check_choice(heard, name, choices)
    _check_background(heard)


def _check_length(heard: Heard, abilities: Abilities) -> None:
    length = len(heard.text("prompt", ""))
    if length > abilities.longest_prompt:
        raise Refused(
            f"Invalid 'prompt': string too long. Expected a string with maximum length {abilities.longest_prompt}, "
            f"but got a string with length {length} instead.",
            "string_above_max_length",
            "prompt",
        )


def _check_count(text: str, most: int) -> None:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Refused("Invalid type for 'n': expected an integer.", "invalid_type", "n")
    if int(text) < 1:
        raise Refused(f"Invalid 'n': expected a value >= 1, but got {text}.", "integer_below_min_value", "n")
    if int(text) > most:
        raise Refused(f"Invalid 'n': expected a value <= {most}, but got {text}.", "integer_above_max_value", "n")


def _check_choice(heard: Heard, name: str, choices: Choices) -> None:
    if name == "input_fidelity" and heard.is_edit and name not in choices:
        raise Refused(
            f"The model '{heard.model}' does not support the 'input_fidelity' parameter.",
            "invalid_input_fidelity_model",
            name,
            type="image_generation_user_error",
        )
    if name not in choices:
        raise Refused(f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    allowed, text = choices[name], _as_text(heard.fields[name])
    if allowed is not None and text not in map(_as_text, allowed):
        supported = "0 to 100" if isinstance(allowed, range) else ", ".join(f"'{_as_text(each)}'" for each in allowed)
        raise Refused(f"Invalid value: '{text}'. Supported values are: {supported}.", "invalid_value", name)


def _as_text(value: object) -> str:
    """A value as a form has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_background(heard: Heard) -> None:
    if heard.text("background", "auto") == "transparent" and not shows_transparency(heard.text("output_format", "png")):
        message = "Transparent background is only supported for the output formats 'png' and 'webp'."
        raise Refused(message, "invalid_value", "background")


def _check_size(size: str, abilities: Abilities) -> None:
    if abilities.sizes is not None:
        if size not in abilities.sizes:
            supported = ", ".join(f"'{choice}'" for choice in abilities.sizes)
            raise Refused(f"Invalid value: '{size}'. Supported values are: {supported}.", "invalid_value", "size")
    elif size != "auto":
        edges = width_and_height(size)
        fault = custom_size_fault(*edges) if edges else "Expected 'auto' or WIDTHxHEIGHT"
        if fault:
            raise Refused(f"Invalid size '{size}'. {fault}.", "invalid_value", "size")


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_files(heard: Heard) -> None:
    references = abilities_of(heard.model).references or References()
    _check_part_names([file.name for file in heard.files], references.most)
    for file in heard.files:
        _check_file(file, MASK if file.name == "mask" else references)


def _check_part_names(names: Sequence[str], most: int) -> None:
    for name in names:
        if name not in ("image", "image[]", "mask"):
            raise Refused(f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    for name in ("image", "mask"):
        if names.count(name) > 1:
            raise _duplicate(name)
    if "image" not in names and "image[]" not in names:
        raise Refused("Missing required parameter: 'image'.", "missing_required_parameter", "image")
    if "image" in names and "image[]" in names:
        raise _duplicate("image")
    count = names.count("image[]")
    if count > most:
        raise Refused(
            f"Invalid 'image': array too long. Expected at most {most} items, but got {count} instead.",
            "array_above_max_length",
            "image",
        )


def _check_file(file: HeardFile, rules: References) -> None:
    allowed = {MEDIA_TYPES[kind]: kind for kind in rules.kinds}
    param = file.name.removesuffix("[]")
    if file.media_type not in allowed:
        raise Refused(
            f"Invalid file '{param}': unsupported mimetype ('{file.media_type or 'application/octet-stream'}'). "
            f"Supported file formats are {', '.join(allowed)}.",
            "unsupported_file_mimetype",
            param,
        )
    if picture_kind(file.data) != allowed[file.media_type]:
        raise Refused(f"Invalid file '{param}': it is no {file.media_type}.", "invalid_image_file", param)
    if len(file.data) >= rules.bytes_below:
        limit = rules.bytes_below // MEGABYTE
        raise Refused(f"Invalid file '{param}': it must be less than {limit} MB.", "file_too_large", param)
