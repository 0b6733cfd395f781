"""The key of a service: checked, sent, and kept out of everything that is shown or stored."""

from __future__ import annotations

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
        key = self._secret.get_secret_value().encode()
        return data.replace(key, b"[key]") if len(key) >= 8 else data

    def removed_from_text(self, text: str) -> str:
        """As `removed_from`, for text."""
        return self.removed_from(text.encode("utf-8", "replace")).decode()


def header_value(variable: str, value: str) -> str:
    """Return what can stand in a header. Raises UsageError: the HTTP library's own complaint would show the value."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"{variable} is empty or holds a space, line break or special quote: copy it again")
    return value
