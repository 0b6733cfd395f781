"""Fetching finished pictures: from where, how often, and from where never."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.providers.downloads import DownloadFailed, Downloads, address_kind, literal_address
from graphrun.providers.http import Lost, NotSent, Response, Secrets, TooLarge, Undelivered, Unsendable

PICTURE = Response(200, {}, b"a picture")
PUBLIC = "93.184.216.34"


@dataclass
class World:
    """Plays the network: names with addresses, and replies in order. Remembers every fetch as (url, host)."""

    replies: list[Response | Undelivered] = field(default_factory=lambda: [PICTURE])
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    has_network: bool = True
    proxied: bool = False
    gets: list[tuple[str, str | None]] = field(default_factory=list)

    async def get(
        self, url: str, host: str | None = None, *, largest: int, credentials: Secrets | None = None
    ) -> Response:
        self.gets.append((url, host))
        reply = self.replies.pop(0)
        if isinstance(reply, Undelivered):
            raise reply
        return reply

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        if host not in self.names:
            raise OSError("unknown")
        return tuple(self.names[host])

    def is_proxied(self, scheme: str, host: str) -> bool:
        return self.proxied


def fetch(world: World, url: str, base: str = "https://api.example/v1", delays: Sequence[float] = ()) -> Response:
    world.names.setdefault("api.example", [PUBLIC])
    return asyncio.run(Downloads(world, base, delays).fetch(url))


def refusal(world: World, url: str, base: str = "https://api.example/v1", delays: Sequence[float] = ()) -> str:
    with pytest.raises(DownloadFailed) as caught:
        fetch(world, url, base, delays)
    return str(caught.value)


def moved(to: str, status: int = 302) -> Response:
    return Response(status, {"location": to}, b"")


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """The name is told, not resolved again: it might mean another address by then."""
    world = World(names={"cdn.example": [PUBLIC]})
    assert fetch(world, "https://cdn.example:8443/a%20b.png?sig=1#x") == PICTURE
    assert world.gets == [(f"https://{PUBLIC}:8443/a%20b.png?sig=1", "cdn.example:8443")]


def test_the_next_address_is_tried_where_one_can_not_be_reached() -> None:
    """A name with an IPv6 address works on a computer without IPv6."""
    world = World([NotSent("no route"), PICTURE], {"cdn.example": ["2606:2800:220:1::1", PUBLIC]})
    fetch(world, "https://cdn.example/x")
    assert [url for url, _ in world.gets] == ["https://[2606:2800:220:1::1]/x", f"https://{PUBLIC}/x"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fc00::1]",
        "224.0.0.1",
        "[ff02::1]",
        "240.0.0.1",
        "255.255.255.255",
    ],
)
def test_no_address_inside_is_ever_asked_however_it_is_spelled(host: str) -> None:
    """A service can't make us look around in the user's own network."""
    world = World()
    assert "which the service is not at" in refusal(world, f"http://{host}/latest/meta-data")
    assert world.gets == []


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::ffff:192.168.0.1"], ["fe80::1%2"]])
def test_no_name_that_means_an_address_inside_is_asked(addresses: Sequence[str]) -> None:
    """Not even where only one of its addresses is."""
    world = World(names={"evil.example": addresses})
    assert "which the service is not at" in refusal(world, "https://evil.example/x")
    assert world.gets == []


@pytest.mark.parametrize("to", ["http://127.0.0.1/x", "http://inside.example/x", "//[::1]/x"])
def test_a_redirect_inside_is_not_followed(to: str) -> None:
    """Every hop is checked like the first."""
    world = World([moved(to), PICTURE], {"cdn.example": [PUBLIC], "inside.example": ["192.168.1.1"]})
    assert "which the service is not at" in refusal(world, "https://cdn.example/x")
    assert len(world.gets) == 1


@pytest.mark.parametrize(
    ("base", "url", "allowed"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.2:9000/x.png", True),
        ("http://127.0.0.1:8080/v1", "http://[::1]:9000/x.png", True),
        ("http://127.0.0.1:8080/v1", "http://192.168.1.5/x.png", False),
        ("http://192.168.1.4/v1", "http://10.0.0.9/x.png", True),
        ("http://192.168.1.4/v1", "http://127.0.0.1/x.png", False),
        ("http://192.168.1.4/v1", "http://169.254.169.254/x.png", False),
        ("http://gpu.lan/v1", "http://disk.lan/x.png", True),
        ("http://gpu.lan/v1", "http://127.0.0.1/x.png", False),
    ],
)
def test_a_service_inside_may_name_addresses_of_its_own_kind(base: str, url: str, allowed: bool) -> None:
    """A server at home keeps its pictures at home, too."""
    world = World(names={"gpu.lan": ["192.168.7.1"], "disk.lan": ["192.168.7.2"]})
    if allowed:
        assert fetch(world, url, base) == PICTURE
    else:
        assert "which the service is not at" in refusal(world, url, base)


def test_the_host_of_the_service_itself_is_always_good() -> None:
    """Asked by name, as the service is."""
    world = World(names={})
    fetch(world, "http://localhost:8080/generated-images/x.png", "http://localhost:8080/v1")
    assert world.gets == [("http://localhost:8080/generated-images/x.png", None)]


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("/generated/x.png", "https://api.example/generated/x.png"),
        ("files/x.png", "https://api.example/v1/files/x.png"),
        ("//api.example/x.png", "https://api.example/x.png"),
    ],
)
def test_a_relative_address_is_one_of_the_service(url: str, whole: str) -> None:
    """LocalAI and others answer with paths."""
    world = World()
    fetch(world, url)
    assert world.gets == [(whole, None)]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://cdn.example/x",
        "data:image/png,x",
        "https://[::1",
        "https://cdn.example:port/x",
        "https://cdn.example/a b",
        "https://cdn.example/\r\nx",
        "http://127%2e0%2e0%2e1/",
    ],
)
def test_only_http_addresses_are_fetched(url: str) -> None:
    """A service can't make us read local files."""
    world = World()
    assert "is no http address" in refusal(world, url)
    assert world.gets == []


