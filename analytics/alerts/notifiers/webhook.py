"""Signed webhooks: the message as JSON, with an HMAC-SHA256 over its time and its bytes.

``Misfire-Signature: t=<seconds since 1970>,v1=<hex>``, where the signed text is the time, a full
stop and the body. A receiver computes the same, compares in constant time, and refuses times that
are more than five minutes from its own: docs/alerts.md has the lines.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from analytics.alerts.notifiers.base import post, read_secret
from analytics.alerts.records import AlertChannel
from console.lib import json


def sign(secret: str, at: int, body: bytes) -> str:
    """The value of ``Misfire-Signature`` for a body sent ``at`` (seconds since 1970)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def send(channel: AlertChannel, message: dict[str, Any]) -> str:
    body = json.dump_bytes(message)
    signature = sign(read_secret(channel.variable), int(time.time()), body)
    headers = {"Misfire-Id": message["id"], "Misfire-Signature": signature}
    return post(channel.url, body, headers, name=channel.url)
