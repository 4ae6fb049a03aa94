"""The rules by which message lists become linear storage: their names and their keys. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from console.lib import json

MessageList = Sequence[Mapping[str, Any]]


def digests(messages: MessageList, after: str = "") -> list[str]:
    """The name of the list after each message: SHA-256 over the name before it and its JSON.

    ``after`` is the name of the list that the messages go on from, so that a turn's names
    follow from its own messages and its parent's ``prefix_hash``.
    """
    return chain([json.dump(message).encode() for message in messages], after)


def chain(texts: Sequence[bytes], after: str = "") -> list[str]:
    """``digests`` of messages that are JSON text already."""
    name, found = after, []
    for text in texts:
        name = hashlib.sha256(name.encode() + text).hexdigest()
        found.append(name)
    return found


def key_of(project: int, key: str) -> UUID:
    """The key under which an application's own id of a turn is known once in its project."""
    digest = hashlib.sha256(f"{project}\x1f{key}".encode("utf-8", "surrogatepass")).digest()
    return UUID(bytes=digest[:16])


def count_users(messages: MessageList) -> int:
    """How many messages are the user's: it tells one request of theirs from the next."""
    return sum(message.get("role") == "user" for message in messages)
