"""Strings that match a regular expression, made from Python's own reading of it."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterable
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]
_LONGEST_REPEAT = 6
_LETTERS = string.ascii_letters + string.digits
_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_WORD": _LETTERS,
    "CATEGORY_NOT_WORD": " -.",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": _LETTERS,
}


class Unsupported(ValueError):
    """The pattern asks for more than this can make."""


def make(pattern: str, chance: random.Random) -> str:
    """A string that ``pattern`` is found in; the caller checks it. Raises ``Unsupported``."""
    try:
        parsed = _parser.parse(pattern)
    except re.error as error:
        raise Unsupported(f"the pattern {pattern} cannot be read: {error}") from None
    return _make(parsed, chance)


def _make(tokens: Iterable[tuple[Any, Any]], chance: random.Random) -> str:
    return "".join(_make_one(str(kind), value, chance) for kind, value in tokens)


def _make_one(kind: str, value: Any, chance: random.Random) -> str:
    match kind:
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return chance.choice([c for c in _LETTERS if ord(c) != value])
        case "ANY":
            return chance.choice(_LETTERS)
        case "AT":
            return ""
        case "IN":
            return _make_from_set(value, chance)
        case "BRANCH":
            return _make(chance.choice(value[1]), chance)
        case "SUBPATTERN":
            return _make(value[3], chance)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = value
            most = min(int(most), max(least, _LONGEST_REPEAT))
            return "".join(_make(inner, chance) for _ in range(chance.randint(least, most)))
    raise Unsupported(f"patterns with {kind.lower()} cannot be made up")


def _make_from_set(members: list[tuple[Any, Any]], chance: random.Random) -> str:
    options: list[str] = []
    excluded = False
    for kind, value in members:
        match str(kind):
            case "NEGATE":
                excluded = True
            case "LITERAL":
                options.append(chr(value))
            case "RANGE":
                options += map(chr, range(value[0], min(value[1], value[0] + 200) + 1))
            case "CATEGORY":
                options += _CATEGORIES.get(str(value), "")
    if excluded:
        options = [c for c in _LETTERS + " -_.,/" if c not in options]
    if not options:
        raise Unsupported("a set of the pattern is empty")
    return chance.choice(options)
