"""Every address of the console with the rule of its view, read from the URL configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Address:
    """One pattern: its route (``p/<slug:slug>/…``), its view and its full name (``app:name``)."""

    route: str
    view: Callable[..., Any]
    name: str
    converters: tuple[str, ...]

    @property
    def access(self) -> str | None:
        """The rule that a decorator of ``console.accounts.access`` left; None without one."""
        return getattr(self.view, "access", None)

    def access_of(self, method: str) -> str | None:
        """The rule for one method, where a view asks for different scopes."""
        by_method: dict[str, str] = getattr(self.view, "access_by_method", {})
        return by_method.get(method, self.access)

    @property
    def is_djangos_admin(self) -> bool:
        return self.name.split(":")[0] == "admin"


def walk_addresses() -> Iterator[Address]:
    yield from _walk(get_resolver(), "", "", ())


def scopes_in_use() -> dict[str, list[str]]:
    """The scopes that some address asks for, each with its routes."""
    found: dict[str, list[str]] = {}
    for address in walk_addresses():
        rules = [address.access, *getattr(address.view, "access_by_method", {}).values()]
        for kind, _, scope in ((rule or "").partition(":") for rule in rules):
            if kind == "key":
                found.setdefault(scope, []).append(f"/{address.route}")
    return found


def _walk(
    resolver: URLResolver, route: str, namespace: str, converters: tuple[str, ...]
) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        whole = route + str(pattern.pattern)
        names = (*converters, *pattern.pattern.converters)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, whole, inner, names)
        elif isinstance(pattern, URLPattern):
            yield Address(whole, pattern.callback, f"{namespace}{pattern.name}", names)
