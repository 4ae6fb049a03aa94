"""Ways to tell: one file a kind, each a function that sends one message or raises ``Failure``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from analytics.alerts.notifiers.base import Failure as Failure
from analytics.alerts.records import AlertChannel

Send = Callable[[AlertChannel, dict[str, Any]], str]
"""Sends the message of ``payload.build``; what it returns is what the receiver answered."""
_NOTIFIERS = {
    "webhook": "analytics.alerts.notifiers.webhook",
    "slack": "analytics.alerts.notifiers.slack",
    "pagerduty": "analytics.alerts.notifiers.pagerduty",
    "email": "analytics.alerts.notifiers.mail",
}


def load(kind: str) -> Send:
    send: Send = import_module(_NOTIFIERS[kind]).send
    return send
