"""The one outbound door: HTTP clients that reach public addresses only.

A host is resolved once, its addresses are checked, and the connection goes to exactly a
checked address, so a name that resolves differently the second time (DNS rebinding) gains
nothing. The check is made for every connection, those of redirects included. Proxies and
netrc of the environment are not read.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.conf import settings

from console.lib.streams import Stream

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIMEOUT = httpx2.Timeout(connect=10.0, read=120.0, write=30.0, pool=10.0)
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=50, keepalive_expiry=30.0)
WHOLE_BODY = 5 * 1024 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset(map(ipaddress.ip_address, ["100.100.100.200", "fd00:ec2::254"]))
"""Where clouds tell a machine its own keys, beside the link-local address."""


class BlockedAddress(Exception):
    """The host leads to an address that outbound requests may not reach; the text says the cure."""

    def __init__(
        self, host: str, port: int, addresses: Iterable[Address], *, by_caller: bool = False
    ) -> None:
        self.host, self.port = host, port
        found = ", ".join(map(str, addresses))
        where = host if found == host else f"{host} ({found})"
        cure = f"add {host}:{port} to the setting OUTBOUND_ALLOW and restart."
        if by_caller:
            cure = f"an admin adds {host}:{port} to the hosts that this project's tools may reach."
        super().__init__(
            f"{where} is not a public address, and this server may not connect to it. If it is"
            f" meant, {cure}"
        )


class BodyTooLarge(Exception):
    """A body that was to be read whole is larger than its limit."""


@dataclass(frozen=True)
class Allowance:
    """One entry of OUTBOUND_ALLOW: a host, a host with its port, or a network (CIDR)."""

    host: str = ""
    port: int | None = None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None

    @classmethod
    def read(cls, text: str) -> Allowance:
        """Read an entry; a bare IP address is a network of one."""
        try:
            return cls(network=ipaddress.ip_network(text.strip("[]"), strict=False))
        except ValueError:
            parts = urlsplit(f"//{text}")
        return cls(host=_plain(parts.hostname or ""), port=parts.port)

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.network is not None:
            return address in self.network
        if address.is_link_local or address in _METADATA:
            return False  # a name that leads there does so by mistake or on purpose: never meant
        return self.host == _plain(host) and self.port in (None, port)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def allowances() -> list[Allowance]:
    """The entries of OUTBOUND_ALLOW, and the local model's own address."""
    entries = list(settings.OUTBOUND_ALLOW)
    if settings.LOCAL_MODEL_URL:
        entries.append(urlsplit(settings.LOCAL_MODEL_URL).netloc.rpartition("@")[2])
    return [Allowance.read(entry) for entry in entries]


def is_public(address: Address) -> bool:
    """Whether an address, and the IPv4 address that it may carry inside, is on the public net."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def permitted(
    host: str, port: int, addresses: Iterable[Address], allowed: Sequence[Allowance] | None = None
) -> list[Address]:
    """Those of the host's addresses that may be reached; raises BlockedAddress if none may.

    An address that is not public must be among the server's allowances, and among ``allowed``
    where the caller gives them.
    """
    found = list(dict.fromkeys(addresses))
    reachable = found
    for entries in (allowances(), allowed):
        if entries is not None:
            reachable = [
                address
                for address in reachable
                if is_public(address) or any(one.covers(host, port, address) for one in entries)
            ]
        if not reachable:
            raise BlockedAddress(host, port, found, by_caller=entries is allowed)
    return reachable


def _read_addresses(answers: Iterable[Any]) -> list[Address]:
    return [ipaddress.ip_address(answer[4][0]) for answer in answers]


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to checked addresses only, trying them in the resolver's order."""

    def __init__(self, allowed: Sequence[Allowance] | None = None) -> None:
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        begun = time.monotonic()
        found = await self.resolve(host, port, timeout)
        addresses = permitted(host, port, found, self._allowed)
        for address in addresses[:-1]:
            try:
                return await Stream.connect(str(address), port, _left(begun, timeout))
            except httpcore2.ConnectError:
                continue
        return await Stream.connect(str(addresses[-1]), port, _left(begun, timeout))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def resolve(self, host: str, port: int, timeout: float | None) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"resolving {host} took too long") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {error}") from error
        return _read_addresses(answers)

    async def connect_unix_socket(self, *args: Any, **more: Any) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("unix sockets are not reached through this door")


class GuardedSyncBackend(httpcore2.SyncBackend):
    """The same for synchronous clients."""

    def __init__(self, allowed: Sequence[Allowance] | None = None) -> None:
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        begun = time.monotonic()
        addresses = permitted(host, port, self.resolve(host, port), self._allowed)
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(str(address), port, _left(begun, timeout))
            except httpcore2.ConnectError:
                continue
        return super().connect_tcp(str(addresses[-1]), port, _left(begun, timeout))

    def resolve(self, host: str, port: int) -> list[Address]:
        try:
            return _read_addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {error}") from error

    def connect_unix_socket(self, *args: Any, **more: Any) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("unix sockets are not reached through this door")


def _left(begun: float, timeout: float | None) -> float | None:
    return None if timeout is None else max(0.001, timeout - (time.monotonic() - begun))


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    def __init__(self, backend: GuardedBackend | None = None) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trust(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=backend or GuardedBackend(),
        )


class GuardedSyncTransport(httpx2.HTTPTransport):
    def __init__(self, backend: GuardedSyncBackend | None = None) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trust(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=backend or GuardedSyncBackend(),
        )


def client(
    *,
    timeout: httpx2.Timeout = TIMEOUT,
    redirects: bool = False,
    allowed: Sequence[Allowance] | None = None,
) -> httpx2.AsyncClient:
    """An asynchronous client behind the guard; the caller closes it. ``allowed`` narrows which
    of the server's allowances count."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(GuardedBackend(allowed)),
        timeout=timeout,
        follow_redirects=redirects,
        trust_env=False,
    )


def sync_client(
    *,
    timeout: httpx2.Timeout = TIMEOUT,
    redirects: bool = False,
    allowed: Sequence[Allowance] | None = None,
) -> httpx2.Client:
    """A synchronous client behind the guard; the caller closes it."""
    return httpx2.Client(
        transport=GuardedSyncTransport(GuardedSyncBackend(allowed)),
        timeout=timeout,
        follow_redirects=redirects,
        trust_env=False,
    )


async def read_whole(response: httpx2.Response, *, limit: int = WHOLE_BODY) -> bytes:
    """The body of a streamed response; raises BodyTooLarge past ``limit`` bytes."""
    held = bytearray()
    async for chunk in response.aiter_bytes():
        held += chunk
        if len(held) > limit:
            raise BodyTooLarge(f"the answer is larger than {limit} bytes")
    return bytes(held)


def read_whole_sync(
    response: httpx2.Response, *, limit: int = WHOLE_BODY, seconds: float | None = None
) -> bytes:
    """The same for a synchronous client; raises ReadTimeout where it is not whole in time, however
    steadily it drips."""
    held, begun = bytearray(), time.monotonic()
    for chunk in response.iter_bytes():
        held += chunk
        if seconds is not None and time.monotonic() - begun > seconds:
            raise httpx2.ReadTimeout("the answer is not whole in time")
        if len(held) > limit:
            raise BodyTooLarge(f"the answer is larger than {limit} bytes")
    return bytes(held)
