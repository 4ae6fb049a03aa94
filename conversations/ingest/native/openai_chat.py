"""OpenAI chat completions, and what is compatible with them: verbatim, legacy functions named.

Reference: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import error_of, items, obj, text
from conversations.ingest.native.canonical import (
    NativeAnswer,
    NativeRequest,
    named_choice,
    read_tools,
    with_role,
    without,
)
from conversations.ingest.notes import Note

SPOKEN = ("messages", "tools", "tool_choice", "functions", "function_call", "model", "user")


def read_request(body: Mapping[str, Any]) -> NativeRequest:
    messages = [with_role(one) for one in items(body.get("messages")) if isinstance(one, dict)]
    tools, notes = _tools(body)
    choice = body.get("tool_choice")
    if choice is None and "function_call" in body:
        forced = body["function_call"]
        choice = named_choice(forced.get("name")) if isinstance(forced, Mapping) else forced
    return NativeRequest(
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parameters=without(body, *SPOKEN),
        model=text(body.get("model")),
        user=text(body.get("user")),
        notes=notes,
    )


def _tools(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]] | None, tuple[Note, ...]]:
    if isinstance(body.get("tools"), list):
        return read_tools(body["tools"])
    if isinstance(body.get("functions"), list):
        functions = [one for one in body["functions"] if isinstance(one, dict)]
        return [{"type": "function", "function": function} for function in functions], ()
    return None, ()


def read_answer(body: Mapping[str, Any]) -> NativeAnswer:
    choices = [one for one in items(body.get("choices")) if isinstance(one, dict)]
    first = choices[0] if choices else {}
    message = first.get("message")
    notes = []
    if len(choices) > 1:
        notes.append(Note("choices_left_out", f"The first of {len(choices)} answers is stored."))
    error = body.get("error") or first.get("error")
    return NativeAnswer(
        message=with_role(message, "assistant") if isinstance(message, dict) else None,
        finish_reason=text(first.get("finish_reason")) or None,
        usage=obj(body.get("usage")) or None,
        model=text(body.get("model")),
        error=said_error(error) if error else None,
        notes=tuple(notes),
    )


def said_error(error: Any) -> dict[str, Any]:
    """A provider's error as {code, message, raw}."""
    read = error_of(error)
    return {"code": read.code, "message": read.message, "raw": read.raw}
