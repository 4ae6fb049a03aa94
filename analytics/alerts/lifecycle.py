"""From one look at a rule to the next: its state, and what is to be told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from analytics.alerts.rules import Measured, Rule, State, is_worse, judge

Notice = Literal["alert", "warning", "recovered", "no_data", "reminder"]
_SHORTEST_HOLD = 300
"""Seconds for which a gap in the traffic changes nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands. ``told`` is the state that was told last, at ``told_at``; None: nothing
    was told yet. ``missing_since`` is when measurements ceased; None while there are some."""

    state: State
    since: datetime
    told: State = "ok"
    told_at: datetime | None = None
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one look changes: the new standing, whether the state is another, what is to be told."""

    standing: Standing
    changed: bool
    notice: Notice | None


def advance(
    rule: Rule, standing: Standing, measured: Measured, now: datetime, *, silenced: bool = False
) -> Step:
    """The next standing. While silenced nothing is told; what still holds afterwards is told then.

    A window without figures changes nothing until that has lasted for a window, or five minutes if
    that is longer: a pause of the traffic neither ends an alert nor is news.
    """
    state, missing = _find_state(rule, standing, measured, now)
    changed = state != standing.state
    after = replace(
        standing, state=state, since=now if changed else standing.since, missing_since=missing
    )
    if silenced:
        return Step(after, changed, None)
    notice = _find_notice(rule, after, now)
    if notice is not None:
        after = replace(after, told=state, told_at=now)
    elif state != after.told and not _is_news(rule, after.told, state):
        after = replace(after, told=state)
    return Step(after, changed, notice)


def _find_state(
    rule: Rule, standing: Standing, measured: Measured, now: datetime
) -> tuple[State, datetime | None]:
    if measured.figure is not None:
        return judge(rule, measured.figure, standing.state), None
    since = standing.missing_since or now
    hold = timedelta(seconds=max(rule.window, _SHORTEST_HOLD))
    if standing.state != "no_data" and now - since < hold:
        return standing.state, since
    return "no_data", since


def _find_notice(rule: Rule, standing: Standing, now: datetime) -> Notice | None:
    state = standing.state
    if state != standing.told:
        return _name(state) if _is_news(rule, standing.told, state) else None
    if state != "alert" or not rule.renotify or standing.told_at is None:
        return None
    due = standing.told_at + timedelta(seconds=rule.renotify)
    return "reminder" if now >= due else None


def _is_news(rule: Rule, told: State, state: State) -> bool:
    if state in ("alert", "warning"):
        return True
    if state == "no_data":
        return rule.tells_no_data or told in ("alert", "warning")
    return told in ("alert", "warning") or (told == "no_data" and rule.tells_no_data)


def _name(state: State) -> Notice:
    return "recovered" if state == "ok" else state


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that would have been: from when to when (None: it still lasts), its worst figure
    and that window's measurement."""

    start: datetime
    end: datetime | None
    worst: Measured


def simulate(rule: Rule, series: Iterable[tuple[datetime, Measured]]) -> list[Firing]:
    """The alerts that a rule would have raised over a series, oldest first, by the very steps that
    it takes when it is watched."""
    firings: list[Firing] = []
    for now, measured, state, changed in _walk(rule, series):
        if changed and state == "alert":
            firings.append(Firing(now, None, measured))
        elif changed and firings and firings[-1].end is None:
            firings[-1] = replace(firings[-1], end=now)
        elif state == "alert" and is_worse(rule, measured, firings[-1].worst):
            firings[-1] = replace(firings[-1], worst=measured)
    return firings


def _walk(
    rule: Rule, series: Iterable[tuple[datetime, Measured]]
) -> Iterator[tuple[datetime, Measured, State, bool]]:
    standing: Standing | None = None
    for now, measured in series:
        if standing is None:
            standing = Standing("no_data", now)
        step = advance(rule, standing, measured, now)
        standing = step.standing
        yield now, measured, standing.state, step.changed
