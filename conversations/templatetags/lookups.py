"""Reading values by a key that only the page knows."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def value_of(values: Mapping[str, object], key: str) -> object:
    """The value under ``key``; None where there is none."""
    return values.get(key)
