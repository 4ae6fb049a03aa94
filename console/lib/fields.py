"""Columns for text that PostgreSQL alone would refuse or change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db import models

_MARK = "\uf8ff"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\uf8ff]")
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_STORED = re.compile(f"{_MARK}([0-9a-f]{{4}})")


def to_stored(text: str) -> str:
    """Text without NUL and lone surrogates: each is U+F8FF and four hexadecimal digits."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(lambda match: f"{_MARK}{ord(match[0]):04x}", text)


def to_plain(text: str) -> str:
    """Text for any other column and for pages: what cannot stand there is U+FFFD."""
    return _REFUSED.sub("\ufffd", text)


def from_stored(text: str) -> str:
    """The inverse of ``to_stored``."""
    return _STORED.sub(lambda match: chr(int(match[1], 16)), text) if _MARK in text else text


if TYPE_CHECKING:
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField


class RawTextField(_TextField):
    """Text as it came over the wire, character for character, NULs and surrogates included."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return to_stored(prepared) if isinstance(prepared, str) else prepared

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return None if value is None else from_stored(value)
