"""JSON pointers of a policy into a call's arguments, with ``*`` for any name or index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 64
"""Levels of arguments that are looked at; what lies deeper stays as it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pointer as its steps. It names what stands there and all that is below."""

    pointer: str
    steps: tuple[str, ...]

    def holds(self, path: tuple[str, ...]) -> bool:
        """Whether the path leads to the place or to something below it."""
        return len(path) >= len(self.steps) and all(
            mine in ("*", theirs) for mine, theirs in zip(self.steps, path, strict=False)
        )


def read_place(pointer: str) -> Place:
    """ "" is the arguments as a whole. Raises ``ValueError`` with what is wrong."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"A pointer begins with /, such as /{pointer.lstrip('#./') or 'city'}")
    steps = pointer.split("/")[1:]
    if len(steps) > DEEPEST:
        raise ValueError(f"A pointer has at most {DEEPEST} steps")
    return Place(pointer, tuple(step.replace("~1", "/").replace("~0", "~") for step in steps))


def pointer_of(path: tuple[str, ...]) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)


def values_at(value: Any, place: Place) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values that stand exactly at the place, with their paths."""
    found: list[tuple[tuple[str, ...], Any]] = [((), value)]
    for step in place.steps:
        found = [
            ((*path, name), item)
            for path, holder in found
            for name, item in members(holder)
            if step in ("*", name)
        ]
    yield from found


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of an object or elements of a list, each with its step; none of a scalar."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(index), item) for index, item in enumerate(value))


def strings_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string in the value with its path, in the order in which they stand."""
    if isinstance(value, str):
        yield path, value
    elif len(path) < DEEPEST:
        for name, item in members(value):
            yield from strings_of(item, (*path, name))


def texts_of(value: Any) -> list[str]:
    """Every string in the value, in no order: ``strings_of`` without paths, and quicker."""
    found: list[str] = []
    level = [value]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                found.append(item)
            elif isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            break
        level = below
    return found
