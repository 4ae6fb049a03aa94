"""The alert rules of the application's people, and what they found in the thirty days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from analytics.alerts.forms.rules import RuleForm
from analytics.alerts.records import AlertRule
from analytics.alerts.retelling import retell
from console.accounts.models import Project, User
from console.demo.everyday import DAYS
from conversations.incidents.records import Incident

_DAY = 24 * 3600
_USUAL: dict[str, Any] = {
    "basis": "threshold", "direction": "above", "renotify": 0, "severity": "medium",
}  # fmt: skip
CLOTHES = "suggest_clothes is rejected"
RULES: tuple[dict[str, Any], ...] = (
    {
        "name": CLOTHES, "metric": "rejection_rate", "query": "tool:suggest_clothes",
        "window": 3600, "minimum": 5, "level": 20, "severity": "critical",
        "opens_incident": True,
    },
    {
        "name": "Misfires of a day", "metric": "misfire_rate", "query": "environment:production",
        "window": _DAY, "minimum": 20, "level": 6, "recovery": 5,
    },
    {
        "name": "A session repeats itself", "metric": "calls", "query": "finding:repeated_call",
        "window": 3600, "minimum": 1, "level": 50,
    },
    {
        "name": "Payments near their timeout", "metric": "tool_p99",
        "query": "tool:process_payment", "window": _DAY, "minimum": 5, "level": 9900,
        "warning": 8000,
    },
)  # fmt: skip
"""What each scenario would have had somebody watch; nobody is told, as there is no channel."""


@transaction.atomic
def watch(project: Project, user: User, until: datetime) -> None:
    """Make the rules, and let each say what it would have found had it been watched; in one
    transaction, so that no worker looks at a rule before."""
    for values in RULES:
        form = RuleForm(_USUAL | values, project=project)
        assert form.is_valid(), form.errors
        form.save(user)
    incident = Incident.objects.filter(project=project, title=CLOTHES).first()
    end = until.replace(second=0, microsecond=0)
    for row in AlertRule.objects.filter(project=project).select_related("project"):
        is_of_it = row.opens_incident and row.metric == "rejection_rate"
        retell(row, end - timedelta(days=DAYS), end, incident if is_of_it else None)
