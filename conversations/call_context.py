"""What the rules of a policy may know of a call: the conversation up to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations.ingest.store.results import calls_of, name_call, words_of
from tools_registry.policies.context import LONGEST_TEXT, CallContext


def context_of(messages: Sequence[Any], *, user: str = "", environment: str = "") -> CallContext:
    """The context of a call that answers these messages, in OpenAI chat form."""
    answers = [one for one in messages if isinstance(one, dict) and one.get("role") == "assistant"]
    names = [name_call(call).name for answer in answers for call in calls_of(answer)]
    return CallContext(names, len(names), last_user_of(messages), user, environment)


def last_user_of(messages: Sequence[Any]) -> str:
    """The text of the user's last message, "" where there is none."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return words_of(message)[:LONGEST_TEXT]
    return ""