def test_a_user_in_an_address_is_left_out() -> None:
    """We send no credentials, whoever's they are."""
    world = World(names={"cdn.example": [PUBLIC]})
    fetch(world, "https://user:word@cdn.example/x")
    assert world.gets == [(f"https://{PUBLIC}/x", "cdn.example")]


def test_five_redirects_are_followed_and_not_a_sixth() -> None:
    """A circle ends."""
    names = {"cdn.example": [PUBLIC]}
    assert fetch(World([*[moved("/next")] * 5, PICTURE], names), "https://cdn.example/x") == PICTURE
    world = World([moved("/next")] * 9, names)
    assert "redirected too often" in refusal(world, "https://cdn.example/x")
    assert len(world.gets) == 6


@pytest.mark.parametrize(
    "passing", [Response(s, {}, b"") for s in (408, 429, 500, 503, 524)] + [Lost("x"), NotSent("x")]
)
def test_passing_troubles_are_waited_out(passing: Response | Undelivered) -> None:
    """408, 429, 5xx and whatever happens on the way."""
    world = World([passing, passing, PICTURE], {"cdn.example": [PUBLIC]})
    assert fetch(world, "https://cdn.example/x", delays=(0, 0)) == PICTURE


@pytest.mark.parametrize(
    "final", [*[Response(s, {}, b"") for s in (204, 302, 403, 404)], TooLarge("x"), Unsendable("x")]
)
def test_final_troubles_are_not(final: Response | Undelivered) -> None:
    """Asking again would give the same."""
    world = World([final, PICTURE], {"cdn.example": [PUBLIC]})
    assert "Failed to download generated image: https://cdn.example/x" in refusal(
        world, "https://cdn.example/x", delays=(0, 0)
    )
    assert len(world.gets) == 1


def test_after_the_last_delay_the_failure_is_final() -> None:
    """It says how often and how long it was tried."""
    world = World([Lost("no route")] * 3, {"cdn.example": [PUBLIC]})
    said = refusal(world, "https://cdn.example/x", delays=(0, 0))
    assert said == "Failed to download generated image: https://cdn.example/x (no route); tried 3 times in 0 s"


def test_a_name_that_can_not_be_resolved_is_tried_again() -> None:
    """Name servers have bad moments."""
    assert "can't be resolved (unknown)); tried 2 times" in refusal(World(), "https://cdn.example/x", delays=(0,))


def test_behind_a_proxy_names_are_asked_by_name() -> None:
    """Only the proxy may know them; what we do know is still checked."""
    world = World([PICTURE, PICTURE], {"known.example": [PUBLIC], "inside.example": ["10.0.0.1"]}, proxied=True)
    fetch(world, "https://cdn.example/x")
    fetch(world, "https://known.example/x")
    assert world.gets == [("https://cdn.example/x", None), ("https://known.example/x", None)]
    for inside in ("https://inside.example/x", "http://127.0.0.1/x"):
        assert "which the service is not at" in refusal(world, inside)


def test_without_a_network_names_are_not_resolved() -> None:
    """An application in the process has no name server; addresses are checked all the same."""
    world = World(has_network=False)
    fetch(world, "http://offline.invalid/files/x.png", "http://offline.invalid/v1")
    assert "which the service is not at" in refusal(world, "http://127.0.0.1/x", "http://offline.invalid/v1")


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_is_of_the_same_kind_in_every_disguise(address: ipaddress.IPv4Address) -> None:
    """As a number, in hex, in octal, and wrapped into IPv6."""
    kind = address_kind(str(address))
    first, *rest = str(address).split(".")
    spellings = [str(int(address)), hex(int(address)), f"0{int(first):o}.{'.'.join(rest)}", f"{address}."]
    assert {str(literal_address(spelling)) for spelling in spellings} == {str(address)}
    wrapped = [
        ipaddress.IPv6Address((0xFFFF << 32) | int(address)),
        ipaddress.IPv6Address((0x2002 << 112) | int(address) << 80),
    ]
    assert {address_kind(str(other)) for other in wrapped} == {kind}
    assert kind is not None or address.is_global


@pytest.mark.parametrize(
    "name", ["cdn.example", "deadbeef", "1.2.3.4.5", "café.example", "", "0x", "256.256.256.256.example"]
)
def test_names_are_no_addresses(name: str) -> None:
    """Only what the system would take for one."""
    assert literal_address(name) is None
