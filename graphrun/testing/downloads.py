"""The pictures a service answers as addresses, and how long each address is good for."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphrun.testing.replies import Reply, Stop, json_reply


@dataclass(frozen=True, slots=True)
class Download:
    """A picture at an address, and what its downloads get, one after another.

    The first ``busy`` are told 503, the next ``cut`` break off in the middle, then ``fetches`` succeed (None: all), and
    the rest are told ``gone``.
    """

    data: bytes = field(repr=False)
    media_type: str
    busy: int = 0
    cut: int = 0
    fetches: int | None = None
    gone: int = 404

    def reply(self, number: int) -> Reply:
        """Return what the download with this number gets; the first is 0."""
        whole = Reply(200, self.data, {"content-type": self.media_type})
        if number < self.busy:
            return json_reply(503, {"error": {"message": "Server is busy.", "code": "ServerBusy"}})
        if number < self.busy + self.cut:
            return Reply(200, self.data, whole.headers, stop=Stop("during", "close"))
        if self.fetches is None or number < self.busy + self.cut + self.fetches:
            return whole
        # What a signed address says when its hour is over.
        message = "Server failed to authenticate the request: Signature not valid in the specified time frame."
        return json_reply(self.gone, {"error": {"message": message, "code": "AuthenticationFailed"}})


class Downloads:
    """Every picture that was given an address. Belongs to the service's event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, Download] = {}
        self._asked: dict[str, int] = {}

    def publish(self, origin: str, download: Download) -> str:
        """Return a new address for a picture, at the origin (``http://host:port``) its client knows."""
        path = f"/files/{len(self._kept) + 1}"
        self._kept[path] = download
        return f"{origin}{path}"

    def reply(self, path: str) -> Reply | None:
        """Return what the next download of this path gets, or None where nothing ever was."""
        if path not in self._kept:
            return None
        number = self._asked[path] = self._asked.get(path, -1) + 1
        return self._kept[path].reply(number)
