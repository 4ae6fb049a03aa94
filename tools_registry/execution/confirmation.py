"""A person's word that a destructive call may be made: for exactly this call, once, soon.

The token is signed over the project, the user, the tool version and the arguments that would be
sent, so that what was shown is what runs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.core import signing

from tools_registry import canonical
from tools_registry.execution import valkey

LASTS_S = 600
"""How long a confirmation counts."""
_SALT = "tools_registry.execution.confirmation"


class Unconfirmed(Exception):
    """A destructive call that may not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is confirmed: a call of a tool version with these arguments, by this user."""

    project: int
    user: str
    version: str
    arguments: Any

    @property
    def digest(self) -> str:
        whole = {
            "project": self.project,
            "user": self.user,
            "version": self.version,
            "arguments": self.arguments,
        }
        return hashlib.sha256(canonical.dumps(whole)).hexdigest()


def confirm(subject: Subject) -> str:
    """The token; to be made only where a person has just agreed to what was shown."""
    return signing.dumps(subject.digest, salt=_SALT)


async def spend(token: str | None, subject: Subject) -> None:
    """Take the token for the call. Raises ``Unconfirmed`` without one that counts."""
    if not token:
        raise Unconfirmed("it was not confirmed")
    try:
        digest = signing.loads(token, salt=_SALT, max_age=LASTS_S)
    except signing.SignatureExpired:
        raise Unconfirmed("the confirmation is older than 10 minutes: confirm it again") from None
    except signing.BadSignature:
        raise Unconfirmed("the confirmation is not one of this server") from None
    if digest != subject.digest:
        raise Unconfirmed("the confirmation is for another call: confirm what would be sent now")
    try:
        async with valkey.connected() as client:
            key = valkey.name_key("confirmed", subject.project, token)
            if not await client.set(key, 1, nx=True, ex=LASTS_S):
                raise Unconfirmed("the confirmation was used already: confirm it again")
    except valkey.Away:
        reason = "Valkey does not answer, so nothing says whether the confirmation was used already"
        raise Unconfirmed(reason) from None
