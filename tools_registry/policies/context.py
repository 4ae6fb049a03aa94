"""What a rule may know of a call beside its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

MOST_CALLS = 500
"""Earlier calls that a rule can look at, the newest of them; ``count`` counts all."""
LONGEST_TEXT = 5_000


@dataclass(frozen=True, slots=True)
class CallContext:
    """The conversation up to the call, and who speaks.

    ``calls`` are the names of the conversation's earlier calls, oldest first; ``count`` is how
    many there were where ``calls`` holds only the newest. ``last_user`` is the text of the
    user's last message.
    """

    calls: Sequence[str] = ()
    count: int | None = None
    last_user: str = ""
    user: str = ""
    environment: str = ""

    def after(self, names: Sequence[str]) -> CallContext:
        """The context once these calls were made as well."""
        count = len(self.calls) if self.count is None else self.count
        return replace(self, calls=[*self.calls, *names], count=count + len(names))
