"""Alerts for programs: how each rule stands, and what it found."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from analytics.alerts.payload import write_time
from analytics.alerts.records import STATES, AlertEvent, AlertRule
from analytics.alerts.wording import tell_condition
from console.accounts.access import ApiRequest, api_key
from console.lib.pages import BadCursor, read_page
from console.lib.problems import problem


@api_key("read")
@require_safe
def list_alerts(request: ApiRequest) -> HttpResponseBase:
    """Every rule of the project with its state; ``state`` narrows it."""
    rows = AlertRule.objects.filter(project=request.project).select_related("incident", "budget")
    if state := request.GET.get("state", ""):
        if state not in dict(STATES):
            return problem(400, "bad_state", f"Make state one of {', '.join(dict(STATES))}.")
        rows = rows.filter(state=state)
    return JsonResponse({"alerts": [describe(row) for row in rows.order_by("name")]})


@api_key("read")
@require_safe
def read_alert(request: ApiRequest, rule: int) -> HttpResponseBase:
    return JsonResponse(describe(_find(request, rule)))


@api_key("read")
@require_safe
def list_events(request: ApiRequest, rule: int) -> HttpResponseBase:
    """What the rule found, newest first; ``next`` is the ``after`` of the next page."""
    rows = _find(request, rule).events.select_related("incident")
    try:
        page = read_page(rows, ["id"], request.GET.get("after", ""))
    except BadCursor:
        return problem(400, "bad_after", "Make after the value of next, as it came.")
    events = [_describe_event(event) for event in page.rows]
    return JsonResponse({"events": events, "next": page.older or None})


def describe(row: AlertRule) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "metric": row.metric,
        "filter": row.filter,
        "condition": tell_condition(row.watched, row.rule),
        "window_seconds": row.window,
        "severity": row.severity,
        "enabled": row.enabled,
        "state": row.state,
        "since": write_time(row.since),
        "value": row.value,
        "unit": row.watched.unit,
        "part": row.part,
        "base": row.base,
        "expected": row.expected,
        "looked_at": write_time(row.looked_at) if row.looked_at else None,
        "error": row.error or None,
        "incident": row.incident.number if row.incident else None,
    }


def _describe_event(event: AlertEvent) -> dict[str, Any]:
    return {
        "id": str(event.pk),
        "at": write_time(event.at),
        "from": event.before,
        "state": event.state,
        "notice": event.notice or None,
        "silenced": event.silenced,
        "text": event.text,
        "value": event.value,
        "expected": event.expected,
        "part": event.part,
        "base": event.base,
        "began_at": write_time(event.began_at) if event.began_at else None,
        "incident": event.incident.number if event.incident else None,
    }


def _find(request: ApiRequest, pk: int) -> AlertRule:
    rows = AlertRule.objects.select_related("incident", "budget")
    return get_object_or_404(rows, pk=pk, project=request.project)
