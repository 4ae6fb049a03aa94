"""What the rules of a policy may know of a call: the conversation up to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations.ingest.store.results import calls_of, last_user_of, name_call
from tools_registry.policies.context import CallContext


def context_of(messages: Sequence[Any], *, user: str = "", environment: str = "") -> CallContext:
    """The context of a call that answers these messages, in OpenAI chat form."""
    answers = [one for one in messages if isinstance(one, dict) and one.get("role") == "assistant"]
    names = [name_call(call).name for answer in answers for call in calls_of(answer)]
    return CallContext(names, len(names), last_user_of(messages), user, environment)


__all__ = ["context_of", "last_user_of"]
