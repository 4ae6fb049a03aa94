"""Redaction of the pieces of traces, which are kept until they can be joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from conversations.ingest.otlp import LogFragment, ResultFragment, TurnFragment
from conversations.ingest.otlp.content import Content
from conversations.redaction import (
    Rules,
    note_of,
    redact,
    redact_arguments,
    redact_messages,
    redact_result,
)

Fragment = TurnFragment | ResultFragment | LogFragment


def hide_spoken(found: Iterable[Fragment], rules: Rules) -> list[Fragment]:
    """Turns and log records as they may be stored; results are left, as most are joined to a turn
    beside them and redacted with it."""
    if not rules:
        return list(found)
    return [_hide(one, rules) for one in found]


def _hide(one: Fragment, rules: Rules) -> Fragment:
    if isinstance(one, TurnFragment):
        return _hide_turn(one, rules)
    if isinstance(one, LogFragment):
        return replace(one, content=_hide_said(one.content, rules))
    return one


def _hide_turn(turn: TurnFragment, rules: Rules) -> TurnFragment:
    """The record and the content of a turn, which say the same."""
    record = redact(turn.record, rules)[0]
    if record is turn.record:
        return turn
    content = replace(turn.content, parameters=record.request.parameters)
    if content.messages is not None:
        content = replace(content, messages=record.request.messages)
    if content.message is not None and record.response is not None:
        content = replace(content, message=record.response.message)
    return replace(turn, record=record, content=content)


def _hide_said(content: Content, rules: Rules) -> Content:
    """The messages of a log record."""
    asked, answer = content.messages or [], content.message
    said, counts = redact_messages([*asked, answer] if answer else asked, rules)
    if not counts:
        return content
    hidden = replace(
        content,
        messages=content.messages and said[: len(asked)],
        message=said[-1] if answer else None,
    )
    return hidden.noted(note_of(counts))


def hide_result(result: ResultFragment, rules: Rules) -> ResultFragment:
    """A result that waits for its call."""
    if not rules:
        return result
    return replace(
        result,
        result=redact_result(result.result, rules),
        arguments=redact_arguments(result.arguments, rules),
    )
