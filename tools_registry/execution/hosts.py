"""The private hosts that a project's tools may reach, beside all public ones.

Two must agree: the server's operator by OUTBOUND_ALLOW, and an admin of the project here. Names
never lead to link-local addresses and those where clouds keep a machine's keys.
"""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings

from console.lib.http import Allowance
from tools_registry.models import ToolHost

MOST = 200
_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
)


class BadHost(ValueError):
    """An entry that cannot be used; the text says why."""


def hosts_of(project: int) -> list[str]:
    """The project's entries, written as in OUTBOUND_ALLOW."""
    return list(ToolHost.objects.filter(project=project).values_list("host", flat=True)[:MOST])


def read_host(text: str) -> str:
    """An entry as it is kept: a host, host:port, or a network. Raises ``BadHost``."""
    text = text.strip().lower()
    if "://" in text:
        raise BadHost("Leave out https:// and what follows the host")
    try:
        network = ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return _read_name(text)
    if network.prefixlen < (8 if network.version == 4 else 16):
        raise BadHost(f"{network} is too large a network: name a smaller one")
    return str(network) if "/" in text else text


def _read_name(text: str) -> str:
    try:
        allowance = Allowance.read(text)
    except ValueError as error:
        raise BadHost(f"{text[:60]} is no host: {error}") from None
    is_address = allowance.host.replace(".", "").isdecimal() or ":" in allowance.host
    is_host = is_address or (len(text) <= 255 and _NAME.fullmatch(allowance.host))
    if not is_host or re.search(r"[/@?#\s]", text):
        raise BadHost(f"{text[:60]} is no host, host:port or network, such as 10.0.3.0/24")
    return text


def is_reachable(host: str) -> bool:
    """Whether the server's own list has the entry too, or a network that holds it."""
    mine = Allowance.read(host)
    for entry in map(Allowance.read, settings.OUTBOUND_ALLOW):
        if entry == mine or (entry.host == mine.host and mine.host and entry.port is None):
            return True
        if entry.network and mine.network and _holds(entry.network, mine.network):
            return True
    return False


def _holds(outer: object, inner: object) -> bool:
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
