"""JSON text that keeps what it was given: key order, big integers, odd strings."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson


def dump(value: Any) -> str:
    """Compact JSON text, key order kept. Integers of any size and lone surrogates survive."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # beyond 64 bits, a lone surrogate, or a key that is no string
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def dump_bytes(value: Any) -> bytes:
    """The same as UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return dump(value).encode()


_HALVES = re.compile("[\ud800-\udfff]")
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 19


def load_plain(text: bytes) -> Any:
    """The same value as ``load`` gives, several times as fast. Raises ValueError also for some
    JSON that ``load`` can read: integers of 19 digits or more, lone surrogates, numbers beyond
    a double."""
    if _LONG in text.translate(_ZEROS):
        raise ValueError("an integer may not fit")
    return orjson.loads(text)


def load(text: str | bytes) -> Any:
    """The value of JSON text; raises ValueError. Integers are exact, unlike orjson's."""
    try:
        return load_plain(text.encode() if isinstance(text, str) else text)
    except ValueError:
        return json.loads(text)


def is_unicode(value: Any) -> bool:
    """Whether no text in a JSON value has a lone surrogate, which UTF-8 cannot hold."""
    return not _HALVES.search(json.dumps(value, ensure_ascii=False))


def pretty(value: Any) -> str:
    """JSON text for people: two spaces of indent, characters as they are, but for lone surrogates,
    which no page can hold: they are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _HALVES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
