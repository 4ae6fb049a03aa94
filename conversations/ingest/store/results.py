"""Tool results that later requests carry: which message answers which call. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from console.lib import json


class Named(NamedTuple):
    """A call by what a message can name it by."""

    id: str
    name: str


class Carried(NamedTuple):
    """A result as a message carries it, for the call at ``position``."""

    position: int
    content: str
    failed: bool


def calls_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The calls of an assistant message, a legacy one included; what is none is left out."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return [call for call in calls if isinstance(call, Mapping)]
    legacy = message.get("function_call")
    if isinstance(legacy, Mapping) and legacy.get("name"):
        return [{"id": None, "type": "function_call", "function": legacy}]
    return []


def function_of(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is called: under ``function``, or ``custom`` for free-form input."""
    for key in ("function", "custom"):
        if isinstance(call.get(key), Mapping):
            return call[key]  # type: ignore[no-any-return]
    return {}


def name_call(call: Mapping[str, Any]) -> Named:
    identity, name = call.get("id"), function_of(call).get("name")
    return Named(
        identity if isinstance(identity, str) else "", name if isinstance(name, str) else ""
    )


def is_answer_of(message: Mapping[str, Any], calls: Sequence[Named]) -> bool:
    """Is this assistant message the answer that made these calls?"""
    said = [name_call(call) for call in calls_of(message)]
    if not said or len(said) != len(calls):
        return False
    same_ids = [one.id for one in said] == [one.id for one in calls]
    return same_ids or [one.name for one in said] == [one.name for one in calls]


def carried_results(calls: Sequence[Named], messages: Sequence[Mapping[str, Any]]) -> list[Carried]:
    """The results in the messages that follow an answer, up to the next answer.

    By id; where an id repeats, and by name in the legacy form, in the order of the calls.
    """
    open_positions = list(range(len(calls)))
    found = []
    for message in messages:
        role = message.get("role")
        if role == "assistant":
            break
        if role not in ("tool", "function"):
            continue
        position = _find(message, calls, open_positions)
        if position is not None:
            open_positions.remove(position)
            found.append(Carried(position, text_of(message.get("content")), _failed(message)))
    return found


def _find(
    message: Mapping[str, Any], calls: Sequence[Named], open_positions: Sequence[int]
) -> int | None:
    identity, name = message.get("tool_call_id"), message.get("name")
    if isinstance(identity, str) and identity:
        fits = [at for at in open_positions if calls[at].id == identity]
    elif isinstance(name, str) and name:
        fits = [at for at in open_positions if calls[at].name == name]
    else:
        fits = list(open_positions)
    return fits[0] if fits else None


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else json.dump(content)


def words_of(message: Mapping[str, Any]) -> str:
    """The text of a message; its parts as one."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return " ".join(text for text in texts if isinstance(text, str))


def last_user_of(messages: Sequence[Any]) -> str:
    """The text of the user's last message, "" where there is none."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return words_of(message)
    return ""


def _failed(message: Mapping[str, Any]) -> bool:
    return message.get("is_error") is True or message.get("status") == "error"
