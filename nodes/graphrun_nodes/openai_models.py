"""What the OpenAI nodes offer for each model, and the rules their literals must meet. Data first; a new model is a row.

Rules and messages: openai-images.md, 1.5 and 1.6, word for word. Pure: used before a run and again in it, because
a linked input has its value only then. What a model's service would refuse besides, the service itself says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphrun import Autogrow, Complaint, DynamicCombo, Input, Widget, custom_size_fault

SQUARE_AND_SIDES = ("auto", "1024x1024", "1024x1536", "1536x1024")
ALL_SIZES = (*SQUARE_AND_SIDES, "2048x2048", "2048x1152", "1152x2048", "3840x2160", "2160x3840", "Custom")
CUSTOM = "Custom"
_MOST_SLOTS = 16

_ANY_BACKGROUND = ("auto", "opaque", "transparent")


@dataclass(frozen=True, slots=True)
class Option:
    """A model as OpenAIGPTImageNodeV2 offers it: the inputs that exist when it is chosen."""

    model: str
    sizes: tuple[str, ...] = ALL_SIZES
    backgrounds: tuple[str, ...] = _ANY_BACKGROUND
    qualities: tuple[str, ...] = ("low", "medium", "high")

    def inputs(self) -> tuple[Input, ...]:
        """Return the nested inputs, in order."""
        return (
            _choice("size", self.sizes, "auto"),
            *(_custom_edges() if CUSTOM in self.sizes else ()),
            _choice("background", self.backgrounds, "auto"),
            _choice("quality", self.qualities, "low"),
            Input(name="images", type="COMFY_AUTOGROW_V3", required=False, dynamic=_PICTURES),
            Input(name="mask", type="MASK", required=False),
        )


_PICTURES = Autogrow(
    Input(name="image", type="IMAGE", required=False), tuple(f"image_{i}" for i in range(1, _MOST_SLOTS + 1))
)


def _choice(name: str, options: tuple[str, ...], default: str) -> Input:
    return Input(name=name, type="COMBO", options=options, widget=Widget(default=default))


def _custom_edges() -> Iterator[Input]:
    # ComfyUI's schema requires them, its function takes 1024 where they are absent; a file should not fail for that.
    for name in ("custom_width", "custom_height"):
        widget = Widget(default=1024, step=16)
        yield Input(name=name, type="INT", required=False, default=1024, minimum=480, maximum=3840, widget=widget)


_EFFORTS = ("low", "medium", "high", "xhigh", "max")
V2_OPTIONS = (
    Option("gpt-image-2.5-flare", qualities=_EFFORTS),
    Option("gpt-image-2.5-sunburst", qualities=_EFFORTS),
    Option("gpt-image-2", backgrounds=("auto", "opaque")),
    Option("gpt-image-1.5", sizes=SQUARE_AND_SIDES),
    Option("gpt-image-1", sizes=SQUARE_AND_SIDES),
)


def combo_of(options: tuple[Option, ...]) -> DynamicCombo:
    """Return the choice of models with the inputs each brings."""
    return DynamicCombo({option.model: tuple(option.inputs()) for option in options})


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────────

Faults = Iterator[Complaint]

PROMPT_IS_NULL = "Field 'prompt' cannot be empty."


def prompt_faults(arguments: Mapping[str, object]) -> Faults:
    """The rule every OpenAI node has: a null prompt. A blank one passes, and the service refuses it."""
    if "prompt" in arguments and arguments["prompt"] is None:
        yield Complaint("prompt", PROMPT_IS_NULL)


def image1_faults(arguments: Mapping[str, object]) -> Faults:
    """The rules of OpenAIGPTImage1 among its literals, in order; those whose inputs aren't known yet are left out."""
    model, size = arguments.get("model"), arguments.get("size")
    if size == CUSTOM and model not in (None, "gpt-image-2"):
        yield Complaint("size", "Custom resolution is only supported by GPT Image 2 model")
    elif size == CUSTOM:
        yield from custom_size_faults(arguments, "")
    if model in ("gpt-image-1", "gpt-image-1.5") and size not in (None, CUSTOM, *SQUARE_AND_SIDES):
        yield Complaint("size", f"Resolution {size} is only supported by GPT Image 2 model")
    if model == "gpt-image-2" and arguments.get("background") == "transparent":
        yield Complaint("background", "Transparent background is not supported for GPT Image 2 model")
    if model not in (None, "gpt-image-1", "gpt-image-1.5", "gpt-image-2"):
        yield Complaint("model", f"Unknown model: {model}")


def v2_faults(arguments: Mapping[str, object]) -> Faults:
    """The rules of OpenAIGPTImageNodeV2 among its literals, in order, under their dotted names."""
    if arguments.get("model.size") == CUSTOM:
        yield from custom_size_faults(arguments, "model.")
    model = arguments.get("model")
    if model is not None and model not in [option.model for option in V2_OPTIONS]:
        yield Complaint("model", f"Unknown model: {model}")


def custom_size_faults(arguments: Mapping[str, object], prefix: str) -> Faults:
    """The first rule a custom size breaks. ``prefix`` is what stands before the names of its two edges."""
    width, height = arguments.get(f"{prefix}custom_width"), arguments.get(f"{prefix}custom_height")
    if not isinstance(width, int) or not isinstance(height, int):
        return
    message = custom_size_fault(width, height)
    if message:
        yield Complaint(f"{prefix}custom_width", message)
