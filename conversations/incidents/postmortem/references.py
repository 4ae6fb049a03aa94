"""References such as ``{{impact.calls}}`` in a document, resolved when it is shown. Pure.

Values are Markdown. What came over the wire or was typed goes through ``escape`` or ``code``
first, so that it is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tools_registry.validation.near import near

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_SPECIAL = re.compile(r"([\\`*_{}\[\]|<>~&])")
_LEADING = re.compile(r"^([#+-]|\d+(?=[.)]))")
_TICKS = re.compile(r"`+")
_SPACE = re.compile(r"\s+")
LARGEST = 1_000_000
"""Characters that figures may add: what would go beyond stands as it was typed."""
_MOST_UNKNOWN = 100


@dataclass(frozen=True, slots=True)
class Unknown:
    """A reference that names nothing: where it stands, and what is nearest to it, "" for none."""

    name: str
    line: int
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The text with its figures in place; unknown references stand as they were typed."""

    text: str
    unknown: tuple[Unknown, ...]


def resolve(text: str, values: Mapping[str, str]) -> Resolved:
    """Put the values in the place of the references that name them. The first hundred that name
    nothing are told."""
    unknown: list[Unknown] = []
    added = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal added
        name = found[1]
        if name in values:
            added += len(values[name])
            return values[name] if added <= LARGEST else found[0]
        if len(unknown) >= _MOST_UNKNOWN:
            return found[0]
        line = text.count("\n", 0, found.start()) + 1
        unknown.append(Unknown(name, line, near(name, values) or ""))
        return found[0]

    return Resolved(_REFERENCE.sub(fill, text), tuple(unknown))


def escape(text: str) -> str:
    """Text as Markdown that shows it, on one line; spaces at its ends stay."""
    return _LEADING.sub(_disarm, _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text)))


def _disarm(found: re.Match[str]) -> str:
    """What would begin a heading or an item of a list: a number keeps its digits."""
    return f"{found[1]}\\" if found[1].isdecimal() else f"\\{found[1]}"


def code(text: str) -> str:
    """Text as a code span on one line, whatever backticks it holds; a bar stays out of tables."""
    plain = " ".join(text.split()).replace("|", "¦")
    longest = max((len(run) for run in _TICKS.findall(plain)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def block(text: str, language: str = "") -> str:
    """Text as a fenced block of code."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
