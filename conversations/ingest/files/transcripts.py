"""Plain chat transcripts: one turn for each assistant message, asked with all before it.

``{id, messages, tools, model, expected…}``, messages in OpenAI chat form with tool messages, the
legacy form included. Tool messages after the last answer become its results.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations.assembly.payload import obj, text
from conversations.ingest.files.exchanges import time_of
from conversations.ingest.files.source import TIME_UNKNOWN, Format, Item, Source
from conversations.ingest.native import clean
from conversations.ingest.native.canonical import read_tools
from conversations.ingest.notes import Note
from conversations.ingest.record import BadRecord, ToolResult, TurnRecord, build_record

RESULT_ROLES = ("tool", "function")


def reads(data: dict[str, Any]) -> bool:
    messages = data.get("messages")
    return isinstance(messages, list) and all(
        isinstance(message, dict) and isinstance(message.get("role"), str) for message in messages
    )


def read(data: dict[str, Any], line: int, source: Source) -> Iterator[Item]:
    messages = _messages(data, source)
    answers = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
    if not answers:
        yield BadRecord(
            "no_answer",
            "No message is the assistant's, so there is no turn. Import it as a suite of cases.",
            "/messages",
        )
        return
    base = _base(data, line, source)
    try:
        for number, place in enumerate(answers):
            yield _turn(data, base, messages, place, number, last=place == answers[-1])
    except BadRecord as error:
        yield error


def _messages(data: dict[str, Any], source: Source) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = data["messages"]
    prompt = source.prompts.get(text(data.get("system_ref")))
    if prompt is None or (messages and messages[0]["role"] in ("system", "developer")):
        return messages
    return [{"role": "system", "content": prompt}, *messages]


def _base(data: dict[str, Any], line: int, source: Source) -> dict[str, Any]:
    """What all turns of the transcript share."""
    at = time_of(data) or _started(data)
    model = text(data.get("model"))
    tools, notes = read_tools(data["tools"]) if isinstance(data.get("tools"), list) else (None, ())
    unknown = () if model else (Note("model_unknown", "The transcript does not name the model."),)
    return {
        "id": clean(text(data.get("id")) or f"{source.name}:{line}", 280),
        "at": at or source.at,
        "model": clean(model, 200) or "unknown",
        "provider": clean(text(data.get("provider")), 60),
        "tools": tools,
        "notes": (*notes, *unknown, *(() if at else (TIME_UNKNOWN,))),
    }


def _started(data: dict[str, Any]) -> datetime | None:
    """``timing.start``; a time without its zone is taken for UTC."""
    try:
        start = datetime.fromisoformat(text(obj(data.get("timing")).get("start")))
        return start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _turn(
    data: dict[str, Any],
    base: dict[str, Any],
    messages: list[dict[str, Any]],
    place: int,
    number: int,
    *,
    last: bool,
) -> TurnRecord:
    after = messages[place + 1 :]
    results, left = _results(after) if last else ((), [])
    notes = list(base["notes"])
    if left:
        roles = ", ".join(dict.fromkeys(one["role"] for one in left))
        detail = f"{len(left)} messages after the last answer were left out ({roles})."
        notes.append(Note("trailing_messages", detail))
    return build_record(
        {
            "id": f"{base['id']}#{number + 1}",
            "conversation": base["id"],
            # Apart by a millisecond, so that turns keep their order in time.
            "at": base["at"] + timedelta(milliseconds=number),
            "model": base["model"],
            "provider": base["provider"],
            "request": {
                "messages": messages[:place],
                "tools": base["tools"],
                "tool_choice": data.get("tool_choice"),
                "parameters": obj(data.get("parameters")),
            },
            "response": {"message": messages[place]},
            "tool_results": results,
            "expected": _expected(data, last=last, alone=number == 0),
            "notes": notes,
        }
    )


def _results(
    after: list[dict[str, Any]],
) -> tuple[tuple[ToolResult, ...], list[dict[str, Any]]]:
    """The tool messages that follow the last answer, in order, and what follows them."""
    results: list[ToolResult] = []
    for message in after:
        if message["role"] not in RESULT_ROLES:
            break
        call_id, name = message.get("tool_call_id"), message.get("name")
        results.append(
            ToolResult(
                call_id=call_id if isinstance(call_id, str) else None,
                name=name if isinstance(name, str) else None,
                position=len(results),
                content=message.get("content"),
            )
        )
    return tuple(results), after[len(results) :]


def _expected(data: dict[str, Any], *, last: bool, alone: bool) -> dict[str, Any] | None:
    """What the transcript expects: of its turn where it is one, else of the whole conversation,
    which is said at its last turn."""
    expected = data.get("expected")
    if not isinstance(expected, dict) or not last:
        return None
    return expected if alone else {**expected, "scope": "conversation"}


FORMAT = Format("transcripts", "Chat transcripts with tool messages", reads, read)
