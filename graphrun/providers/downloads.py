"""Fetches the finished pictures that an answer only names: alone tried again, and never from where it may not look.

A service, or whoever answers in its place, could name addresses inside the user's own network. So every address a name
resolves to is checked, behind each redirect too, and then it is connected to that very address: a name may resolve to
another one a moment later. Source: openai-images.md, 1.8 and section 5.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from graphrun.providers.http import NotSent, Response, Secrets, TooLarge, Undelivered, Unsendable

# A 3840x2160 RGBA picture has 33 MB uncompressed: whatever is larger than this is no picture of ours.
LARGEST_PICTURE = 256 * 1024 * 1024
DEFAULT_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
_MOST_REDIRECTS = 5


class Network(Protocol):
    """The part of `Http` that downloads need."""

    @property
    def has_network(self) -> bool:
        """Whether names are resolved at all."""

    async def get(
        self, url: str, host: str | None = None, *, largest: int, credentials: Secrets | None = None
    ) -> Response:
        """Fetch once, without following redirects and without credentials of its own. Raises Undelivered."""

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Every address a name resolves to. Raises OSError."""

    def is_proxied(self, scheme: str, host: str) -> bool:
        """Whether a proxy resolves the name."""


class DownloadFailed(Exception):
    """The picture can't be had. The message names its address and the reason."""


class _ForNow(DownloadFailed):
    """Another try may help."""


class Downloads:
    """Fetches pictures for a service at ``base_url``: a picture may only be where that service may be.

    Addresses that aren't public are refused, unless the service itself has one of that kind. A failure that may pass
    is tried again after each of ``delays`` seconds. Addresses that begin with ``own_path``, and so name no host, are
    fetched with the service's ``credentials``; where those lead to, and all others, are not.
    """

    def __init__(
        self,
        network: Network,
        base_url: str,
        delays: Sequence[float] = DEFAULT_DELAYS,
        *,
        own_path: str | None = None,
        credentials: Secrets | None = None,
    ) -> None:
        self._network = network
        self._base = _Place.read(base_url)
        self._base_url = f"{base_url}/"
        self._delays = tuple(delays)
        self._own_path = own_path
        self._credentials = credentials

    async def fetch(self, url: str) -> Response:
        """Return the answer that holds the picture; relative addresses are the service's own. Raises DownloadFailed."""
        started = asyncio.get_running_loop().time()
        for delay in self._delays:
            try:
                return await self._once(url)
            except _ForNow:
                await asyncio.sleep(delay)
        try:
            return await self._once(url)
        except _ForNow as error:
            waited = asyncio.get_running_loop().time() - started
            raise DownloadFailed(f"{error}; tried {len(self._delays) + 1} times in {waited:.0f} s") from None

    async def _once(self, url: str) -> Response:
        place, credentials = _Place.read(url, self._base_url), self._credentials_for(url)
        for _ in range(1 + _MOST_REDIRECTS):
            response = await self._get(place, credentials)
            credentials = None
            if response.status not in (301, 302, 303, 307, 308) or "location" not in response.headers:
                return _judged(place, response)
            place = _Place.read(response.headers["location"], place.url())
        raise DownloadFailed(f"Failed to download generated image: {url} is redirected too often")

    def _credentials_for(self, url: str) -> Secrets | None:
        """The service's credentials for an address that names no host: it can only be the service's own."""
        return self._credentials if self._own_path is not None and url.startswith(self._own_path) else None

    async def _get(self, place: _Place, credentials: Secrets | None) -> Response:
        try:
            return await self._get_from(place, await self._checked(place), credentials)
        except (Unsendable, TooLarge) as error:
            raise DownloadFailed(place.failure(str(error))) from None
        except Undelivered as error:
            raise _ForNow(place.failure(str(error))) from None

    async def _get_from(self, place: _Place, addresses: Sequence[str], credentials: Secrets | None) -> Response:
        """Fetch from the first of the addresses that can be reached, or by name where there are none."""
        for address in addresses[:-1]:
            try:
                return await self._get_at(place, address, credentials)
            except NotSent:
                continue
        return await self._get_at(place, addresses[-1] if addresses else None, credentials)

    async def _get_at(self, place: _Place, address: str | None, credentials: Secrets | None) -> Response:
        host = None if address is None else place.netloc()
        return await self._network.get(place.url(address), host, largest=LARGEST_PICTURE, credentials=credentials)

    async def _checked(self, place: _Place) -> Sequence[str]:
        """The addresses to connect to, none where the name itself is to be used. Raises DownloadFailed."""
        if place.host == self._base.host:
            return ()
        literal = literal_address(place.host)
        addresses = [str(literal)] if literal else await self._resolved(place)
        allowed = await self._allowed() if any(map(address_kind, addresses)) else set()
        for address in addresses:
            if (kind := address_kind(address)) is not None and kind not in allowed:
                raise DownloadFailed(
                    place.failure(f"it is at {address}, a {kind} address, which the service is not at")
                )
        return () if literal or self._network.is_proxied(place.scheme, place.host) else addresses

    async def _resolved(self, place: _Place) -> Sequence[str]:
        if not self._network.has_network:
            return ()
        try:
            return await self._network.addresses(place.host, place.port or place.default_port)
        except OSError as error:
            if self._network.is_proxied(place.scheme, place.host):
                return ()  # behind a proxy only the proxy may know names
            raise _ForNow(place.failure(f"its name can't be resolved ({error})")) from None

    async def _allowed(self) -> set[str]:
        """The kinds of addresses the service itself has, of those that aren't public."""
        literal = literal_address(self._base.host)
        try:
            addresses = [str(literal)] if literal else await self._resolved(self._base)
        except _ForNow:
            return set()
        return {kind for kind in map(address_kind, addresses) if kind}


