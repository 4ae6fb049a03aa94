"""Which headers pass in either direction, and what those of our own say. Pure.

Headers are ASGI's: pairs of bytes, names in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from conversations.doors.proxy.address import KEY_MARK

Headers = list[tuple[bytes, bytes]]
OURS = b"x-misfire-"
# RFC 9110 §7.6.1, and what either side computes anew.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer"
    b" transfer-encoding upgrade http2-settings".split()
)
# Cookies are the console's own here, a forwarded address is that of the client.
NOT_SENT = HOP_BY_HOP | frozenset(
    b"host content-length expect cookie accept-encoding x-forwarded-for x-forwarded-host"
    b" x-forwarded-proto x-forwarded-port x-real-ip forwarded".split()
)
NOT_ANSWERED = HOP_BY_HOP | frozenset(
    b"set-cookie content-security-policy x-content-type-options strict-transport-security"
    b" clear-site-data service-worker-allowed alt-svc".split()
)
# A provider's page must not become a page of the console in somebody's browser.
HARMLESS: Headers = [
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
]
CREDENTIALS = (b"authorization", b"x-api-key", b"api-key")
DECODABLE = ("gzip", "deflate")


@dataclass(frozen=True, slots=True)
class Marks:
    """What the client says of a turn in headers of ours, and the key that it shows."""

    key: str = field(default="", repr=False)
    conversation: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    environment: str = ""


def read_marks(headers: Headers) -> Marks:
    """Texts may be percent-encoded UTF-8, as headers carry no other letters than ASCII's."""
    found = {name: value for name, value in headers if name.startswith(OURS)}

    def text(name: bytes, longest: int) -> str:
        value = unquote(found.get(OURS + name, b"").decode("utf-8", "replace"))
        return value.replace("\0", "").strip()[:longest]

    tags = (tag.strip()[:200] for tag in text(b"tags", 5000).split(","))
    return Marks(
        key=found.get(OURS + b"key", b"").decode("ascii", "replace").strip() or _shown(headers),
        conversation=text(b"conversation", 300),
        user=text(b"user", 300),
        tags=tuple(dict.fromkeys(tag for tag in tags if tag))[:20],
        environment=text(b"environment", 60),
    )


def _shown(headers: Headers) -> str:
    """A project key where an SDK puts the provider's."""
    for name, value in headers:
        if name in CREDENTIALS and (secret := secret_in(value)).startswith(KEY_MARK):
            return secret
    return ""


def secret_in(value: bytes) -> str:
    """The key in the value of an authorization or key header."""
    text = value.decode("latin-1").strip()
    scheme, _, rest = text.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else text


def secrets_in(headers: Headers) -> list[str]:
    """The provider's keys that the client sends; a project key is none."""
    found = [secret_in(value) for name, value in headers if name in CREDENTIALS]
    return [secret for secret in found if secret and not secret.startswith(KEY_MARK)]


def to_upstream(headers: Headers) -> Headers:
    """What the provider gets of the client's headers, the console's key not among them."""
    dropped = NOT_SENT | _named_by_connection(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name not in dropped
        and not name.startswith(OURS)
        and not (name in CREDENTIALS and _is_ours_or_empty(value))
    ]
    return [*kept, (b"accept-encoding", _encodings(headers))]


def _is_ours_or_empty(value: bytes) -> bool:
    secret = secret_in(value)
    return not secret or secret.startswith(KEY_MARK)


def _encodings(headers: Headers) -> bytes:
    """Of the client's encodings those that can be read for the record."""
    asked = b",".join(value for name, value in headers if name == b"accept-encoding").decode()
    names = [part.strip() for part in asked.split(",")]
    kept = [name for name in names if name.split(";")[0].strip().lower() in DECODABLE]
    return ", ".join(kept).encode() or b"identity"


def to_client(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What the client gets of the provider's headers."""
    given = [(name.lower(), value) for name, value in headers]
    dropped = NOT_ANSWERED | _named_by_connection(given)
    return [pair for pair in given if pair[0] not in dropped] + HARMLESS


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    """Headers that the Connection header names are of this hop, too."""
    return frozenset(
        name.strip().lower()
        for header, value in headers
        if header == b"connection"
        for name in value.split(b",")
    )


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """The first value of a header, "" without one."""
    return next((v.decode("latin-1") for n, v in headers if n.lower() == name), "")
