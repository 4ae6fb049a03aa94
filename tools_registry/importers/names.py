"""Names for tools whose source has none that every provider takes."""

from __future__ import annotations

import hashlib
import re

from tools_registry.importers.items import Notes
from tools_registry.lint.providers import NAME

_LONGEST = 64


def make_name(text: str) -> str:
    """A name that every provider takes: letters, digits, ``_`` and ``-``, 64 at most.

    A longer text keeps its beginning and gets a hash of the whole, so that two stay two.
    """
    if NAME.fullmatch(text):
        return text
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_") or "tool"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].rstrip('_')}_{digest}"


def take_name(text: str, taken: set[str], at: str, notes: Notes) -> str:
    """A name made of ``text`` that is not in ``taken``, which then holds it; changes are noted."""
    name = make_name(text)
    if not NAME.fullmatch(text):
        why = "is too long" if len(text) > _LONGEST else "has characters that providers refuse"
        message = f"{text[:100]} {why}: the tool is called {name}"
        notes.add("changed", "name_made", message, at)
    number, free = 2, name
    while free in taken:
        ending = f"_{number}"
        free, number = name[: _LONGEST - len(ending)] + ending, number + 1
    if free != name:
        message = f"Another tool here is called {name}: this one is called {free}"
        notes.add("changed", "name_made", message, at)
    taken.add(free)
    return free
