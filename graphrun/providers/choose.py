"""Finds the image service a user chose by name. The offline one is never chosen silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphrun.errors import UsageError
from graphrun.kernel.workflow import did_you_mean
from graphrun.providers.base import ImageService

PROVIDERS = ("openai", "offline")


def open_provider(
    name: str | None, environ: Mapping[str, str], *, width: int | None, offline_latency: float
) -> ImageService:
    """Return the image service called ``name``; without a name OpenAI's, if OPENAI_API_KEY is set.

    ``width`` is how many calls run at once, None for the service's own. Raises UsageError, saying what to set, where
    there is no such service or no key for it.
    """
    capacity: dict[str, Any] = {} if width is None else {"capacity": width}
    # Imported here: a run that makes no picture needs neither.
    if name == "offline":
        from graphrun.providers.offline import offline_images

        return offline_images(latency=offline_latency, **capacity)
    if name in (None, "openai"):
        from graphrun.providers.openai import openai_from_environment

        return openai_from_environment(environ, **capacity)
    hint = did_you_mean(str(name), PROVIDERS) or "."
    raise UsageError(f"no image service is called {name!r}{hint} There are: {', '.join(PROVIDERS)}")
