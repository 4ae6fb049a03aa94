"""What is said of a rule and of what it found: one sentence each, with numbers and base. Pure."""

from __future__ import annotations

from typing import Literal

from analytics.alerts.lifecycle import Notice
from analytics.alerts.rules import Measured, Reading, Rule, Unit
from analytics.alerts.watched import Watched

_LENGTHS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def tell_length(seconds: float) -> str:
    """``5 minutes``, ``1 hour``, ``90 seconds``: the largest unit that says it exactly."""
    whole = round(seconds)
    size, name = next((size, name) for size, name in _LENGTHS if whole % size == 0)
    count = whole // size
    return f"{count} {name}{'' if count == 1 else 's'}"


def tell_window(seconds: float) -> str:
    """``the last minute``, ``the last 5 minutes``."""
    return f"the last {tell_length(seconds).removeprefix('1 ')}"


def tell_value(value: float | None, unit: Unit) -> str:
    """The value with its unit."""
    if value is None:
        return "nothing"
    if unit in ("percent", "budget"):
        return f"{_number(value)}%"
    if unit == "ms":
        return f"{_number(value)} ms"
    if unit == "dollars":
        return f"${value:,.2f} an hour" if value >= 1 else f"${value:,.4f} an hour"
    return _number(value)


def tell_level(level: float, rule: Rule) -> str:
    if rule.basis == "past":
        return f"{_number(level)} spreads"
    return tell_value(level, rule.unit)


def tell_time(watched: Watched, rule: Rule) -> str:
    """Of which time the value is."""
    return watched.period or f"in {tell_window(rule.window)}"


def tell_condition(watched: Watched, rule: Rule) -> str:
    """When the rule alerts, as one phrase."""
    level = tell_level(rule.level, rule)
    beyond = (
        f"{level} {rule.direction} its own past"
        if rule.basis == "past"
        else f"{rule.direction} {level}"
    )
    few = f", of at least {_count(watched, rule.minimum)}" if watched.takes_minimum else ""
    return f"{watched.label} {beyond} {tell_time(watched, rule)}{few}"


def tell_reading(watched: Watched, measured: Measured) -> str:
    """The value with its base: ``87% (104 of 120 calls)``."""
    said = tell_value(measured.value, watched.unit)
    if watched.unit != "count":
        return f"{said} ({tell_base(watched, measured.reading)})"
    return f"{said} {watched.kind}"


def tell_base(watched: Watched, reading: Reading) -> str:
    if watched.unit == "budget":
        return f"${reading.part / 100:,.2f} of ${reading.base / 100:,.2f}"
    if watched.unit == "dollars":
        return f"${reading.part:,.4f} of {reading.base:,} turns"
    if watched.unit == "ms":
        return _count(watched, reading.base)
    return f"{reading.part:,.0f} of {_count(watched, reading.base)}"


def _count(watched: Watched, number: int) -> str:
    return f"{number:,} {watched.kind[:-1] if number == 1 else watched.kind}"


def tell_lack(watched: Watched, rule: Rule, measured: Measured) -> str:
    """Why there is nothing to say."""
    if measured.lack == "past":
        return (
            "The weeks before have too few calls at this hour to say what is usual:"
            f" two of the last four need at least {rule.minimum:,}"
        )
    found = measured.reading.base
    return f"{_count(watched, found)} {tell_time(watched, rule)}; it takes {rule.minimum:,}"


def tell_notice(
    notice: Notice | Literal["ok"], name: str, watched: Watched, rule: Rule, measured: Measured
) -> str:
    """The sentence that is sent: what, how much, of how many, against which level. ``ok`` is never
    sent: it says that there are data again."""
    if measured.figure is None:
        return f"{name}: no data. {tell_lack(watched, rule, measured)}."
    found = f"{watched.label} {tell_reading(watched, measured)} {tell_time(watched, rule)}"
    usual = ""
    if measured.expected is not None:
        usual = f", usual at this hour {tell_value(measured.expected, watched.unit)}"
    if notice in ("recovered", "ok"):
        return f"{name} {'is OK' if notice == 'ok' else 'has recovered'}: {found}{usual}."
    level = rule.warning if notice == "warning" and rule.warning is not None else rule.level
    still = ", still on alert" if notice == "reminder" else ""
    return f"{name}{still}: {found}{usual}, {rule.direction} {tell_level(level, rule)}."


def _number(value: float) -> str:
    """At most three digits that say something; thousands grouped."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
