"""What can go wrong with a provider, told apart, each with what to do about it.

A provider raises ``ProviderFault`` and nothing else. The official SDKs and the HTTP client
wrap one another's errors, so causes are looked for along the whole chain.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from django.utils import timezone

from console.lib.http import BlockedAddress, BodyTooLarge

PASSING = frozenset({"timeout", "rate_limited", "server_error", "cut_stream", "refused", "dns"})
_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|exceed_context|prompt is too long|too many tokens"
    r"|maximum context|input is too long|request too large",
    re.IGNORECASE,
)


class ProviderFault(Exception):
    """The one error of providers.

    ``code`` is one of those in docs/protocol.md; ``detail`` says what happened and what to do.
    ``permanent`` is False where the same request may succeed later; ``retry_after`` is in
    seconds. ``status`` and ``body`` are the HTTP response's, where there was one.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        permanent: bool | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        body: bytes | None = None,
    ) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
        self.permanent = code not in PASSING if permanent is None else permanent
        self.retry_after, self.status, self.body = retry_after, status, body

    def to_json(self) -> dict[str, Any]:
        whole = {
            "code": self.code,
            "detail": self.detail,
            "permanent": self.permanent,
            "retry_after": self.retry_after,
            "http_status": self.status,
        }
        return {key: value for key, value in whole.items() if value is not None}

    def scrub(self, secret: str) -> ProviderFault:
        """Take the key out of what an error page may have quoted."""
        if secret:
            self.detail = self.detail.replace(secret, "•••")
            self.args = (self.detail,)
            if self.body is not None:
                self.body = self.body.replace(secret.encode(), "•••".encode())
        return self


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting += [current.__context__, current.__cause__]


def of_exception(error: Exception, where: str) -> ProviderFault:
    """The fault that an exception of an SDK, the HTTP client or the network stands for.

    ``where`` is the address as people know it. An exception that is no network fault is
    raised again: it is an error of ours.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ProviderFault):
            return cause
        status = getattr(cause, "status_code", None)
        response = getattr(cause, "response", None)
        if isinstance(status, int) and isinstance(response, httpx2.Response):
            body = response.content if response.is_stream_consumed else b""
            return of_status(status, response.headers, body, where)
    for read in (_of_network, _of_client):
        for cause in causes:
            if fault := read(cause, where):
                return fault
    raise error


def _of_network(cause: BaseException, where: str) -> ProviderFault | None:
    match cause:
        case BlockedAddress():
            return ProviderFault("blocked_address", str(cause))
        case BodyTooLarge():
            return ProviderFault("malformed_stream", f"{where}: {cause}.")
        case socket.gaierror():
            return ProviderFault(
                "dns", f"The host of {where} has no address. Correct the base URL, or check DNS."
            )
        case ssl.SSLCertVerificationError():
            return ProviderFault(
                "tls",
                f"The certificate of {where} is not trusted: {cause.verify_message}."
                " Use the name that the certificate was made for, or install its authority.",
            )
        case ssl.SSLError():
            return ProviderFault(
                "tls",
                f"{where} does not speak TLS as expected ({cause.reason or cause})."
                " Check whether the address begins with http or https.",
            )
        case ConnectionRefusedError():
            return ProviderFault(
                "refused", f"Nothing listens at {where}. Start the server, or correct the address."
            )
        case _:
            return None


def _of_client(cause: BaseException, where: str) -> ProviderFault | None:
    match cause:
        case httpx2.TimeoutException():
            return _of_timeout(cause, where)
        case httpx2.ConnectError():
            return ProviderFault("refused", f"No connection to {where}: {_words(cause)}.")
        case httpx2.RemoteProtocolError() | httpx2.ReadError() | httpx2.WriteError():
            return ProviderFault(
                "cut_stream",
                f"{where} closed the connection before the answer was complete."
                " What had arrived is kept; run again.",
            )
        case httpx2.DecodingError():
            return ProviderFault("malformed_stream", f"The body from {where} is not as encoded.")
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return ProviderFault(
                "bad_request", f"{where} is no http or https address. Correct the base URL."
            )
        case _:
            return None


def _of_timeout(cause: httpx2.TimeoutException, where: str) -> ProviderFault:
    if isinstance(cause, httpx2.ConnectTimeout):
        detail = f"{where} did not take the connection in time. Check the address and the network."
    else:
        detail = f"{where} sent nothing for too long. What had arrived is kept; run again."
    return ProviderFault("timeout", detail)


def _words(cause: BaseException) -> str:
    return str(cause).rstrip(".") or type(cause).__name__


def of_status(status: int, headers: Mapping[str, str], body: bytes, where: str) -> ProviderFault:
    """The fault of an HTTP answer that is no success."""
    said = said_in(body)
    code, cure = _judge(status, said, headers)
    quote = f" It says: {said}" if said else ""
    wait = retry_after(headers) if code in ("rate_limited", "server_error") else None
    if wait is not None:
        cure = f"Wait {wait:g} s and run again."
    return ProviderFault(
        code,
        f"{where} answered {status}. {cure}{quote}",
        retry_after=wait,
        status=status,
        body=body,
    )


def _judge(status: int, said: str, headers: Mapping[str, str]) -> tuple[str, str]:
    if status in (400, 413, 422) and _TOO_LONG.search(said) or status == 413:
        return "context_too_long", "Shorten the messages or the tools, or take a larger model."
    if status == 401:
        return "unauthorized", "The key is missing or wrong; set the variable that it is read from."
    if status in (402, 403):
        return "forbidden", "The key may not use this model or endpoint; check its rights."
    if status in (404, 405):
        return "not_found", "Check the model's name and the base URL (most end in /v1)."
    if status in (408, 504):
        return "timeout", "It took too long; run again."
    if status == 429:
        return "rate_limited", "Too many requests or no quota left; wait, then run again."
    if status >= 500:
        return "server_error", "The fault is on its side; run again later."
    if 300 <= status < 400:
        target = headers.get("location", "another address")
        return "bad_request", f"It redirects to {target}; make that the base URL."
    return "bad_request", "It does not accept the request; change what it names."


def of_report(code: str, message: str, where: str) -> ProviderFault:
    """The fault that a provider reported inside its stream."""
    words = f"{code} {message}".lower()
    if _TOO_LONG.search(words):
        kind, cure = "context_too_long", "Shorten the messages or the tools."
    elif "rate" in words and "limit" in words or "429" in code:
        kind, cure = "rate_limited", "Wait, then run again."
    elif code == "malformed_stream":
        kind, cure = "malformed_stream", "Check that the base URL leads to a model's API."
    elif "invalid" in words or "tool_use_failed" in words:
        kind, cure = "bad_request", "Change what it names."
    else:
        kind, cure = "server_error", "Run again later."
    return ProviderFault(kind, f"{where} broke off the answer: {message or code}. {cure}")


def said_in(body: bytes) -> str:
    """The provider's own words in an error body, at most 600 characters."""
    text = body.decode(errors="replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "" if "<html" in text[:500].lower() else text.strip()[:600]
    for _ in range(4):
        if isinstance(found, list) and found:
            found = found[0]
        if not isinstance(found, dict):
            break
        found = next((found[key] for key in ("error", "message", "detail") if found.get(key)), None)
    return (found if isinstance(found, str) else json.dumps(found) if found else "")[:600]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``Retry-After`` (seconds or a date)."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        text = headers.get("retry-after", "")
        return float(text) if text else None
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (when - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None
