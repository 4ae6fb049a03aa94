"""What the web server can refuse of a request by its head alone, before any of its body is read.

Under another server than ours, the views still refuse the same, after the server has read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from console.accounts.models import hash_token
from console.lib import json
from conversations.doors import otlp
from conversations.doors.bodies import TooFast
from conversations.doors.limits import DOORS, foresee_wait, largest_of
from conversations.doors.proxy.address import PREFIX
from conversations.doors.proxy.refusals import Refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in the form of the address that was asked."""

    status: int
    body: bytes
    content_type: str
    retry_after: int = 0

    def to_bytes(self) -> bytes:
        """The whole response of HTTP/1.1, after which the connection ends."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
        ]
        lines += [f"Retry-After: {self.retry_after}"] if self.retry_after else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def refuse_head(method: str, path: str, header: Callable[[str], str], size: int) -> Refusal | None:
    """The refusal of a request whose body has ``size`` bytes, if it is refused."""
    if size > largest_of(path):
        return refuse_size(path, header)
    scheme, _, key = header("Authorization").partition(" ")
    if method == "POST" and path in DOORS and scheme.lower() == "bearer" and key:
        wait = foresee_wait(hash_token(key.strip()), size)
        if wait > 0:
            fast = TooFast(wait)
            return _write(path, header, 429, "too_fast", str(fast), fast.seconds)
    return None


def refuse_size(path: str, header: Callable[[str], str]) -> Refusal:
    """The refusal of a body that is too large."""
    detail = f"At most {largest_of(path):,} bytes are taken. Send less at once."
    return _write(path, header, 413, "body_too_large", detail)


_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} (/[^ ?]*)")


def refuse_line(line: bytes, most: int) -> Refusal:
    """The refusal of a head with a line of more than ``most`` bytes, by how that line begins."""
    asked = _REQUEST_LINE.match(line)
    if asked is None:
        detail = f"At most {most:,} bytes are taken in a header. Send less in it."
        return _write("/", _no_header, 431, "header_too_large", detail)
    path = unquote(asked[1][:1000].decode("latin-1"))
    detail = f"At most {most:,} bytes are taken in an address. Send a shorter one."
    return _write(path, _no_header, 414, "address_too_long", detail)


def _no_header(_: str) -> str:
    return ""


def _write(
    path: str, header: Callable[[str], str], status: int, code: str, detail: str, wait: int = 0
) -> Refusal:
    if path.startswith("/v1/"):
        body, kind = otlp.write_status(header("Content-Type"), status, detail)
        return Refusal(status, body, kind, wait)
    if path.startswith(PREFIX):
        said = Refused(status, code, detail)
        return Refusal(status, said.body(anthropic=path.endswith("/messages")), "application/json")
    title = HTTPStatus(status).phrase
    problem = {"status": status, "title": title, "code": code, "detail": detail}
    return Refusal(status, json.dump_bytes(problem), "application/problem+json", wait)
