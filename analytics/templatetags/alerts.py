"""Values of alerts as template tags."""

from __future__ import annotations

from datetime import datetime

from django import template

from analytics.alerts.records import AlertRule
from analytics.alerts.rules import Reading
from analytics.alerts.wording import tell_base, tell_value

register = template.Library()


@register.simple_tag
def alert_value(value: float | None, row: AlertRule) -> str:
    """A value with the unit of the rule's metric."""
    return tell_value(value, row.watched.unit)


@register.simple_tag
def alert_base(row: AlertRule) -> str:
    """What the last look counted, of how many."""
    return tell_base(row.watched, Reading(row.part, row.base, row.window))


@register.filter
def as_time(text: str) -> datetime:
    """The time that a delivery's history has as text."""
    return datetime.fromisoformat(text)
