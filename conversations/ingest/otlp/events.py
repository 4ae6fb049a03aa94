"""The older per-message events of the GenAI conventions, wherever they stand.

They come as span events, as log records, and as one JSON attribute ``events`` (Pydantic AI and
Logfire). The body is the event's own object; in span events its members are attributes, lists
and objects in them as JSON text.
https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversations.assembly.payload import items, obj, text
from conversations.ingest.native.canonical import not_carried
from conversations.ingest.notes import Note
from conversations.ingest.otlp import genai
from conversations.ingest.otlp.content import Content, read_call, read_list, structured
from conversations.ingest.otlp.values import Span

ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.developer.message": "developer",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE = "gen_ai.choice"
DETAILS = "gen_ai.client.inference.operation.details"
OF_THE_EVENT = frozenset(["event.name", "gen_ai.system", "gen_ai.message.index", "event.domain"])


def speaks(event: str) -> bool:
    return event in ROLES or event in (CHOICE, DETAILS)


def read_event(event: str, body: Any, attributes: Mapping[str, Any]) -> Content:
    """What one event says; ``attributes`` are those of the log record or span event."""
    if event == DETAILS:
        return genai.read_content({**attributes, **obj(body)})
    fields = body if isinstance(body, dict) else {"content": body} if body else {}
    fields = {key: value for key, value in fields.items() if key not in OF_THE_EVENT}
    notes: list[Note] = []
    if event == CHOICE:
        return _choice(fields, notes)
    message = _message(ROLES[event], fields, notes)
    return Content(messages=[message], notes=tuple(notes))


def _choice(fields: dict[str, Any], notes: list[Note]) -> Content:
    said = structured(fields.get("message"))
    if isinstance(said, str):
        said = {"content": said}
    inner = {key: fields[key] for key in ("content", "tool_calls") if key in fields}
    message = _message("assistant", inner | obj(said), notes)
    index = fields.get("index")
    return Content(
        message=message if index in (0, None) else None,
        finish_reason=text(fields.get("finish_reason")) or None if index in (0, None) else None,
        choices=1,
        notes=tuple(notes),
    )


def _message(role: str, fields: dict[str, Any], notes: list[Note]) -> dict[str, Any]:
    fields = dict(fields)
    message: dict[str, Any] = {"role": text(fields.pop("role", "")) or role}
    if message["role"] == "tool" and "id" in fields:
        message["tool_call_id"] = fields.pop("id")
    calls = structured(fields.pop("tool_calls", None))
    if "content" not in fields:
        message["content"] = None
        if not calls and role != "assistant":
            notes.append(Note("content_not_recorded", "A message was recorded without its text."))
    message |= {
        key: value for key, value in fields.items() if key not in ("index", "finish_reason")
    }
    if calls:
        message["tool_calls"] = [read_call(call, notes) for call in items(calls)]
    return message


def merge(contents: list[Content]) -> Content:
    """Events in their order as one content: messages in a row, the first choice answers."""
    whole = Content()
    messages: list[dict[str, Any]] = []
    choices = 0
    for content in contents:
        if content.choices:
            choices += 1
        elif content.messages and content.message is None:
            messages.extend(content.messages)
            content = Content(notes=content.notes)
        whole = whole.filled_by(content)
    return Content(messages=messages or None, choices=choices).filled_by(whole)


def read_content(span: Span) -> Content:
    """The content of the events on a span: its own, or those of its ``events`` attribute."""
    contents = [
        read_event(event.name, dict(event.attributes), event.attributes)
        for event in span.events
        if speaks(event.name)
    ]
    listed, notes = read_list(span.attributes, "events")
    for entry in listed or ():
        name = text(obj(entry).get("event.name"))
        if speaks(name):
            contents.append(read_event(name, entry, entry))
        elif name:
            notes.append(not_carried(f"an event {name}"))
    return merge(contents).noted(*notes)
