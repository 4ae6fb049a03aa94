"""One exchange as the proxy saw it, and its form on disk. Pure.

On disk: one line of JSON, then the request and the answer as ``conversations.wire`` packs them.
No header of the request is kept; the provider's key is taken out of both bodies.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from console.lib import json
from conversations import wire

MASK = "•••".encode()
KEPT = 32 * 1024 * 1024
"""Bytes of one answer that are kept; more still pass."""
_VERSION = 1
End = Literal["open", "whole", "cancelled", "cut", "unanswered", "too_long"]


@dataclass(slots=True)
class Capture:
    """``chunks`` are raw, as (milliseconds since the request was sent, bytes).

    ``end`` is how it ended: whole, cancelled by the client, cut by the provider, unanswered
    (nothing listens there; the answer is the proxy's own), too long to be kept, or open while
    it has not. ``secrets`` are never written.
    """

    id: str
    at: datetime
    project: int
    api_key: int
    connection: int
    provider: str
    protocol: str
    request: bytes
    conversation: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    environment: str = ""
    guarded: tuple[str, ...] = ()
    status: int = 0
    streamed: bool = False
    encoding: str = ""
    latency_ms: float = 0.0
    end: End = "open"
    chunks: list[wire.Chunk] = field(default_factory=list)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    size: int = 0
    bucket: str = field(default="", repr=False, compare=False)
    """The key's hash: whose limit it counts against."""
    _packed: tuple[bytes, bytes] | None = field(default=None, repr=False, compare=False)

    def take(self, at: float, chunk: bytes) -> None:
        """Keep a chunk of the answer, as long as there is room for it."""
        self.size += len(chunk)
        if self.size > KEPT:
            self.end = "too_long"
        else:
            self.chunks.append((at, chunk))

    def packed(self) -> tuple[bytes, bytes]:
        """The request and the answer as ``conversations.wire`` packs them, without keys. The
        answer must have been decoded, and be whole (``read_answer``)."""
        if self._packed is None:
            request = wire.pack_request(scrub(self.request, self.secrets))
            self._packed = request, wire.pack(scrub_chunks(self.chunks, self.secrets))
        return self._packed

    @property
    def weight(self) -> int:
        """About how many bytes of memory it holds."""
        return len(self.request) + min(self.size, KEPT) + 100 * len(self.chunks) + 2000


def scrub(text: bytes, secrets: tuple[str, ...]) -> bytes:
    """Take keys out of bytes that are to be kept."""
    for secret in secrets:
        text = text.replace(secret.encode("latin-1"), MASK)
    return text


def scrub_chunks(chunks: list[wire.Chunk], secrets: tuple[str, ...]) -> list[wire.Chunk]:
    """The same for a stream: a key may lie across its chunks, which then become one."""
    whole = b"".join(chunk for _, chunk in chunks)
    scrubbed = scrub(whole, secrets)
    return chunks if scrubbed == whole else [(chunks[0][0], scrubbed)]


_NOT_IN_HEAD = ("request", "chunks", "secrets", "size", "at", "bucket", "_packed")


def to_bytes(capture: Capture) -> bytes:
    """The capture without keys. Its answer must have been decoded (``read_answer``)."""
    request, chunks = capture.packed()
    names = (one.name for one in fields(capture) if one.name not in _NOT_IN_HEAD)
    head: dict[str, Any] = {name: getattr(capture, name) for name in names}
    sizes = [len(request), len(chunks)]
    head |= {"version": _VERSION, "at": capture.at.isoformat(), "sizes": sizes}
    return json.dump(head).encode() + b"\n" + request + chunks


def from_bytes(data: bytes) -> Capture:
    """The inverse. Raises ValueError for bytes that ``to_bytes`` did not make."""
    line, newline, rest = data.partition(b"\n")
    try:
        head = json.load(line)
        if not newline or head.pop("version") != _VERSION:
            raise ValueError("of another version")
        size, rest_size = head.pop("sizes")
        if len(rest) != size + rest_size:
            raise ValueError("cut")
        request, chunks = wire.unpack_request(rest[:size]), wire.unpack(rest[size:])
        head |= {"at": datetime.fromisoformat(head["at"]), "tags": tuple(head["tags"])}
        head["guarded"] = tuple(head.get("guarded", ()))
        return Capture(request=request, chunks=chunks, size=sum(len(c) for _, c in chunks), **head)
    except Exception as error:
        raise ValueError(f"no capture: {error}") from error
