"""One day of one model, as a provider or we count it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


class BadExport(Exception):
    """A file that cannot be read; ``str()`` says what to do."""


@dataclass(frozen=True)
class Line:
    """``cost`` in dollars, tokens and requests as counted; None is not told.

    ``input_tokens`` are all of the input, cached ones too. ``model`` is "" for a cost of no model
    in particular.
    """

    day: date
    model: str
    cost: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int | None = None

    def plus(self, other: Line) -> Line:
        return replace(
            self,
            cost=_add(self.cost, other.cost),
            input_tokens=_add(self.input_tokens, other.input_tokens),
            output_tokens=_add(self.output_tokens, other.output_tokens),
            requests=_add(self.requests, other.requests),
        )

    def to_json(self) -> list[Any]:
        cost = None if self.cost is None else str(self.cost)
        tokens = [self.input_tokens, self.output_tokens, self.requests]
        return [self.day.isoformat(), self.model, cost, *tokens]

    @classmethod
    def from_json(cls, held: list[Any]) -> Line:
        day, model, cost, *tokens = held
        known = None if cost is None else Decimal(cost)
        return cls(date.fromisoformat(day), model, known, *tokens)


_DIGITS = 15
"""Figures of a day that have more are none; adding and writing them would take for ever."""
_YEARS = range(2000, 2200)


def _add(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one if other is None else other
    return one + other


def total(lines: Iterable[Line]) -> list[Line]:
    """One line a day and model, in order."""
    sums: dict[tuple[date, str], Line] = {}
    for line in lines:
        key = (line.day, line.model)
        sums[key] = sums[key].plus(line) if key in sums else line
    return [sums[key] for key in sorted(sums)]


def read_day(text: str, number: int) -> date:
    """A day as exports write it: ISO, with or without a time, or seconds since 1970."""
    text = text.strip()
    try:
        if text.isdecimal() and len(text) >= 9:
            day = datetime.fromtimestamp(int(text[:20]), tz=UTC).date()
        else:
            day = date.fromisoformat(text[:10])
        if day.year not in _YEARS:
            raise ValueError
        return day
    except (ValueError, OverflowError, OSError):
        raise BadExport(
            f"Line {number}: “{text[:40]}” is no day. Write it as 2024-02-03."
        ) from None


def read_money(text: str, number: int) -> Decimal:
    try:
        amount = Decimal(text.strip().lstrip("$").replace(",", "") or "0")
    except InvalidOperation:
        amount = Decimal("nan")
    if not (amount.is_finite() and amount.adjusted() < _DIGITS and _is_written_out(amount)):
        raise BadExport(f"Line {number}: “{text[:40]}” is no amount of dollars.")
    return amount


def read_count(text: str, number: int) -> int:
    try:
        count = Decimal(text.strip().replace(",", "") or "0")
    except InvalidOperation:
        count = Decimal("nan")
    if not (count.is_finite() and count.adjusted() < _DIGITS):
        raise BadExport(f"Line {number}: “{text[:40]}” is no count.")
    return int(count)


def _is_written_out(amount: Decimal) -> bool:
    """Has it no more places than anybody counts in?"""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent > -50
