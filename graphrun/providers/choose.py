"""Finds the image service a user chose by name. The offline one is never chosen silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphrun.providers.base import ImageService
from graphrun.providers.profiles import OFFLINE, Profiles


def open_provider(
    name: str | None,
    environ: Mapping[str, str],
    *,
    width: int | None,
    offline_latency: float,
    profiles: Profiles | None = None,
    keyless: bool = False,
) -> ImageService:
    """Return the image service called ``name`` among ``profiles``; without a name OpenAI's, if OPENAI_API_KEY is set.

    ``width`` is how many calls run at once, None for the service's own; ``keyless``: without its key, to plan by.
    Raises UsageError, saying what to set, where there is no such service or no key for it.
    """
    profile = (profiles or Profiles.built_in()).find(name)
    # Imported here: a run that makes no picture needs neither.
    if profile.name == OFFLINE:
        from graphrun.providers.offline import offline_images

        capacity: dict[str, Any] = {} if width is None else {"capacity": width}
        return offline_images(latency=offline_latency, **capacity)
    from graphrun.providers.opening import open_profile

    return open_profile(profile, environ, width=width, keyless=keyless)
