"""The syntax layer: are the arguments one JSON object?"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final

from tools_registry.validation.findings import Finding, LayerResult
from tools_registry.validation.plain import UNSURE, read_plain
from tools_registry.validation.positions import position, scan

NOTHING: Final = object()
"""Stands for the value where the arguments gave none."""

_READ = LayerResult("syntax", True)
_LONGEST_INTEGER = 4000
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|(NaN|-?Infinity)', re.DOTALL)
_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


class _NotJson(ValueError):
    """A constant that Python reads and JSON does not have."""


def type_name(value: Any) -> str:
    """The JSON type of a parsed value: ``integer`` for whole numbers written as such."""
    if type(value) in _JSON_TYPES:
        return _JSON_TYPES[type(value)]
    return "integer" if isinstance(value, int) else "number"


def read_arguments(text: str, *, cut_off: bool = False) -> tuple[Any, LayerResult]:
    """Parse a call's arguments; ``NOTHING`` where they are not a JSON object.

    Empty text counts as ``{}``, which several providers send for a call without arguments.
    Integers are exact; numbers beyond a double come as Decimal. ``cut_off`` says that the
    assembly already found the end missing: then being unreadable is no finding of its own.
    """
    if (plain := read_plain(text)) is not UNSURE:
        return plain, _READ
    if not text.strip(" \t\r\n"):
        if cut_off:
            return NOTHING, LayerResult("syntax", False, note="the arguments are cut off")
        note = "empty arguments count as {}"
        return {}, LayerResult("syntax", True, note=note)
    try:
        value, repeats = _parse(text)
    except (ValueError, RecursionError) as error:
        if cut_off:
            return NOTHING, LayerResult("syntax", False, note="the arguments are cut off")
        return NOTHING, LayerResult("syntax", True, (_explain(text, error),))
    if not isinstance(value, dict):
        message = f"The arguments are of type {type_name(value)}, not an object"
        detail = {"expected": "object", "given": type_name(value)}
        finding = Finding("not_an_object", message, "", detail=detail)
        return NOTHING, LayerResult("syntax", True, (finding,))
    return value, LayerResult("syntax", True, _find_duplicates(text) if repeats else ())


def read_value(text: str) -> tuple[Any, Finding | None]:
    """Parse any JSON text as strictly as arguments; ``NOTHING`` and why where it is none."""
    try:
        return _parse(text)[0], None
    except (ValueError, RecursionError) as error:
        return NOTHING, _explain(text, error)


def _parse(text: str) -> tuple[Any, bool]:
    """The value, and whether a key occurs twice in some object."""
    repeats = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeats
        found = dict(items)
        repeats = repeats or len(found) < len(items)
        return found

    value = json.loads(
        text,
        object_pairs_hook=pairs,
        parse_float=_read_float,
        parse_int=lambda digits: Decimal(digits) if len(digits) > _LONGEST_INTEGER else int(digits),
        parse_constant=_refuse_constant,
    )
    return value, repeats


def _read_float(digits: str) -> float | Decimal:
    number = float(digits)
    return number if math.isfinite(number) else Decimal(digits)


def _refuse_constant(name: str) -> None:
    raise _NotJson(name)


def _explain(text: str, error: ValueError | RecursionError) -> Finding:
    if isinstance(error, RecursionError):
        return Finding("malformed_json", "The arguments are nested too deep to be read", "")
    if isinstance(error, _NotJson):
        name = str(error)
        offset, reason = _find_constant(text), f"{name} is not a JSON value"
    elif isinstance(error, json.JSONDecodeError):
        offset, reason = error.pos, error.msg
    else:
        return Finding("malformed_json", f"The arguments are not JSON: {error}", "")
    line, column = position(text, offset)
    where = f"line {line}, column {column}" if line > 1 else f"character {column}"
    return Finding(
        "malformed_json",
        f"The arguments are not JSON: {reason} at {where}",
        scan(text, stop=max(offset, 1)).last,
        detail={"offset": offset, "line": line, "column": column, "reason": reason},
    )


def _find_constant(text: str) -> int:
    """The offset of the first constant outside of any string."""
    return next((match.start(1) for match in _CONSTANT.finditer(text) if match[1]), 0)


def _find_duplicates(text: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "duplicate_key",
            f"{pointer.rsplit('/', 1)[-1]} occurs more than once; the last value counts",
            pointer,
        )
        for pointer in dict.fromkeys(scan(text).duplicates)
    )
