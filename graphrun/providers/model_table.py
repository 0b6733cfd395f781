"""What each image model knows, as data: a new model is a row. Serves the client and the offline stand-in alike.

Source: openai-images.md, 2.1; custom sizes also 1.5, rule 3. Pure, and knows neither requests nor wires.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MEGABYTE = 1024 * 1024
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}

Values = Sequence[str | int] | None
"""The values a parameter may have; None: any text."""

Choices = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class References:
    """The pictures a model edits. A file of ``bytes_below`` bytes is too large already."""

    most: int = 16
    kinds: tuple[str, ...] = tuple(MEDIA_TYPES)
    bytes_below: int = 50 * MEGABYTE
    square: bool = False
    edited_where_clear: bool = False  # without a mask, the picture's own alpha is one


MASK = References(most=1, kinds=("PNG",), bytes_below=4 * MEGABYTE)
"""A mask, whatever the model. It needs an alpha channel and the first picture's size besides."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model knows. Sizes None: ``auto`` and any W x H without a `custom_size_fault`; references None: no edits.

    ``choices`` are its parameters besides model, prompt, n and size; ``edit_choices`` those that only edits have.
    ``previews`` are choices that OpenAI may still refuse.
    """

    longest_prompt: int  # in characters, not bytes
    sizes: tuple[str, ...] | None
    choices: Choices
    edit_choices: Choices = field(default_factory=dict)
    previews: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most: int = 10
    references: References | None = field(default_factory=References)
    is_gpt: bool = True

    def choices_for(self, *, editing: bool) -> Choices:
        """Return the parameters of an edit or of a generation."""
        return {**self.choices, **self.edit_choices} if editing else self.choices


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────

_ANSWERS = ("url", "b64_json")
_GPT_QUALITIES = ("auto", "low", "medium", "high")
_GPT: Choices = {
    "quality": _GPT_QUALITIES,
    "background": ("auto", "opaque", "transparent"),
    "moderation": ("auto", "low"),
    "output_format": ("png", "jpeg", "webp"),
    "output_compression": range(101),
    "stream": (False,),  # the models can; graphrun reads whole answers
    "user": None,
}
_GPT_2_5: Choices = {**_GPT, "quality": (*_GPT_QUALITIES, "xhigh", "max")}
_GPT_2_6: Choices = {
    **_GPT_2_5,
    "output_format": ("png", "jpeg", "webp", "gif", "svg"),
    "complexity": ("low", "medium", "high"),
}
_GPT_1_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
_GPT_1 = Abilities(32000, _GPT_1_SIZES, _GPT, {"input_fidelity": ("low", "high")})
_GPT_1_MINI = Abilities(32000, _GPT_1_SIZES, _GPT, {"input_fidelity": ("low",)})
_NEWEST = Abilities(32000, None, _GPT_2_5)

_DALLE_2 = Abilities(
    1000,
    ("256x256", "512x512", "1024x1024"),
    {"quality": ("standard",), "response_format": _ANSWERS, "user": None},
    references=References(1, ("PNG",), 4 * MEGABYTE, square=True, edited_where_clear=True),
    is_gpt=False,
)
_DALLE_3 = Abilities(
    4000,
    ("1024x1024", "1792x1024", "1024x1792"),
    {"quality": ("standard", "hd"), "style": ("vivid", "natural"), "response_format": _ANSWERS, "user": None},
    most=1,
    references=None,
    is_gpt=False,
)

# By pattern: a snapshot such as gpt-image-2-2026-04-21 knows what its model knows.
_ROWS: tuple[tuple[str, Abilities], ...] = (
    (r"dall-e-2", _DALLE_2),
    (r"dall-e-3", _DALLE_3),
    (r"gpt-image-1(-\d.*)?", _GPT_1),
    (r"gpt-image-1-mini(-\d.*)?", _GPT_1_MINI),
    (r"gpt-image-1\.5(-\d.*)?", _GPT_1),
    (r"chatgpt-image-latest", _GPT_1),
    (r"gpt-image-2(-\d.*)?", Abilities(32000, None, _GPT, previews={"background": ("transparent",)})),
    (r"gpt-image-2\.5-(flare|sunburst)(-\d.*)?", _NEWEST),
    (r"gpt-image-2\.6-(flare|sunburst)(-\d.*)?", Abilities(32000, None, _GPT_2_6)),
)

PARAMETERS = frozenset({"model", "prompt", "n", "size"}.union(*(row.choices_for(editing=True) for _, row in _ROWS)))
"""Every parameter that some model knows."""


def known_abilities(model: str) -> Abilities | None:
    """Return what a model knows, or None for a name that is not OpenAI's: compatible servers have their own."""
    return next((abilities for pattern, abilities in _ROWS if re.fullmatch(pattern, model)), None)


def abilities_of(model: str) -> Abilities:
    """Return what a model knows; a name we don't know is taken for a recent GPT image model."""
    return known_abilities(model) or _NEWEST


# ── sizes and formats ──────────────────────────────────────────────────────────────────────────────────────────


def width_and_height(size: str) -> tuple[int, int] | None:
    """Return the edges of a size such as ``1536x1024``, or None where it is none."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", size)
    return (int(match[1]), int(match[2])) if match else None


def custom_size_fault(width: int, height: int) -> str | None:
    """Return the first rule for free sizes, from gpt-image-2 on, that these edges break, in ComfyUI's words."""
    if width % 16 or height % 16:
        return f"Custom width and height must be multiples of 16, got {width}x{height}"
    if max(width, height) > 3840:
        return f"Custom resolution max edge must be <= 3840, got {width}x{height}"
    if max(width, height) > 3 * min(width, height):
        return f"Custom resolution aspect ratio must not exceed 3:1, got {width}x{height}"
    if not 655_360 <= width * height <= 8_294_400:
        return f"Custom resolution total pixels must be between 655,360 and 8,294,400, got {width * height}"
    return None


def shows_transparency(output_format: object) -> bool:
    """Whether a background can be transparent in files of this format."""
    return output_format in ("png", "webp")
