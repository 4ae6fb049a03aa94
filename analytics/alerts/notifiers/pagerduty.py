"""PagerDuty, by its Events API v2: an alert triggers, a recovery resolves.

https://developer.pagerduty.com/docs/send-alert-event: one ``dedup_key`` a rule, so that a warning
that becomes an alert, and its reminders, stay one of theirs.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from analytics.alerts.notifiers.base import post, read_secret
from analytics.alerts.records import AlertChannel
from console.lib import json

_SEVERITIES = {"low": "info", "medium": "warning", "high": "error", "critical": "critical"}
_LONGEST_SUMMARY = 1024


def write(message: dict[str, Any], routing_key: str) -> dict[str, Any]:
    """The event. A test triggers at severity info, under a key of its own."""
    rule = message["rule"]
    key = f"misfire:{message['project']}:{rule['id'] if rule else message['id']}"
    event: dict[str, Any] = {"routing_key": routing_key, "dedup_key": key}
    if message["type"] == "recovered":
        return event | {"event_action": "resolve"}
    links = [{"href": message["url"], "text": "Open in Misfire"}]
    if incident := message["incident"]:
        links.append({"href": incident["url"], "text": incident["name"]})
    severity = "warning" if message["type"] == "warning" else _SEVERITIES[message["severity"]]
    return event | {
        "event_action": "trigger",
        "payload": {
            "summary": message["text"][:_LONGEST_SUMMARY],
            "source": f"misfire/{message['project']}",
            "severity": severity,
            "timestamp": message["at"],
            "component": rule["name"] if rule else "test",
            "class": rule["metric"] if rule else "test",
            "custom_details": message,
        },
        "client": "Misfire",
        "client_url": message["url"],
        "links": links,
    }


def send(channel: AlertChannel, message: dict[str, Any]) -> str:
    body = json.dump_bytes(write(message, read_secret(channel.variable)))
    url = f"{settings.PAGERDUTY_URL.rstrip('/')}/v2/enqueue"
    return post(url, body, name="PagerDuty")
