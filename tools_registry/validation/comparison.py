"""Do the given arguments agree with the expected ones, and where not? Pure.

Two ways to expect: an exact value, which is JSON equality with ``1 == 1.0``; and sets of
acceptable values, compared as the Berkeley Function Calling Leaderboard does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tools_registry.validation import pointers

ABSENT: Final = object()
"""Stands for what is not there."""

LEFT_OUT = ""
"""Among acceptable values: the parameter may be left out."""

_IGNORED = re.compile(r"[ ,./\-_*^]")


@dataclass(frozen=True, slots=True)
class Difference:
    """``expected`` and ``given`` are values, ``ABSENT`` where there is none; ``acceptable`` tells
    that ``expected`` is a list of values of which one would do.
    """

    pointer: str
    expected: Any
    given: Any
    acceptable: bool = False


def differ(expected: Any, given: Any) -> Iterator[Difference]:
    """Where two JSON values differ: the least values that are not equal."""
    pending: list[tuple[str, Any, Any]] = [("", expected, given)]
    while pending:
        pointer, one, other = pending.pop()
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            keys = dict.fromkeys([*one, *other])
            pending += [
                (pointers.append(pointer, key), one.get(key, ABSENT), other.get(key, ABSENT))
                for key in reversed(keys)
            ]
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            pending += [
                (pointers.append(pointer, index), one[index], other[index])
                for index in reversed(range(len(one)))
            ]
        elif not _equal_leaves(one, other):
            yield Difference(pointer, one, other)


def _equal_leaves(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and not isinstance(one, Mapping | list) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def differ_from_acceptable(
    acceptable: Mapping[str, Sequence[Any]], given: Mapping[str, Any], pointer: str = ""
) -> Iterator[Difference]:
    """Where given members are none of the acceptable values; "" means may be left out."""
    for key, values in acceptable.items():
        here = pointers.append(pointer, key)
        if key not in given:
            if LEFT_OUT not in values:
                yield Difference(here, list(values), ABSENT, acceptable=True)
        elif not any(accepts(value, given[key]) for value in values):
            yield from _tell_unacceptable(values, given[key], here)
    for key in given:
        if key not in acceptable:
            yield Difference(pointers.append(pointer, key), ABSENT, given[key])


def accepts(value: Any, given: Any) -> bool:
    """Whether a given value is this acceptable one.

    Texts agree without case and without spaces and ``,./-_*^``; single quotes count as double.
    Members of an acceptable object are lists of acceptable values of their own.
    """
    if isinstance(value, str) and isinstance(given, str):
        return plain(value) == plain(given)
    if isinstance(value, list) and isinstance(given, list):
        return len(value) == len(given) and all(map(accepts, value, given))
    if isinstance(value, Mapping) and isinstance(given, Mapping):
        return not any(differ_from_acceptable(_as_sets(value), given))
    return next(differ(value, given), None) is None


def plain(text: str) -> str:
    """A text as BFCL compares it."""
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _as_sets(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {key: item if isinstance(item, list) else [item] for key, item in value.items()}


def _tell_unacceptable(values: Sequence[Any], given: Any, pointer: str) -> Iterator[Difference]:
    """The difference, at the member of an object where there is but one object to agree with."""
    objects = [value for value in values if isinstance(value, Mapping)]
    others = [value for value in values if not isinstance(value, Mapping) and value != LEFT_OUT]
    if len(objects) == 1 and not others and isinstance(given, Mapping):
        yield from differ_from_acceptable(_as_sets(objects[0]), given, pointer)
    else:
        yield Difference(pointer, list(values), given, acceptable=True)
