"""What a service knows us by: checked, sent, and kept out of everything that is shown or stored."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Self
from urllib.parse import quote

from pydantic import SecretStr

from graphrun.errors import UsageError

AUTHORIZATION = "Authorization"


class Credentials:
    """Secret header values, which only the request they sign gets to see.

    ``headers`` are sent as they are; ``secrets`` are the texts to remove wherever a service quotes them back.
    """

    def __init__(self, headers: Mapping[str, str], secrets: Iterable[str] = ()) -> None:
        self._headers = {name: SecretStr(value) for name, value in headers.items()}
        # The longest first: one secret may be a part of another.
        self._secrets = tuple(map(SecretStr, sorted(secrets, key=len, reverse=True)))

    @classmethod
    def of_key(cls, setting: str, key: str, header: str = AUTHORIZATION) -> Self:
        """Return those of one key: a bearer token, or in a header of its own the bare key. ``setting`` names it.

        Raises UsageError for a key that can't be sent.
        """
        value = header_value(setting, key)
        return cls({header: f"Bearer {value}" if header.lower() == "authorization" else value}, [value])

    def headers(self) -> dict[str, str]:
        """The headers in clear. To be called where they are set, and kept nowhere."""
        return {name: value.get_secret_value() for name, value in self._headers.items()}

    def joined(self, other: Credentials) -> Credentials:
        """Return both together."""
        secrets = [secret.get_secret_value() for secret in self._secrets + other._secrets]
        return Credentials({**self.headers(), **other.headers()}, secrets)

    def removed_from(self, data: bytes) -> bytes:
        """Services quote a wrong key back. Keys under 8 characters are placeholders, which prose may well contain."""
        for secret in self._long_secrets():
            for spelling in _spellings(secret):
                data = data.replace(spelling, b"[key]")  # no pattern: answers have hundreds of megabytes
        return data

    def removed_from_text(self, text: str) -> str:
        """As `removed_from`, for text."""
        return self.removed_from(text.encode("utf-8", "replace")).decode()

    def are_in(self, text: str) -> bool:
        """Whether a secret is part of a text. Shorter ones than any service gives may be words, as ``localhost``."""
        return any(len(secret) >= 20 for secret in self._long_secrets()) and self.removed_from_text(text) != text

    def _long_secrets(self) -> Iterator[str]:
        return (text for secret in self._secrets if len(text := secret.get_secret_value()) >= 8)


def _spellings(key: str) -> list[bytes]:
    """The key as it is, inside JSON and addresses, and as base64 wherever it stands in a longer text; longest first."""
    escaped = json.dumps(key)[1:-1]
    quoted = [quote(key, safe=safe) for safe in ("", "/")]
    small = [re.sub("%..", lambda code: code[0].lower(), text) for text in quoted]
    texts = {key, escaped, escaped.replace("/", r"\/"), *quoted, *small}
    return sorted({*(text.encode() for text in texts), *_base64_parts(key.encode())}, key=len, reverse=True)


def _base64_parts(key: bytes) -> Iterator[bytes]:
    """The letters of base64 that depend on the key alone, for each of the three ways it may be cut into."""
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            encoded = encode(b"\0" * before + key)
            yield encoded[4 if before else 0 : len(encoded) - 4 if (before + len(key)) % 3 else None]


NO_CREDENTIALS = Credentials({})
"""For servers of one's own, which ask for none."""


def header_value(setting: str, value: str) -> str:
    """Return what can stand in a header. Raises UsageError: the HTTP library's own complaint would show the value."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"{setting} is empty or holds a space, line break or special quote: copy it again")
    return value
