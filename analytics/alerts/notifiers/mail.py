"""E-mail through the server that SMTP_HOST and its kin name; only who runs the console sets it."""

from __future__ import annotations

import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from analytics.alerts.notifiers.base import Failure, tell_cause
from analytics.alerts.records import AlertChannel

_WORDS = {
    "alert": "Alert",
    "warning": "Warning",
    "reminder": "Still on alert",
    "recovered": "Recovered",
    "no_data": "No data",
    "test": "Test",
}


def write(channel: AlertChannel, message: dict[str, Any]) -> EmailMessage:
    """A plain text message. Those of one rule or incident form a thread."""
    rule, incident = message["rule"], message["incident"]
    if message["type"] == "incident":
        key, subject = incident["name"], f"{incident['name']} {incident['title']}"
    else:
        name = rule["name"] if rule else channel.name
        key, subject = rule["id"] if rule else message["id"], f"{_WORDS[message['type']]}: {name}"
    thread = f"<misfire.{message['project']}.{key}@misfire>"
    return EmailMessage(
        subject=f"[{message['project']}] {' '.join(subject.split())}",
        body=_write_body(message),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(channel.addresses),
        headers={"References": thread, "Auto-Submitted": "auto-generated"},
    )


_WHY = "You get this because you watch or own the incident. Its page has the button to stop."


def _write_body(message: dict[str, Any]) -> str:
    lines = [message["text"], ""]
    if message["type"] == "incident":
        lines += [f"{message['incident']['name']} is {message['state']}.", "", _WHY, ""]
        return "\n".join([*lines, message["url"]]) + "\n"
    if rule := message["rule"]:
        lines += [f"Rule: {rule['condition']}", f"Filter: {rule['filter'] or 'none'}"]
        if message["began_at"]:
            lines.append(f"Since: {message['began_at']}")
        lines.append("")
    if incident := message["incident"]:
        lines.append(f"{incident['name']}, {incident['status']}: {incident['url']}")
        if incident.get("suspect"):
            lines.append(incident["suspect"])
        lines.append("")
    lines.append(message["url"])
    return "\n".join(lines) + "\n"


def send(channel: AlertChannel, message: dict[str, Any]) -> str:
    if not settings.EMAIL_HOST:
        raise Failure(
            "No mail server is set. Set SMTP_HOST (and SMTP_PORT, SMTP_USER, SMTP_PASSWORD,"
            " SMTP_TLS, MAIL_FROM) where the workers are started, and restart them."
        )
    try:
        write(channel, message).send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        raise Failure(
            f"The server refused every recipient ({', '.join(map(str, sorted(codes)))}).",
            permanent=all(code >= 500 for code in codes),
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise Failure(
            f"The server refused SMTP_USER or SMTP_PASSWORD ({error.smtp_code})."
        ) from None
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        told = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise Failure(
            f"The server answered {error.smtp_code} {told[:200]}",
            permanent=error.smtp_code >= 500,
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        raise Failure(f"{where} could not be reached: {tell_cause(error)}.") from None
    return f"{settings.EMAIL_HOST} took it for {len(channel.addresses)} recipients"
