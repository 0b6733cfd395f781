"""What each OpenAI node would ask of its service, as far as its literals tell before a run. Pure.

Functions get the literals under their dotted names, and the names of the linked inputs. A value that comes by a link is
None. A linked model is not known at all, so neither is what is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from graphrun import Ask, ImageRequest
from graphrun_nodes.openai_models import CUSTOM

T = TypeVar("T", str, str | None)
N = TypeVar("N", int, int | None)

Arguments = Mapping[str, object]
Linked = Collection[str]


def gpt_parameters(quality: T, background: T, n: N, size: T) -> dict[str, T | N | str]:
    """What all GPT image nodes ask for, the least moderation included: they have since December 2025."""
    return {"quality": quality, "background": background, "n": n, "size": size, "moderation": "low"}


def dalle2_ask(arguments: Arguments, linked: Linked) -> Ask:
    """One picture at most is edited; its mask travels in its alpha."""
    parameters = {"n": _number(arguments, "n"), "size": _text(arguments, "size")}
    return _ask("dall-e-2", parameters, arguments, linked, references=1 if "image" in linked else 0)


def dalle3_ask(arguments: Arguments, linked: Linked) -> Ask:
    """One picture, made from words alone."""
    return _ask("dall-e-3", {name: _text(arguments, name) for name in ("quality", "size", "style")}, arguments, linked)


def gpt_image_1_ask(arguments: Arguments, linked: Linked) -> Ask | None:
    """A batch of pictures may be edited; with a mask it is one picture."""
    references = None if "image" in linked else 0
    return _gpt_ask(arguments, linked, "", references, masked="mask" in linked)


def gpt_image_v2_ask(arguments: Arguments, linked: Linked) -> Ask | None:
    """The same with nested inputs."""
    references = None if any(name.startswith("model.images.") for name in linked) else 0
    return _gpt_ask(arguments, linked, "model.", references, masked="model.mask" in linked)


def _gpt_ask(arguments: Arguments, linked: Linked, prefix: str, references: int | None, *, masked: bool) -> Ask | None:
    model = _text(arguments, "model")
    if model is None:
        return None
    quality, background = _text(arguments, f"{prefix}quality"), _text(arguments, f"{prefix}background")
    parameters = gpt_parameters(quality, background, _number(arguments, "n"), _gpt_size(arguments, prefix))
    ask = _ask(model, parameters, arguments, linked, references=1 if masked else references)
    return replace(ask, masked=masked)


def _gpt_size(arguments: Arguments, prefix: str) -> str | None:
    size = _text(arguments, f"{prefix}size")
    if size != CUSTOM:
        return size
    width, height = _number(arguments, f"{prefix}custom_width"), _number(arguments, f"{prefix}custom_height")
    return None if width is None or height is None else f"{width}x{height}"


def _ask(
    model: str,
    parameters: Mapping[str, str | int | None],
    arguments: Arguments,
    linked: Linked,
    *,
    references: int | None = 0,
) -> Ask:
    prompt = _text(arguments, "prompt")
    count = parameters.get("n", 1)
    return Ask(
        model,
        parameters,
        count if isinstance(count, int) else None,
        references,
        prompt_length=None if prompt is None else len(prompt),
        request=None if linked else _request(model, parameters, prompt, arguments.get("seed")),
    )


def _request(
    model: str, parameters: Mapping[str, str | int | None], prompt: str | None, seed: object
) -> ImageRequest | None:
    """The request a node would make where nothing of it comes by a link."""
    known = {name: value for name, value in parameters.items() if value is not None}
    if prompt is None or not isinstance(seed, int) or len(known) < len(parameters):
        return None
    return ImageRequest(model, prompt, known, seed=seed)


def _text(arguments: Arguments, name: str) -> str | None:
    value = arguments.get(name)
    return value if isinstance(value, str) else None


def _number(arguments: Arguments, name: str) -> int | None:
    value = arguments.get(name)
    return value if isinstance(value, int) else None
