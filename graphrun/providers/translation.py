"""One model's request in another model's words: parameters, prompt and mask (openai-images.md, section 7). Pure.

Between models we know, each parameter keeps its meaning as far as the new model has it, and what is lost is noted.
For a model we don't know (a compatible server's) only the name changes: it may well speak the old model's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphrun.imaging import open_picture
from graphrun.imaging.lazy import lazy_import
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageRequest, Upload
from graphrun.providers.model_table import Abilities, known_abilities, width_and_height

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_import("numpy")

Parameters = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Translation:
    """A request to send, what changed on the way (a sentence each), and what size to scale the answer's pictures to."""

    request: ImageRequest
    notes: tuple[str, ...] = ()
    resize: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class AskTranslation:
    """The same before the run."""

    ask: Ask
    notes: tuple[str, ...] = ()
    resize: tuple[int, int] | None = None


def translate(request: ImageRequest, target: str) -> Translation:
    """Return the request as ``target`` understands it. Raises PictureError for an unreadable picture to split."""
    change = _change(request.model, target, request.parameters, editing=bool(request.images))
    parameters = {name: value for name, value in change.parameters.items() if value is not None}
    # A blank prompt stays blank, so that it is refused and not paid for.
    prompt = request.prompt + change.suffix if request.prompt.strip() else request.prompt
    translated = replace(request, model=target, prompt=prompt, parameters=parameters)
    if not change.splits_alpha:
        return Translation(translated, change.notes, change.resize)
    image, mask, note = _split(request.images[0], request.mask)
    split = replace(translated, images=(image, *request.images[1:]), mask=mask)
    return Translation(split, (*change.notes, note), change.resize)


def translate_ask(ask: Ask, target: str) -> AskTranslation:
    """Return what is known of a request as ``target`` understands it."""
    change = _change(ask.model, target, ask.parameters, editing=ask.editing)
    translated = replace(
        ask,
        model=target,
        parameters=change.parameters,
        masked=ask.masked or change.splits_alpha,
        prompt_length=ask.prompt_length + len(change.suffix) if ask.prompt_length else ask.prompt_length,
        request=ask.request and translate(ask.request, target).request,
    )
    # That the picture has a clear part is not known yet, but without one DALL-E 2 would have been of no use.
    note = _OWN_MASK if ask.masked else _CLEAR_PART
    return AskTranslation(translated, (*change.notes, *([note] if change.splits_alpha else ())), change.resize)


@dataclass(frozen=True, slots=True)
class _Change:
    """What another model means for a request. ``suffix`` goes behind the prompt."""

    parameters: Parameters
    notes: tuple[str, ...]
    resize: tuple[int, int] | None = None
    suffix: str = ""
    splits_alpha: bool = False


def _change(model: str, target: str, given: Parameters, *, editing: bool) -> _Change:
    first = f"{target} is asked in place of {model}"
    old, new = known_abilities(model), known_abilities(target)
    if old is None or new is None:
        return _Change(given, (first,))
    known = {"n", "size", *new.choices_for(editing=editing)}
    kept = {name: value for name, value in {**given, **_replaced(given, old, new)}.items() if name in known}
    scaled = kept.get("size") != given.get("size")
    said_in_prompt = given.get("style") == "vivid" and "style" not in known
    return _Change(
        kept,
        (first, *_notes(given, kept, target)),
        width_and_height(str(given.get("size"))) if scaled else None,
        _VIVID if said_in_prompt else "",
        editing and _is_clear_edited(old) and not _is_clear_edited(new),
    )


# ── parameters ─────────────────────────────────────────────────────────────────────────────────────────────────

# Vivid is said in words; natural is not. Natural is what the node starts with, so few have chosen it, and it is how
# newer models draw anyway: said in words, it would only pull a prompt for a cartoon towards a photograph.
_VIVID = "\n\nStyle: vivid, that is hyper-real and dramatic."

