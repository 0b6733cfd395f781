"""The address of an image service. It becomes part of cache keys and messages, so nothing secret may be in it."""

from __future__ import annotations

from urllib.parse import urlsplit

from graphrun.errors import UsageError


def checked_base_url(setting: str, base_url: str, example: str) -> str:
    """Return the address without a closing slash. Raises UsageError for one that can't be used, without showing it.

    ``setting`` is where it was set, ``example`` how one looks; for the message.
    """
    try:
        url = urlsplit(base_url)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # raised for brackets by the first line, for ports by the second
        usable = False
    if not usable or not base_url.isprintable() or " " in base_url or "%" in url.netloc.rpartition("]")[2]:
        raise UsageError(f"{setting} is no address of an image service: one looks like {example}")
    if url.username is not None or url.query or url.fragment:
        raise UsageError(f"{setting} for {url.hostname} holds a user, a query or a fragment: leave them out")
    return base_url.rstrip("/")
