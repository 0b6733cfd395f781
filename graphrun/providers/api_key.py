"""The key of a service: checked, sent, and kept out of everything that is shown or stored."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote

from pydantic import SecretStr

from graphrun.errors import UsageError


class ApiKey:
    """A key that shows itself only to the one request it signs. Raises UsageError for one that can't be sent."""

    def __init__(self, variable: str, value: str) -> None:
        self._secret = SecretStr(header_value(variable, value))

    def bearer(self) -> str:
        """The value of the Authorization header. To be called where the header is set, and kept nowhere."""
        return f"Bearer {self._secret.get_secret_value()}"

    def removed_from(self, data: bytes) -> bytes:
        """Services quote a wrong key back. Keys under 8 characters are placeholders, which prose may well contain."""
        key = self._secret.get_secret_value()
        for spelling in _spellings(key) if len(key) >= 8 else ():
            data = data.replace(spelling, b"[key]")  # no pattern: answers have hundreds of megabytes
        return data

    def removed_from_text(self, text: str) -> str:
        """As `removed_from`, for text."""
        return self.removed_from(text.encode("utf-8", "replace")).decode()

    def is_in(self, text: str) -> bool:
        """Whether the key is part of a text. Shorter ones than any service gives may be words, as ``localhost``."""
        return len(self._secret.get_secret_value()) >= 20 and self.removed_from_text(text) != text


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


def header_value(variable: str, value: str) -> str:
    """Return what can stand in a header. Raises UsageError: the HTTP library's own complaint would show the value."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"{variable} is empty or holds a space, line break or special quote: copy it again")
    return value
