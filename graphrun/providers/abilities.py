"""Fits a request to its model: what the model doesn't know is left out, what it would refuse is refused unsent.

Rules: openai-images.md, 0.5 and 2.1. A model that is not in the table (compatible servers, deployment names) gets
everything as it is. Pictures are judged by their headers: nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from graphrun.errors import PictureError, ProviderError
from graphrun.imaging import picture_kind, picture_size
from graphrun.providers.base import ImageRequest, Upload
from graphrun.providers.model_table import (
    MASK,
    MEDIA_TYPES,
    MEGABYTE,
    Abilities,
    References,
    Values,
    custom_size_fault,
    known_abilities,
    shows_transparency,
    width_and_height,
)

# Gateways on the way refuse larger bodies with 413 (openai-images.md, 5).
_MOST_IN_ALL = 25 * MEGABYTE

UNFIT = "unfit_request"
"""The code of the error for a request that its model would refuse: only another request can come out otherwise."""


def prepared(request: ImageRequest, service: str) -> ImageRequest:
    """Return the request as it will be sent: no parameter its model doesn't know, and never a null.

    Raises ProviderError, ``maybe_billed`` False, for the first thing that ``service`` (its name, for the message)
    would refuse.
    """
    abilities = known_abilities(request.model)
    given = {name: value for name, value in request.parameters.items() if value is not None}
    if abilities is None:
        return replace(request, parameters=given)
    known = {name: value for name, value in given.items() if _is_sent(name, request, abilities)}
    fitted = replace(request, parameters=known)
    for fault in _faults(fitted, abilities):
        raise ProviderError(f"{fault}; nothing was sent to {service}", code=UNFIT)
    return fitted


def cautions(request: ImageRequest) -> list[str]:
    """Return what is worth a warning before a prepared request is sent, a sentence each."""
    return [*_previews_used(request), *_too_much_in_all(request)]


def _is_sent(name: str, request: ImageRequest, abilities: Abilities) -> bool:
    """Whether the model knows a parameter here; a value it doesn't know is a fault, told later."""
    if name == "n":  # where only one is allowed, the API wants no count at all
        return abilities.most > 1 or not _is_among(request.parameters["n"], (1,))
    if name == "output_compression":
        return abilities.is_gpt and request.parameters.get("output_format") in ("jpeg", "webp")
    if name == "stream":  # how an answer travels is the client's matter, and it reads whole ones
        return False
    return name == "size" or name in abilities.choices_for(editing=bool(request.images))


# ── what a model would refuse: sentences that name it and the remedy ───────────────────────────────────────────

Faults = Iterator[str]


def _faults(request: ImageRequest, abilities: Abilities) -> Faults:
    """Every fault, the most telling first."""
    yield from _prompt_faults(request, abilities)
    yield from _count_faults(request, abilities)
    yield from _size_faults(request, abilities)
    yield from _choice_faults(request, abilities)
    if request.images:
        yield from _edit_faults(request, abilities.references)
    elif request.mask is not None:
        yield f"Cannot use a mask without an input image: link the picture that {request.model} is to change"


def _prompt_faults(request: ImageRequest, abilities: Abilities) -> Faults:
    if not request.prompt.strip():
        yield f"the prompt is blank, and {request.model} needs one: say what to draw"
    length, most = len(request.prompt), abilities.longest_prompt
    if length > most:
        yield f"the prompt has {length:,} characters, and {request.model} takes at most {most:,}: shorten it"


def _count_faults(request: ImageRequest, abilities: Abilities) -> Faults:
    count, most = request.parameters.get("n", 1), abilities.most
    if type(count) is not int or not 1 <= count <= most:
        limit = "only one picture" if most == 1 else f"1 to {most} pictures"
        yield f"n is {count!r}, and {request.model} makes {limit} in one call: change n"


def _size_faults(request: ImageRequest, abilities: Abilities) -> Faults:
    size = request.parameters.get("size")
    if size is None or size in (abilities.sizes or ("auto",)):
        return
    edges = None if abilities.sizes else width_and_height(str(size))
    if edges is None:
        choice = _listed(abilities.sizes or ("auto", "WIDTHxHEIGHT"))
        yield f"size {size!r} is none that {request.model} knows: choose {choice}"
    elif fault := custom_size_fault(*edges):
        yield f"{fault}: choose another size for {request.model}"