def _judged(place: _Place, response: Response) -> Response:
    if response.status == 200:
        return response
    temporary = response.status in (408, 429) or response.status >= 500
    raise (_ForNow if temporary else DownloadFailed)(
        f"Failed to download generated image: {place.url()} answered {response.status}"
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """An http address taken apart, and put together again from just these parts: what was checked is what is asked."""

    scheme: str
    host: str
    port: int | None
    rest: str

    @classmethod
    def read(cls, url: str, base: str = "") -> _Place:
        """Raises DownloadFailed for anything but an http address. A user in it is left out: we send no credentials."""
        try:
            parts = urlsplit(urljoin(base, url))
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        # Looked at before it is taken apart: the standard library drops line breaks.
        if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
            raise DownloadFailed(f"Failed to download generated image: {url[:500]} is no http address")
        literal = literal_address(host)
        if "%" in host and not literal:  # whoever decodes it would ask another host than the one that was checked
            raise DownloadFailed(f"Failed to download generated image: {url[:500]} is no http address")
        rest = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        return cls(parts.scheme, str(literal) if literal else host.rstrip("."), port, rest)

    @property
    def default_port(self) -> int:
        return 443 if self.scheme == "https" else 80

    def netloc(self, address: str | None = None) -> str:
        host = address or self.host
        return f"{f'[{host}]' if ':' in host else host}{f':{self.port}' if self.port else ''}"

    def url(self, address: str | None = None) -> str:
        """The whole address, with ``address`` in the place of the host's name if there is one."""
        return f"{self.scheme}://{self.netloc(address)}{self.rest}"

    def failure(self, reason: str) -> str:
        return f"Failed to download generated image: {self.url()} ({reason})"


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host spells out, also as 2130706433, 0x7f.1 or 0177.0.0.1; None where it is a name."""
    host = host.rstrip(".")
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):  # ValueError: characters beyond ASCII
        return None


def address_kind(address: str) -> str | None:
    """What sort of address it is where it isn't public: loopback, link-local, multicast, private or reserved."""
    plain = _innermost(ip_address(address))
    if plain.is_loopback:
        return "loopback"
    if plain.is_unspecified or plain.is_reserved:
        return "reserved"
    if plain.is_link_local:
        return "link-local"
    if plain.is_multicast:
        return "multicast"
    if plain.is_private:
        return "private"
    return None if plain.is_global else "reserved"


_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, IPv4Address):
        return address
    if wrapped := address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1]):
        return wrapped
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
