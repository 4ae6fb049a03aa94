"""Slack's incoming webhooks, and what takes their form (Mattermost, Discord's /slack, Rocket.Chat).

The address is the secret, so it is read from the environment and never shown. Text is escaped as
Slack asks, so that no name of a rule or model can mention people or hide a link.
"""

from __future__ import annotations

from typing import Any

from analytics.alerts.notifiers.base import post, read_secret
from analytics.alerts.records import AlertChannel
from console.lib import json

_COLOURS = {"alert": "#c92a2a", "reminder": "#c92a2a", "warning": "#b35c00", "recovered": "#2b8a3e"}
_GREY = "#6b7280"


def write(message: dict[str, Any]) -> dict[str, Any]:
    """The message as an attachment with a fallback text, which every compatible receiver takes."""
    links = []
    if message["type"] != "incident":
        opens = "Open the alert" if message["rule"] else "Open the channels"
        links.append(f"<{message['url']}|{opens}>")
    if incident := message["incident"]:
        links.insert(0, f"<{incident['url']}|{escape(incident['name'])}>")
    text = escape(message["text"])
    suspect = _write_suspect(incident)
    return {
        "text": text,
        "attachments": [
            {
                "color": _COLOURS.get(message["type"], _GREY),
                "fallback": text,
                "text": suspect + " · ".join(links),
                "footer": f"Misfire · {escape(message['project'])} · {message['severity']}",
            }
        ],
    }


def _write_suspect(incident: dict[str, Any] | None) -> str:
    return f"{escape(incident['suspect'])}\n" if incident and incident.get("suspect") else ""


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def send(channel: AlertChannel, message: dict[str, Any]) -> str:
    body = json.dump_bytes(write(message))
    return post(read_secret(channel.variable), body, name="The webhook")
