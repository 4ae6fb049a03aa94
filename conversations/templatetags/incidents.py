"""Figures of incidents as text: shares, intervals, the values that most have."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django import template

from conversations.incidents.series import Share

register = template.Library()


@register.filter
def percent(share: Share) -> str:
    """A share of something: 87.4%, 2.1%."""
    return f"{100 * share.value:.1f}%" if share.whole else "–"


@register.filter
def interval(ends: tuple[float, float]) -> str:
    """A 95% interval of a share."""
    return f"95% CI {100 * ends[0]:.0f}–{100 * ends[1]:.0f}"


@register.filter
def top(counter: Counter[Any]) -> list[tuple[Any, int]]:
    """The three values that most have."""
    return counter.most_common(3)
