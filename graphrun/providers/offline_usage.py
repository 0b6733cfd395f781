"""The tokens that a stand-in for a GPT image model says its pictures took: about what OpenAI would count. Pure."""

from __future__ import annotations

import math

_BASE_TOKENS = {"low": 16, "medium": 48, "high": 96}
_NEWER_BASE_TOKENS = {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}
_REFERENCE_TOKENS = 1024


def made_up_usage(
    model: str, prompt: str, *, quality: str, size: tuple[int, int], count: int, references: int
) -> dict[str, object]:
    """Return the ``usage`` of an answer (openai-images.md, section 4).

    ``quality`` and ``size`` (width, height) are those of the pictures that were made, so never ``auto``.
    """
    longest = (_NEWER_BASE_TOKENS if model.startswith("gpt-image-2.") else _BASE_TOKENS).get(quality, 96)
    width, height = size
    shortest = round(longest * min(size) / max(size))
    output = math.ceil(longest * shortest * (2_000_000 + width * height) / 4_000_000) * count
    text, pictures = math.ceil(len(prompt) / 4), _REFERENCE_TOKENS * references
    return {
        "input_tokens": text + pictures,
        "input_tokens_details": {"text_tokens": text, "image_tokens": pictures},
        "output_tokens": output,
        "total_tokens": text + pictures + output,
    }