# Where each quality stands among the five of 2.5: GPT models' by the tokens they spend on it (openai-images.md, 4),
# DALL-E's by what section 7 has in its place.
_LADDERS: tuple[Mapping[str, int], ...] = (
    {"low": 0, "medium": 1, "high": 2, "xhigh": 3, "max": 4},
    {"low": 0, "medium": 2, "high": 4},
    {"standard": 2, "hd": 4},
    {"standard": 0},
)

_TOO_SMALL = ("256x256", "512x512")
"""Sizes of DALL-E 2 that are below what any other model draws; 1024x1024 stands in for them."""


def _replaced(given: Parameters, old: Abilities, new: Abilities) -> dict[str, str | int | None]:
    """The parameters that mean the same to the new model as the given ones, or their defaults, do to the old."""
    replaced: dict[str, str | int | None] = {}
    if "quality" in given or not old.is_gpt:
        replaced["quality"] = _quality(given.get("quality", "standard"), old, new)
    if "size" in given or not old.is_gpt:
        replaced["size"] = _size(given.get("size", "1024x1024"), old, new)
    if not old.is_gpt:  # its pictures have no alpha
        replaced["background"] = "opaque"
    return replaced


def _quality(value: str | int | None, old: Abilities, new: Abilities) -> str | int | None:
    """The least quality of the new model that spends no less. What the old one doesn't know, its successor refuses."""
    ladder = _ladder(old)
    # Where there is only one, it is known before the run.
    step = next(iter(ladder.values())) if value is None and len(ladder) == 1 else ladder.get(str(value))
    if step is None:
        return value
    steps = sorted((height, name) for name, height in _ladder(new).items())
    return next((name for height, name in steps if height >= step), steps[-1][1])


def _ladder(abilities: Abilities) -> Mapping[str, int]:
    known = abilities.choices["quality"] or ()
    return next(ladder for ladder in _LADDERS if ladder.keys() <= set(known))


def _size(value: str | int | None, old: Abilities, new: Abilities) -> str | int | None:
    if set(_TOO_SMALL) & set(new.sizes or ()):
        return value
    unknown_but_square = value is None and set(_TOO_SMALL) <= set(old.sizes or ())
    return "1024x1024" if value in _TOO_SMALL or unknown_but_square else value


def _notes(given: Parameters, kept: Parameters, target: str) -> Iterator[str]:
    """A sentence for each parameter that changed its value or is gone."""
    for name, value in given.items():
        shown = name if value is None else f"{name} {value}"
        if name == "style" and value == "vivid" and name not in kept:
            yield "style vivid is said in the prompt"
        elif name == "response_format":  # how pictures travel changes none of them
            continue
        elif name not in kept:
            yield f"{shown} is left out: {target} has no such setting"
        elif name == "size" and kept[name] != value:
            yield f"size is {kept[name]}, and the pictures are then scaled to {value or 'what is asked for'} here"
        elif kept[name] != value:
            yield f"{name} is {kept[name]} in place of {value or 'what was asked for'}"
    yield from (f"{name} is {value}" for name, value in kept.items() if name not in given)


# ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────────

_CLEAR_PART = "the clear part of the picture is sent as its mask"
_OWN_MASK = "the picture is sent without its alpha, as it has a mask"
_NO_MASK = "the picture has neither a clear part nor a mask, so all of it may change"


def _is_clear_edited(abilities: Abilities) -> bool:
    return abilities.references is not None and abilities.references.edited_where_clear


def _split(image: Upload, mask: Upload | None) -> tuple[Upload, Upload | None, str]:
    """Return the picture without its alpha, the mask that this alpha was unless there is one, and what to say of it."""
    picture = open_picture(image.data)
    pixels = np.asarray(picture.convert("RGBA"))
    coloured = Upload.of_pixels("image_0.png", pixels[..., :3])
    if mask is not None:
        return coloured, mask, _OWN_MASK
    if not picture.has_transparency_data:
        return coloured, None, _NO_MASK
    drawn = pixels.copy()
    drawn[..., :3] = 0
    return coloured, Upload.of_pixels("mask.png", drawn), _CLEAR_PART
