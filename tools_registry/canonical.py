"""Canonical JSON (RFC 8785) that never fails.

RFC 8785 leaves three things undefined, and JSON from models and files has them all. Here:

* an integer outside ±(2^53 - 1) is written with all of its digits;
* a lone surrogate is written as its escape, ``\\udxxx`` in lower case;
* a number that is not finite is written ``NaN``, ``Infinity`` or ``-Infinity``.

Everything else is exactly RFC 8785. The depth of nesting does not matter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import rfc8785

_LARGEST = 2**53 - 1


class _Mark(str):
    """Finished text among values that are still to be written."""


def dumps(value: Any) -> bytes:
    """Canonical JSON in UTF-8 of what ``json.loads`` gives; TypeError for anything else."""
    try:
        if _is_plain(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(value)
    except orjson.JSONEncodeError:
        return _dump_leniently(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
        return _dump_leniently(value)


def _is_plain(value: Any) -> bool:
    """Does orjson write it as RFC 8785 does, ten times as fast? It writes fractions in another
    form, and sorts keys beyond ASCII in another order."""
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is dict:
            if not all(type(key) is str and key.isascii() for key in item):
                return False
            pending.extend(item.values())
        elif kind is list:
            pending.extend(item)
        elif kind is int:
            if not -_LARGEST <= item <= _LARGEST:
                return False
        elif kind is not str and kind is not bool and item is not None:
            return False
    return True


def _dump_leniently(value: Any) -> bytes:
    written: list[str] = []
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, _Mark):
            written.append(item)
        elif isinstance(item, Mapping):
            pending.extend(reversed([*_object_parts(item)]))
        elif isinstance(item, list | tuple):
            pending.extend(reversed([*_array_parts(item)]))
        else:
            written.append(_scalar(item))
    # Only lone surrogates cannot be encoded, and this writes them as JSON escapes.
    return "".join(written).encode("utf-8", "backslashreplace")


def _object_parts(item: Mapping[str, Any]) -> Iterator[Any]:
    before = "{"
    for key in sorted(item, key=lambda key: str(key).encode("utf-16-be", "surrogatepass")):
        yield _Mark(f"{before}{_scalar(str(key))}:")
        yield item[key]
        before = ","
    yield _Mark("}" if item else "{}")


def _array_parts(item: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    before = "["
    for element in item:
        yield _Mark(before)
        yield element
        before = ","
    yield _Mark("]" if item else "[]")


def _scalar(item: Any) -> str:
    if isinstance(item, float):
        return rfc8785.dumps(item).decode() if math.isfinite(item) else json.dumps(item)
    if item is None or isinstance(item, str | bool | int):
        return json.dumps(item, ensure_ascii=False)
    raise TypeError(f"{type(item).__name__} is no JSON value")
