"""Dollars and shares as people read them."""

from __future__ import annotations

from decimal import Decimal

from django import template

from console.lib.charts import write_number

register = template.Library()


@register.filter
def usd(value: Decimal | float | None) -> str:
    """An amount of dollars, with as many places as its size needs; a dash where it is unknown."""
    return write_number(None if value is None else float(value), "$")


@register.filter
def exact_usd(value: Decimal | None) -> str:
    """An amount of dollars to the millionth."""
    if value is None:
        return "–"  # noqa: RUF001
    return f"{'-' if value < 0 else ''}${abs(value):,.6f}"


@register.filter
def signed_usd(value: Decimal) -> str:
    """A difference of dollars with its sign."""
    return f"{'+' if value > 0 else ''}{write_number(float(value), '$')}"


@register.filter
def percent_of(part: Decimal | float, whole: Decimal | float) -> str:
    """A share in per cent; a dash of nothing."""
    return write_number(100 * float(part) / float(whole), "%") if whole else "–"  # noqa: RUF001


@register.filter
def duration(value: float | None) -> str:
    """Milliseconds, or seconds from one on."""
    return write_number(value, "ms")


@register.filter
def signed(value: int | None) -> str:
    """A difference of counts with its sign; a dash where it is unknown."""
    return "–" if value is None else f"{value:+,}" if value else "0"  # noqa: RUF001