def _choice_faults(request: ImageRequest, abilities: Abilities) -> Faults:
    for name, values in abilities.choices_for(editing=bool(request.images)).items():
        if name in request.parameters and not _is_among(request.parameters[name], values):
            value = request.parameters[name]
            yield f"{name} {value!r} is none that {request.model} knows: choose {_listed(values)}"
    output_format = request.parameters.get("output_format", "png")
    if request.parameters.get("background") == "transparent" and not shows_transparency(output_format):
        yield (
            f"a transparent background of {request.model} needs the output_format png or webp, "
            f"not {output_format}: change one of them"
        )


def _is_among(value: object, values: Values) -> bool:
    """Also by type: True is no 1, and "2" no 2."""
    if values is None:
        return isinstance(value, str)
    return any(type(value) is type(known) and value == known for known in values)


def _listed(values: Values) -> str:
    """The values as a person reads them."""
    if values is None:
        return "a text"
    if isinstance(values, range):
        return f"{values[0]} to {values[-1]}"
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _edit_faults(request: ImageRequest, references: References | None) -> Faults:
    if references is None:
        yield f"{request.model} only makes new pictures: unlink the image, or choose a model that edits"
        return
    yield from _reference_faults(request.model, request.images, references)
    first, mask = request.images[0], request.mask
    if mask is not None:
        yield from _file_faults(request.model, mask, MASK)
        yield from _mask_faults(request.model, first, mask)
    elif references.edited_where_clear and not _has_alpha(first):
        yield f"{request.model} changes what is transparent, and {first.file_name} has no alpha channel: give a mask"


def _reference_faults(model: str, images: Sequence[Upload], references: References) -> Faults:
    if len(images) > references.most:
        pictures = "one picture" if references.most == 1 else f"{references.most} pictures"
        yield f"{model} takes at most {pictures} in one edit, and these are {len(images)}: link fewer"
    for image in images:
        yield from _file_faults(model, image, references)


def _file_faults(model: str, upload: Upload, rules: References) -> Faults:
    """What headers and lengths tell; a later fault may assume that the earlier ones are none."""
    kind, megabytes = picture_kind(upload.data), len(upload.data) / MEGABYTE
    if kind not in rules.kinds or upload.media_type != MEDIA_TYPES[kind]:
        found = f"{kind or 'no picture'} sent as {upload.media_type}"
        yield f"{upload.file_name} is {found}, and {model} takes {_listed(rules.kinds)} there: convert it"
    if len(upload.data) >= rules.bytes_below:
        limit = rules.bytes_below // MEGABYTE
        yield f"{upload.file_name} has {megabytes:.1f} MB, and {model} takes only files under {limit} MB: scale it down"
    if rules.square:
        size = _size(upload)
        if size is None or size[0] != size[1]:
            yield f"{model} edits only square pictures, and {upload.file_name} is {_shown(size)}: crop or pad it"


def _mask_faults(model: str, image: Upload, mask: Upload) -> Faults:
    if not _has_alpha(mask):
        yield f"{mask.file_name} has no alpha channel, and {model} changes only what is transparent there: add one"
    mask_size, image_size = _size(mask), _size(image)
    if mask_size is None or mask_size != image_size:
        sizes = f"the image is {_shown(image_size)}, the mask {_shown(mask_size)}"
        yield f"Mask and Image must be the same size for {model}, and {sizes}: scale one of them"


def _size(upload: Upload) -> tuple[int, int] | None:
    """(width, height), or None where the header is damaged."""
    try:
        return picture_size(upload.data)
    except PictureError:
        return None


def _shown(size: tuple[int, int] | None) -> str:
    return "damaged" if size is None else f"{size[0]}x{size[1]}"


def _has_alpha(upload: Upload) -> bool:
    """Whether a PNG's header promises an alpha channel: colour type 4 or 6, the header's tenth byte."""
    return upload.data[25:26] in (b"\x04", b"\x06")


# ── worth a warning ────────────────────────────────────────────────────────────────────────────────────────────


def _previews_used(request: ImageRequest) -> Iterator[str]:
    abilities = known_abilities(request.model)
    for name, values in (abilities.previews if abilities else {}).items():
        if request.parameters.get(name) in values:
            yield f"{name} {request.parameters[name]} is a preview with {request.model}: OpenAI may refuse it"


def _too_much_in_all(request: ImageRequest) -> Iterator[str]:
    files = [*request.images, *([request.mask] if request.mask else [])]
    total = sum(len(file.data) for file in files)
    if total > _MOST_IN_ALL:
        yield (
            f"the pictures to upload have {total / MEGABYTE:.1f} MB in all, and servers on the way may refuse more "
            f"than {_MOST_IN_ALL // MEGABYTE} MB: scale them down if that happens"
        )
