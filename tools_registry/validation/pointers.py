"""JSON pointers (RFC 6901) into a call's arguments."""

from __future__ import annotations

from collections.abc import Iterable


def append(pointer: str, token: str | int) -> str:
    """The pointer to a member or element of what ``pointer`` names."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"


def of(path: Iterable[str | int]) -> str:
    """The pointer of a path of keys and indices; "" is the whole."""
    pointer = ""
    for token in path:
        pointer = append(pointer, token)
    return pointer


def tokens(pointer: str) -> list[str]:
    """The keys and indices of a pointer, as texts."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def anywhere(pointer: str) -> str:
    """The pointer with ``*`` for places in lists: what it names in any of them."""
    return "/".join("*" if part.isdecimal() else part for part in pointer.split("/"))
