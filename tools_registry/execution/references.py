"""References of one call to the result of another, in its arguments: ``$var1.title$``. Pure.

``$label$`` is a result as a whole, ``$label.field$``, ``$label.items[0].id$`` a part of it. A
label is the call's own, its id, or ``varN`` for the N-th call of the turn. A text that is one
reference becomes the value, a reference within a longer text the value's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from console.lib import json
from tools_registry.policies.places import members, pointer_of, strings_of

_REFERENCE = re.compile(r"\$([A-Za-z_][\w-]*)((?:\.[^.$\[\]]+|\[\d+\])*)\$")
_STEP = re.compile(r"\.([^.$\[\]]+)|\[(\d+)\]")
_NUMBERED = re.compile(r"var_?(\d+)")


class Unresolved(ValueError):
    """A reference that has no value; the text says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """``text`` as it stands in the arguments at ``pointer``; ``path`` leads into the result."""

    text: str
    label: str
    path: tuple[str | int, ...]
    pointer: str = ""

    @property
    def is_numbered(self) -> bool:
        """Whether the label is one that nothing but a reference is written like."""
        return _NUMBERED.fullmatch(self.label) is not None


def find_references(arguments: Any) -> Iterator[Reference]:
    """Every reference in the arguments, in the order in which they stand."""
    for path, text in strings_of(arguments):
        for match in _REFERENCE.finditer(text):
            yield _read(match, pointer_of(path))


def fill(arguments: Any, value_of: Callable[[Reference], Any]) -> Any:
    """The arguments with each reference replaced; ``value_of`` gives a reference's value, and
    the reference's own text where it is none. May raise ``Unresolved``."""
    if isinstance(arguments, str):
        whole = _REFERENCE.fullmatch(arguments)
        if whole:
            return value_of(_read(whole))
        return _REFERENCE.sub(lambda match: _as_text(value_of(_read(match))), arguments)
    if isinstance(arguments, dict):
        return {name: fill(item, value_of) for name, item in arguments.items()}
    if isinstance(arguments, list):
        return [fill(item, value_of) for _, item in members(arguments)]
    return arguments


def look_into(result: Any, path: tuple[str | int, ...], name: str) -> Any:
    """The part of a result at a path. Raises ``Unresolved``; ``name`` is that of the call."""
    value = result
    for step in path:
        has = step < len(value) if isinstance(step, int) and isinstance(value, list) else False
        if not has and not (isinstance(step, str) and isinstance(value, dict) and step in value):
            raise Unresolved(f"the result of {name} has no {_write(path)}{_tell(value)}")
        value = value[step]
    return value


def label_of(number: int) -> str:
    """The label of the call at this position of the turn, counted from 1."""
    return f"var{number}"


def _read(match: re.Match[str], pointer: str = "") -> Reference:
    steps = _STEP.findall(match[2])
    path = tuple(int(index) if index else name for name, index in steps)
    return Reference(match[0], match[1].replace("var_", "var"), path, pointer)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dump(value)


def _write(path: tuple[str | int, ...]) -> str:
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).lstrip(".")


def _tell(value: Any) -> str:
    if isinstance(value, dict):
        return f": it has {', '.join(list(value)[:8])}" if value else ": it is empty"
    if isinstance(value, list):
        return f": it is a list of {len(value)}, name an element as in [0]"
    return ""
