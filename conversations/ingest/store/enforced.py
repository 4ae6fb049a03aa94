"""The published policies of a project, and what their rules may know of calls being stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from console.accounts.models import Project
from conversations.ingest.store.prepared import CallState
from tools_registry.policies import CallContext, CompiledPolicy
from tools_registry.policies.published import policies_for

if TYPE_CHECKING:
    from conversations.ingest.store.threads import Thread


class Enforced:
    """Asks for nothing that no rule names: without a policy it costs a look into a dict."""

    def __init__(self, project: Project) -> None:
        self._policies = policies_for(project)
        self._calls: dict[UUID, list[CallState]] = {}

    def policy_of(self, call: CallState) -> CompiledPolicy | None:
        return self._policies.get(call.name)

    def context_of(
        self,
        call: CallState,
        thread: Thread,
        said: Callable[[], str],
        *,
        user: str,
        environment: str,
    ) -> CallContext | None:
        """What the rules of the call's policy may know; ``said`` is the user's last message."""
        policy = self.policy_of(call)
        if policy is None or not policy.rules:
            return None
        names = self._names_before(call, thread) if policy.asks("conversation.c") else []
        last = said() if policy.asks("last_user") else ""
        return CallContext(names, None, last, user, environment)

    def _names_before(self, call: CallState, thread: Thread) -> list[str]:
        """The names of the conversation's calls before this one, oldest first."""
        known = self._calls.get(thread.head.id)
        if known is None:
            known = sorted(thread.calls, key=lambda one: (one.turn, one.position))
            self._calls[thread.head.id] = known
        own = (call.turn, call.position)
        return [one.name for one in known if (one.turn, one.position) < own]
