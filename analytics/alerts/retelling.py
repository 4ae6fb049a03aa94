"""The history that a new rule would have, had it been watched: its events, told to nobody."""

from __future__ import annotations

from datetime import datetime

from analytics.alerts.evaluation import take_measure
from analytics.alerts.history import read_series
from analytics.alerts.lifecycle import Standing, advance
from analytics.alerts.preview import at
from analytics.alerts.records import AlertEvent, AlertRule
from analytics.alerts.telling import page_of, write_event
from conversations.incidents.lifecycle import log
from conversations.incidents.records import Incident

_BAD = ("alert", "warning")


def retell(
    row: AlertRule, since: datetime, until: datetime, incident: Incident | None = None
) -> list[AlertEvent]:
    """Walk the rule through the time by the steps that it takes when it is watched, and leave it as
    it stands at the end. Alerts within the time of ``incident`` are of it. Raises BadQuery and
    TooMuch."""
    rule, series, events = row.rule, read_series(row, since, until), list[AlertEvent]()
    standing: Standing | None = None
    for minute, measured in series:
        now = at(minute)
        standing = standing or Standing("no_data", now)
        before, step = standing.state, advance(rule, standing, measured, now)
        standing = step.standing
        if step.changed or step.notice:
            began = take_measure(row, now)[1] if standing.state in _BAD else now
            events.append(write_event(row, before, step, measured, began, now))
    if standing is not None:
        row.stand(standing)
    if incident is not None:
        _join(row, events, incident)
    row.save()
    return events


def _join(row: AlertRule, events: list[AlertEvent], incident: Incident) -> None:
    """An alert is of the incident whose time its window touches, and so is what follows it."""
    ends, held = incident.until or datetime.max.replace(tzinfo=incident.since.tzinfo), None
    for event in events:
        if event.notice == "alert":
            is_of_it = (event.began_at or event.at) <= ends and event.at >= incident.since
            held = incident if is_of_it else None
            if held:
                detail = {"url": page_of(row)}
                log(held, "alert", event.text, at=event.at, detail=detail)
        if held and event.notice:
            event.incident = row.incident = held
            event.save(update_fields=["incident"])
