"""Conversations made for tests: turn records that go on from one another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.ingest.record import TurnRecord, read_record
from conversations.models import Conversation, ToolCall, Turn
from conversations.recording import rebuild_request
from tests.factories import WEATHER

TOOLS = [{"type": "function", "function": WEATHER}]
START = timezone.now().astimezone(UTC).replace(microsecond=0) - timedelta(hours=1)


def ask(city: str, identity: str = "call_1", name: str = "get_weather") -> dict[str, Any]:
    return {
        "id": identity,
        "type": "function",
        "function": {"name": name, "arguments": json.dump({"city": city})},
    }


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(*calls: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    return message | ({"tool_calls": list(calls)} if calls else {})


def tool(content: str, identity: str = "call_1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


def turn(
    identity: str,
    messages: Sequence[dict[str, Any]],
    answer: dict[str, Any] | None = None,
    *,
    conversation: str = "talk",
    at: datetime | None = None,
    after: float = 0,
    tools: list[Any] | None = TOOLS,
    **fields: Any,
) -> dict[str, Any]:
    """A record as an application sends it; ``after`` is in seconds from ``START``."""
    moment = at or START + timedelta(seconds=after)
    request: dict[str, Any] = {"messages": list(messages), "parameters": {"temperature": 0.5}}
    if tools is not None:
        request["tools"] = tools
    return {
        "id": identity,
        "conversation": conversation,
        "at": moment.isoformat(),
        "provider": "openai",
        "model": "gpt-4.1",
        "request": request,
        "response": {
            "message": answer or assistant(text="Fine."),
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 60, "completion_tokens": 12},
        },
        **fields,
    }


def talk(rounds: int, conversation: str = "talk", city: str = "Oslo") -> list[dict[str, Any]]:
    """Turns that each call a tool and go on with its result; every call has the same id."""
    messages = [{"role": "system", "content": "Be brief."}, user(f"Weather in {city}?")]
    made = []
    for number in range(rounds):
        answer = assistant(ask(f"{city} {number}"))
        identity = f"{conversation}-{number}"
        made.append(turn(identity, messages, answer, conversation=conversation, after=number))
        messages = [*messages, answer, tool(f"rain {number}"), user(f"And then, {number}?")]
    return made


def read(*bodies: dict[str, Any]) -> list[TurnRecord]:
    return [read_record(body) for body in bodies]


def rebuilt(project: Project) -> dict[str, dict[str, Any]]:
    """Every stored request by the record's id."""
    turns = Turn.objects.filter(project=project).select_related("toolset")
    return {one.key: rebuild_request(one) for one in turns}


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    """What ``rebuild_request`` gives for a record."""
    asked = body["request"]
    whole = {"model": body["model"], "messages": asked["messages"]}
    whole |= {"tools": asked["tools"]} if "tools" in asked else {}
    whole |= {"tool_choice": asked["tool_choice"]} if "tool_choice" in asked else {}
    return whole | asked.get("parameters", {})


def rows(project: Project) -> dict[str, Any]:
    """All that is stored of a project's turns, without the keys that are made at random."""
    talks = {
        pk: {"key": key, **rest}
        for pk, key, rest in (
            (
                one.pk,
                one.key,
                {
                    "title": one.title,
                    "turns": one.turn_count,
                    "calls": one.call_count,
                    "verdict": one.verdict,
                    "started": one.started_at,
                    "last": one.last_at,
                },
            )
            for one in Conversation.objects.filter(project=project)
        )
    }

    def plain(row: Any) -> dict[str, Any]:
        values = {
            field.attname: getattr(row, field.attname)
            for field in row._meta.concrete_fields
            if field.attname not in ("conversation_id", "project_id")
        }
        return {**values, "conversation": talks[row.conversation_id]["key"]}

    return {
        "conversations": sorted(talks.values(), key=lambda one: str(one["key"])),
        "turns": [plain(one) for one in Turn.objects.filter(project=project).order_by("id")],
        "calls": [plain(one) for one in ToolCall.objects.filter(project=project).order_by("id")],
    }
