"""Keyset pages: read onward from the last row seen, so that page 1,000 costs what page 1 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

Row = TypeVar("Row", bound=models.Model)
SIZE = 50
_BETWEEN = "~"


class BadCursor(ValueError):
    """The text is no cursor of this list: somebody edited the address."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the cursor of those after them; "" where there are none."""

    rows: Sequence[Row]
    older: str


def read_page(
    rows: models.QuerySet[Row], fields: Sequence[str], after: str = "", size: int = SIZE
) -> Page[Row]:
    """One page of ``rows`` by ``fields``, all descending; the last field must be unique.

    ``after`` is a cursor that an earlier page gave. Raises BadCursor.
    """
    if after:
        rows = rows.filter(_beyond(rows.model, fields, after))
    found = list(rows.order_by(*(f"-{name}" for name in fields))[: size + 1])
    older = write_cursor(found[size - 1], fields) if len(found) > size else ""
    return Page(found[:size], older)


def write_cursor(row: models.Model, fields: Sequence[str]) -> str:
    columns = (_column(type(row), name) for name in fields)
    return _BETWEEN.join(column.value_to_string(row) for column in columns)


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    found = model._meta.get_field(name)
    assert isinstance(found, models.Field)
    return found


def _beyond(model: type[models.Model], fields: Sequence[str], cursor: str) -> Q:
    """The condition for rows after the cursor, its first part plain so that an index serves it."""
    texts = cursor.split(_BETWEEN)
    if len(texts) != len(fields):
        raise BadCursor(cursor)
    try:
        values: list[Any] = [
            _column(model, name).to_python(text) for name, text in zip(fields, texts, strict=True)
        ]
    except ValidationError as error:
        raise BadCursor(cursor) from error
    if None in values:
        raise BadCursor(cursor)
    condition, equal = Q(), Q()
    for name, value in zip(fields, values, strict=True):
        condition |= equal & Q(**{f"{name}__lt": value})
        equal &= Q(**{name: value})
    return Q(**{f"{fields[0]}__lte": values[0]}) & condition
