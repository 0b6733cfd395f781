"""Keeps secrets out of what the HTTP libraries log: httpcore's debug records hold the headers of answers whole.

Services quote a wrong key there. A filter on loggers of others is the one thing here that a whole process shares; there
is no other way in. It lasts no longer than the client.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

# One by one: a filter counts only for the logger that is called, not for those above it.
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")


class HttpLogs(logging.Filter):
    """Lets every record of the HTTP libraries pass as ``shown`` returns its message. In force from `begin` to `end`."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        super().__init__()
        self._shown = shown

    def begin(self) -> None:
        """Look at what is logged from now on. Harmless to repeat."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Leave the loggers alone."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Change a record to what may be shown."""
        record.msg, record.args = self._shown(record.getMessage()), ()
        return True
