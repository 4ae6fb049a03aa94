"""What notifiers share: how they fail, where their secrets are, and one way to post."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from fnmatch import fnmatchcase

import httpx2
from django.conf import settings

from console.lib import env, http

_TIMEOUT = httpx2.Timeout(connect=5.0, read=15.0, write=10.0, pool=5.0)
_SECONDS = 30.0
_LATER = (408, 425, 429)
_MOST_ANSWER = 64 * 1024
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Misfire-Alerts/1"}
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "nothing listens there"),
    (socket.gaierror, "its host has no address"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "it did not agree on TLS"),
    (ConnectionError, "it closed the connection"),
)
"""What to say of what went wrong underneath, the more special first."""


class Failure(Exception):
    """It did not arrive; the text says why and what to do, without any secret.

    ``permanent``: another try would end the same. ``retry_after`` are seconds that the receiver
    asked for.
    """

    def __init__(
        self, detail: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.permanent, self.retry_after = permanent, retry_after


def may_read(variable: str) -> bool:
    """Whether ALERT_VARIABLES lets a channel name this environment variable."""
    return any(fnmatchcase(variable, pattern) for pattern in settings.ALERT_VARIABLES)


def read_secret(variable: str) -> str:
    """The secret in an environment variable, or the file that NAME_FILE names. Raises Failure; it
    is no permanent one, as the variable can be set while the message waits."""
    if not may_read(variable):
        allowed = ", ".join(settings.ALERT_VARIABLES)
        raise Failure(
            f"{variable or 'No variable'} may not be read for alerts: its name must match one of"
            f" {allowed}. Rename it, or extend ALERT_VARIABLES.",
            permanent=True,
        )
    try:
        secret = env.text(variable)
    except env.BadSetting as error:
        raise Failure(str(error)) from error
    if not secret:
        raise Failure(
            f"The environment variable {variable} is not set. Set it, or {variable}_FILE (a file's"
            " path), where the workers are started, and restart them."
        )
    return secret


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None, *, name: str) -> str:
    """Post JSON through the one outbound door; the status and the beginning of the answer. Raises
    Failure for anything but 2xx. ``name`` stands for the address, which may be a secret."""
    try:
        with (
            http.sync_client(timeout=_TIMEOUT) as client,
            client.stream(
                "POST", url, content=body, headers={**_HEADERS, **(headers or {})}
            ) as response,
        ):
            body = http.read_whole_sync(response, limit=_MOST_ANSWER, seconds=_SECONDS)
            text = body.decode("utf-8", "replace")
    except http.BlockedAddress as error:
        raise Failure(str(error), permanent=True) from None
    except http.BodyTooLarge:
        text = "an answer of more than 64 KiB"
    except httpx2.TimeoutException:
        raise Failure(f"{name} did not answer in time.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Failure(f"{name} could not be reached: {tell_cause(error)}.") from None
    said = " ".join(text.split())[:200]
    answer = f"{response.status_code} {response.reason_phrase}".strip() + (
        f": {said}" if said else ""
    )
    if response.is_success:
        return answer
    raise Failure(
        f"{name} answered {answer}",
        permanent=response.status_code < 500 and response.status_code not in _LATER,
        retry_after=_read_seconds(response.headers.get("retry-after", "")),
    )


def tell_cause(error: BaseException) -> str:
    """Why a connection failed, in words that hold nothing of its address."""
    cause: BaseException | None = error
    while cause is not None:
        for kind, words in _CAUSES:
            if isinstance(cause, kind):
                return words
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _read_seconds(text: str) -> float | None:
    """Retry-After in seconds, an hour at most; its other form, a date, is not heeded."""
    return min(float(text), 3600.0) if text.isascii() and text.isdecimal() else None
