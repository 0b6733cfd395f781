"""What the offline service accepts: OpenAI's rules, strictly, with OpenAI's error codes.

Sources: openai-images.md, 2.1 (what each model knows), 2.4 (codes) and 6 (what a strict check refuses). Every model
name is accepted; one we don't know is taken for the newest GPT image model. Pure, and knows nothing of pixels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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


# ── what each model knows ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model knows. ``choices`` maps a parameter to its values (None: any text); ``sizes`` None: any W x H."""

    longest_prompt: int
    sizes: tuple[str, ...] | None
    choices: Mapping[str, tuple[str, ...] | None]
    edit_choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most: int = 10
    edits: bool = True
    is_gpt: bool = True


_FORMATS = ("url", "b64_json")
_GPT_QUALITIES = ("auto", "low", "medium", "high")
_PERCENT = tuple(str(value) for value in range(101))
_GPT = {
    "quality": _GPT_QUALITIES,
    "background": ("auto", "opaque", "transparent"),
    "moderation": ("auto", "low"),
    "output_format": ("png", "jpeg", "webp"),
    "output_compression": _PERCENT,
    "stream": ("false",),
    "user": None,
}
_NEWEST = {**_GPT, "quality": (*_GPT_QUALITIES, "xhigh", "max")}
_GPT_1_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
_ABILITIES: tuple[tuple[str, Abilities], ...] = (
    (
        r"dall-e-2",
        Abilities(
            1000,
            ("256x256", "512x512", "1024x1024"),
            {"quality": ("standard",), "response_format": _FORMATS, "user": None},
            is_gpt=False,
        ),
    ),
    (
        r"dall-e-3",
        Abilities(
            4000,
            ("1024x1024", "1792x1024", "1024x1792"),
            {"quality": ("standard", "hd"), "style": ("vivid", "natural"), "response_format": _FORMATS, "user": None},
            most=1,
            edits=False,
            is_gpt=False,
        ),
    ),
    (r"gpt-image-1-mini.*", Abilities(32000, _GPT_1_SIZES, _GPT, {"input_fidelity": ("low",)})),
    (r"gpt-image-1(\.5)?(-\d.*)?", Abilities(32000, _GPT_1_SIZES, _GPT, {"input_fidelity": ("low", "high")})),
    (r"chatgpt-image-latest", Abilities(32000, _GPT_1_SIZES, _GPT, {"input_fidelity": ("low", "high")})),
    (r"gpt-image-2(-\d.*)?", Abilities(32000, None, _GPT)),
    (r"gpt-image-2\.6-.*", Abilities(32000, None, {**_NEWEST, "complexity": ("low", "medium", "high")})),
    (r".*", Abilities(32000, None, _NEWEST)),
)


def abilities_of(model: str) -> Abilities:
    """Return what a model knows."""
    return next(abilities for pattern, abilities in _ABILITIES if re.fullmatch(pattern, model))


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

_INTEGERS = ("n", "output_compression")
_BOOLEANS = ("stream",)
_KNOWN = {"model", "prompt", "n", "size"}.union(*(abilities.choices for _, abilities in _ABILITIES))


def read_request(path: str, content_type: str, body: bytes, client_request_id: str) -> Heard:
    """Read and check a request. Raises Refused."""
    if path.endswith("/images/edits"):
        heard = _read_multipart(path, content_type, body, client_request_id)
    else:
        heard = Heard(path, _read_json(content_type, body), (), client_request_id)
    _check_fields(heard)
    if path.endswith("/images/edits"):
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
        if name not in _KNOWN:  # told as such later, whatever its type
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
    editing = heard.path.endswith("/images/edits")
    if editing and not abilities.edits:
        raise Refused(f"Invalid value: '{heard.model}'. This model does not edit images.", "invalid_value", "model")
    _check_length(heard, abilities)
    _check_count(heard.text("n", "1"), abilities.most)
    if "size" in heard.fields:
        _check_size(heard.text("size", ""), abilities)
    choices = {**abilities.choices, **(abilities.edit_choices if editing else {})}
    for name in heard.fields.keys() - {"model", "prompt", "n", "size"}:
        _check_choice(heard, name, choices)


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


def _check_choice(heard: Heard, name: str, choices: Mapping[str, tuple[str, ...] | None]) -> None:
    if name == "input_fidelity" and heard.path.endswith("/images/edits") and name not in choices:
        raise Refused(
            f"The model '{heard.model}' does not support the 'input_fidelity' parameter.",
            "invalid_input_fidelity_model",
            name,
            type="image_generation_user_error",
        )
    if name not in choices:
        raise Refused(f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    value = heard.fields[name]
    allowed, text = choices[name], str(value).lower() if isinstance(value, bool) else str(value)
    if allowed is not None and text not in allowed:
        supported = "0 to 100" if allowed is _PERCENT else ", ".join(f"'{choice}'" for choice in allowed)
        raise Refused(f"Invalid value: '{text}'. Supported values are: {supported}.", "invalid_value", name)


def _check_size(size: str, abilities: Abilities) -> None:
    if abilities.sizes is not None:
        if size not in abilities.sizes:
            supported = ", ".join(f"'{choice}'" for choice in abilities.sizes)
            raise Refused(f"Invalid value: '{size}'. Supported values are: {supported}.", "invalid_value", "size")
    elif size != "auto":
        for fault in _size_faults(size):
            raise Refused(f"Invalid size '{size}'. {fault}.", "invalid_value", "size")


def _size_faults(size: str) -> Iterator[str]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", size)
    if not match:
        yield "Expected 'auto' or WIDTHxHEIGHT"
        return
    width, height = int(match[1]), int(match[2])
    if width % 16 or height % 16:
        yield "Width and height must both be divisible by 16"
    if max(width, height) > 3840:
        yield "The longest edge must be at most 3840"
    if max(width, height) > 3 * min(width, height):
        yield "The aspect ratio must be between 1:3 and 3:1"
    if not 655_360 <= width * height <= 8_294_400:
        yield "The number of pixels must be between 655360 and 8294400"


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────

_MEGABYTE = 1024 * 1024
_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


def _check_files(heard: Heard) -> None:
    _check_part_names([file.name for file in heard.files])
    for file in heard.files:
        _check_file(file, heard.model)


def _check_part_names(names: Sequence[str]) -> None:
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
    if names.count("image[]") > 16:
        raise Refused(
            f"Invalid 'image': array too long. Expected at most 16 items, but got {names.count('image[]')} instead.",
            "array_above_max_length",
            "image",
        )


def _check_file(file: HeardFile, model: str) -> None:
    allowed = ("image/png",) if file.name == "mask" or model == "dall-e-2" else tuple(_SIGNATURES)
    param = file.name.removesuffix("[]")
    if file.media_type not in allowed:
        raise Refused(
            f"Invalid file '{param}': unsupported mimetype ('{file.media_type or 'application/octet-stream'}'). "
            f"Supported file formats are {', '.join(allowed)}.",
            "unsupported_file_mimetype",
            param,
        )
    if not file.data.startswith(_SIGNATURES[file.media_type]):
        raise Refused(f"Invalid file '{param}': it is no {file.media_type}.", "invalid_image_file", param)
    limit = 4 if model == "dall-e-2" or file.name == "mask" else 50
    if len(file.data) >= limit * _MEGABYTE:
        raise Refused(f"Invalid file '{param}': it must be less than {limit} MB.", "file_too_large", param)
