"""One call of a conversation as it was recorded, and as it is compared with others."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from console.lib import json
from tools_registry import canonical
from tools_registry.validation.findings import VerdictValue
from tools_registry.validation.outcome import Outcome, read_outcome


@dataclass(slots=True)  # not frozen: many are made
class PastCall:
    """One call of a conversation, as it was recorded.

    ``turn`` is the turn's number and grows along the conversation; ``position`` the call's
    place in the turn, from 0. ``request`` tells user requests apart: the number of user
    messages up to the turn. ``status`` is ok, error, timeout, rate_limited, or nothing where
    nobody said; ``result`` the answer's text, None while none came. ``verdict`` is that of the
    layers before.
    """

    turn: int
    position: int
    name: str
    arguments: str
    at: datetime | None = None
    status: str | None = None
    result: str | None = None
    verdict: VerdictValue = "accepted"
    request: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A call with what became of it and the hash of its tool and canonical arguments."""

    call: PastCall
    outcome: Outcome
    key: bytes

    @property
    def failed(self) -> bool:
        """A call that failed, or was rejected and never ran."""
        rejected = self.outcome.kind == "pending" and self.call.verdict == "rejected"
        return self.outcome.kind == "failed" or rejected

    @property
    def settled(self) -> bool:
        """Whether a result had come that gave no reason to try again."""
        return self.outcome.kind != "pending" and not self.outcome.transient

    @property
    def error(self) -> str:
        if self.outcome.kind == "failed":
            return f"{self.outcome.code} {_same_error(self.outcome.error)}"
        return "rejected"


def look_at(call: PastCall) -> Seen:
    return Seen(call, read_outcome(call.status, call.result), _key(call))


def _key(call: PastCall) -> bytes:
    """What makes two calls equal: tool and arguments in canonical JSON, raw where unreadable."""
    try:
        text = canonical.dumps(json.load(call.arguments.strip() or "{}"))
    except (ValueError, RecursionError):
        text = call.arguments.strip().encode("utf-8", "surrogatepass")
    name = call.name.encode("utf-8", "surrogatepass")
    return hashlib.sha256(name + b"\0" + text).digest()


_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\b[0-9a-f]{16,}\b|"
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\w+_[A-Za-z0-9]{16,}\b"
)


def _same_error(error: str) -> str:
    """An error's text without the ids and times that differ each time."""
    return " ".join(_VARYING.sub("…", error[:2000]).casefold().split())
