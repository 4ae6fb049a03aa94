"""OpenAI Responses that go on from an earlier one by its id: the provider keeps the messages.

The answer's id is known as another key of its turn, so that the request which names it is stored
as what the provider saw: the earlier messages, the earlier answer, then its own. Instructions do
not carry over. https://platform.openai.com/docs/guides/conversation-state
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from console.accounts.models import Project
from console.lib import json, uuid7
from conversations.doors.proxy.capture import Capture
from conversations.ingest.record import TurnRecord
from conversations.ingest.store import rows
from conversations.models import Turn, TurnKey
from conversations.recording import rebuild_messages
from conversations.storage import key_of

PROTOCOL = "openai.responses"
_ID = re.compile(rb'"id"\s*:\s*"(resp_[A-Za-z0-9_-]{1,200})"')
_HEAD = 16 * 1024


class Before(NamedTuple):
    """What a response that is named stood for."""

    conversation: str
    messages: list[Any]


def id_of(capture: Capture) -> str:
    """The id of a Responses answer, "" where there is none."""
    head = b""
    for _, chunk in capture.chunks:
        head += chunk
        if len(head) > _HEAD:
            break
    found = _ID.search(head[:_HEAD]) if capture.protocol == PROTOCOL else None
    return found[1].decode() if found else ""


def continue_turns(
    project: Project, captures: Sequence[Capture], records: Sequence[TurnRecord]
) -> list[TurnRecord]:
    """The records with what their requests leave to the provider, where that is known here."""
    if not any(_previous(record) for record in records):
        return list(records)
    known = _read(project, {_previous(record) for record in records} - {""})
    done: dict[str, TurnRecord] = {}
    for capture, record in sorted(zip(captures, records, strict=True), key=lambda one: one[1].at):
        before = known.get(_previous(record))
        if before is not None:
            record = _continue(capture, record, before)
        done[capture.id] = record
        if answered := id_of(capture):
            known[answered] = Before(record.conversation, _with_answer(record))
    return [done[capture.id] for capture in captures]


def know_responses(
    project: Project, captures: Iterable[Capture], records: Iterable[TurnRecord]
) -> None:
    """Make stored turns known by the ids of their answers."""
    claims = [
        (_key(project, answered), uuid7.of(record.at, str(project.pk), record.id))
        for capture, record in zip(captures, records, strict=True)
        if (answered := id_of(capture))
    ]
    rows.claim_keys(project.pk, claims)


def _previous(record: TurnRecord) -> str:
    named = record.request.parameters.get("previous_response_id")
    return named if record.protocol == PROTOCOL and isinstance(named, str) else ""


def _key(project: Project, answered: str) -> Any:
    return key_of(project.pk, f"response\x1e{answered}")


def _read(project: Project, ids: Iterable[str]) -> dict[str, Before]:
    by_key = {_key(project, one): one for one in ids}
    turns = dict(TurnKey.objects.filter(pk__in=by_key).values_list("turn_id", "pk"))
    found = Turn.objects.filter(pk__in=turns, project=project).select_related("conversation")
    return {
        by_key[turns[turn.pk]]: Before(
            turn.conversation.key, [*rebuild_messages(turn), *_answer(json.load(turn.response))]
        )
        for turn in found
        if turn.response
    }


def _with_answer(record: TurnRecord) -> list[Any]:
    message = record.response.message if record.response else None
    return [*record.request.messages, *_answer(message)]


def _answer(message: Any) -> list[Any]:
    return [message] if message else []


def _continue(capture: Capture, record: TurnRecord, before: Before) -> TurnRecord:
    own = list(record.request.messages)
    instructions = [one for one in own[:1] if one.get("role") == "system"]
    first = before.messages[:1]
    earlier = before.messages[1:] if first and first[0].get("role") == "system" else before.messages
    messages = [*instructions, *earlier, *own[len(instructions) :]]
    notes = tuple(note for note in record.notes if note.code != "request_not_recorded")
    update = {"request": record.request.model_copy(update={"messages": messages}), "notes": notes}
    if not capture.conversation:
        update["conversation"] = before.conversation
    return record.model_copy(update=update)
