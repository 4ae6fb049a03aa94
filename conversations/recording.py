"""Storing turns and their calls with linear space, and rebuilding whole requests from them.

A turn keeps the messages that are new since its parent; ``prefix_hash`` names the whole
list, so the parent of a request is the turn whose list is its longest beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Count, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json, uuid7
from console.lib.fields import to_stored
from conversations import wire
from conversations.assembly import message_of
from conversations.models import Connection, Conversation, ToolCall, Turn, TurnWire
from conversations.parts import Answer
from conversations.providers import Ask
from conversations.rounds import Round
from conversations.storage import MessageList, count_users, digests
from tools_registry.dialects import UnreadableTool, read_tool
from tools_registry.models import Toolset
from tools_registry.registry import record_toolset, register
from tools_registry.validation.findings import Finding, worst


@dataclass(frozen=True)
class Parent:
    """The turn that a request goes on from: its id and how many messages its list has."""

    id: UUID
    count: int


def find_parent(conversation: Conversation, messages: MessageList) -> Parent | None:
    """The newest turn whose whole message list is the longest beginning of ``messages``."""
    lengths = {digest: count for count, digest in enumerate(digests(messages), 1)}
    found = (
        Turn.objects.filter(conversation=conversation, prefix_hash__in=list(lengths))
        .order_by("-message_count", "-number")
        .values_list("pk", "prefix_hash")
        .first()
    )
    return Parent(found[0], lengths[found[1]]) if found else None


def turn_key(run: UUID, number: int) -> str:
    """The idempotency key of a run's n-th turn."""
    return f"run:{run}:{number}"


def keep_toolset(
    project: Project, tools: Sequence[Mapping[str, Any]], versions: Sequence[int | None]
) -> Toolset:
    """The toolset of a request whose tools are, in part, known versions.

    What a model is told of a version lacks its output schema and annotations, so that it
    could not be recognised from the request alone.
    """
    text = json.dump(list(tools))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not Toolset.objects.filter(project=project, hash=digest).exists():
        ids = [
            known if known is not None else _observe(project, tool)
            for tool, known in zip(tools, versions, strict=True)
        ]
        Toolset.objects.get_or_create(
            project=project, hash=digest, defaults={"wire": text, "versions": ids}
        )
    return record_toolset(project, tools)


def _observe(project: Project, tool: Mapping[str, Any]) -> int:
    try:
        spec = read_tool(tool)
        return register(project, spec, origin="observed")[0].pk if spec else 0
    except UnreadableTool:
        return 0


@dataclass(frozen=True)
class Asked:
    """A model call as it is made; ``key`` is its turn's idempotency key."""

    key: str
    at: datetime
    ask: Ask
    protocol: str

    def turn_of(self, project: Project) -> UUID:
        return uuid7.of(self.at, str(project.pk), self.key)


@dataclass(frozen=True)
class TurnStart:
    """A model call and where its turn belongs."""

    project: Project
    conversation: UUID
    connection: Connection
    asked: Asked
    toolset: int | None
    parent: Parent | None
    routed: str = ""


def begin_turn(start: TurnStart) -> None:
    """Store the request of a turn, as running. Twice is the same row."""
    with transaction.atomic():
        held = Conversation.objects.select_for_update().get(pk=start.conversation)
        row = turn_row(start, held.turn_count + 1)
        if Turn.objects.filter(pk=row.pk).exists():
            return
        row.save(force_insert=True)
        held.turn_count += 1
        held.last_at = timezone.now()
        held.save(update_fields=["turn_count", "last_at"])


def turn_row(start: TurnStart, number: int) -> Turn:
    """The row of a turn that runs, not stored yet."""
    asked, parent = start.asked, start.parent
    messages = list(asked.ask.messages)
    inherited = parent.count if parent else 0
    return Turn(
        id=asked.turn_of(start.project),
        project=start.project,
        conversation_id=start.conversation,
        parent_id=parent.id if parent else None,
        number=number,
        key=asked.key,
        at=asked.at,
        source="playground",
        status="running",
        provider=start.connection.name,
        protocol=asked.protocol,
        model=asked.ask.model,
        connection=start.connection,
        toolset_id=start.toolset,
        messages=json.dump(messages[inherited:]),
        message_count=len(messages),
        inherited_count=inherited,
        user_count=count_users(messages),
        prefix_hash=digests(messages)[-1],
        parameters=json.dump(parameters_of(asked.ask)),
        notes=json.dump([{"code": "routed", "detail": f"{start.routed}."}] if start.routed else []),
    )


def parameters_of(ask: Ask) -> dict[str, Any]:
    """The canonical request without its model, messages and tools."""
    choice = {} if ask.tool_choice is None else {"tool_choice": ask.tool_choice}
    return {**choice, **ask.parameters, "stream": ask.stream}


@dataclass
class TurnEnd:
    """What became of a model call. ``error`` is a fault's JSON; ``chunks`` all that arrived;
    ``notes`` what of the request was not sent."""

    turn: UUID
    round: Round
    status: str
    request: bytes = b""
    chunks: wire.Packer = field(default_factory=wire.Packer)
    error: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


def finish_turn(end: TurnEnd) -> None:
    """Store the answer, its wire and its calls. Twice gives the same rows."""
    with transaction.atomic():
        turn = Turn.objects.select_for_update().get(pk=end.turn)
        _set_answer(turn, end)
        turn.save()
        TurnWire.objects.bulk_create([_wire_row(turn, end)], ignore_conflicts=True)
        ToolCall.objects.bulk_create(_calls(turn, end.round), ignore_conflicts=True)
        _tell_conversation(turn)


def _wire_row(turn: Turn, end: TurnEnd) -> TurnWire:
    return TurnWire(
        turn_id=turn.pk,
        project_id=turn.project_id,
        request=wire.pack_request(end.request),
        chunks=end.chunks.packed(),
    )


def _set_answer(turn: Turn, end: TurnEnd) -> None:
    told, answer = end.round, end.round.answer
    findings = told.all_findings
    turn.status = end.status
    turn.response = json.dump(reply_of(answer, told.number)) if answer.choices else ""
    turn.error = json.dump(end.error) if end.error else ""
    turn.finish_reason = (answer.first.finish_reason or "")[:60]
    turn.findings = json.dump([finding.to_json() for finding in told.findings])
    turn.codes = _codes(findings)
    turn.verdict = worst(findings)
    turn.latency_ms, turn.first_token_ms = told.latency_ms, told.first_token_ms
    if usage := answer.usage:
        turn.input_tokens, turn.output_tokens = usage.input_tokens, usage.output_tokens
        turn.cached_input_tokens = usage.cached_input_tokens
        turn.cache_write_tokens = usage.cache_write_tokens
        turn.reasoning_tokens = usage.reasoning_tokens
        turn.usage = json.dump(dict(usage.raw))
    turn.cost = told.price.cost
    turn.price = json.dump(told.price.snapshot)
    if notes := notes_of(end.notes, answer):
        turn.notes = json.dump([*json.load(turn.notes), *notes])


def notes_of(left_out: Sequence[str], answer: Answer) -> list[dict[str, Any]]:
    """What a turn notes: what of the request was not sent, and what the assembly decided."""
    notes: list[dict[str, Any]] = [
        {"code": "part_not_carried", "detail": detail} for detail in left_out
    ]
    for decision in answer.decisions:
        detail = f"{decision.code}: {decision.message}."
        found = {"code": "assembly_decision", "detail": detail, "decision": decision.to_json()}
        notes.append(found)
    return notes


def _codes(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in findings))


def call_id(turn: Turn, position: int) -> UUID:
    return uuid7.of(turn.at, str(turn.project_id), turn.key, str(position))


def _calls(turn: Turn, told: Round) -> list[ToolCall]:
    rows = []
    for position, judged in enumerate(told.judged):
        version = told.version_of(judged.call.name)
        rows.append(
            ToolCall(
                id=call_id(turn, position),
                project_id=turn.project_id,
                conversation_id=turn.conversation_id,
                turn_id=turn.pk,
                position=position,
                at=turn.at,
                call_id=judged.call.id or "",
                name=judged.call.name,
                arguments=judged.call.arguments,
                tool_version_id=version[0] if version else None,
                model=turn.model,
                verdict=judged.verdict.value,
                findings=json.dump([f.to_json() for f in judged.verdict.findings]),
                layers=[
                    {**layer.to_json(), "note": to_stored(layer.note)}
                    for layer in judged.verdict.layers
                ],
                codes=_codes(judged.verdict.findings),
            )
        )
    return rows


def _tell_conversation(turn: Turn) -> None:
    """Its count of calls, its worst verdict and its newest time, in one statement."""
    calls = (
        ToolCall.objects.filter(conversation_id=OuterRef("pk"))
        .order_by()
        .values("conversation_id")
        .annotate(number=Count("pk"))
        .values("number")
    )
    Conversation.objects.filter(pk=turn.conversation_id).update(
        call_count=Coalesce(Subquery(calls), 0),
        verdict=_worse_of(turn.verdict),
        last_at=timezone.now(),
    )


def _worse_of(verdict: str) -> Case:
    """The verdict that is stored, or this one where it is worse."""
    kept = {"rejected": ["rejected"], "flagged": ["rejected", "flagged"]}
    worse = kept.get(verdict, ["rejected", "flagged", "accepted"])
    return Case(When(verdict__in=worse, then=F("verdict")), default=Value(verdict))


@dataclass(frozen=True)
class Result:
    """What a tool call was answered with, and by what."""

    content: str
    answered_by: str
    error: bool = False
    latency_ms: float | None = 0.0


def store_result(turn: UUID, position: int, result: Result) -> None:
    """Put an answer into its call's row."""
    ToolCall.objects.filter(turn_id=turn, position=position).update(
        status="error" if result.error else "ok",
        result=result.content,
        answered_by=result.answered_by,
        latency_ms=result.latency_ms,
    )


def reply_of(answer: Answer, number: int) -> dict[str, Any]:
    """The assistant message that goes into the next request; calls without an id get one."""
    message = message_of(answer)
    for index, call in enumerate(message.get("tool_calls", [])):
        if not call.get("id"):
            call["id"] = made_id(number, index)
    return message


def made_id(number: int, index: int) -> str:
    return f"call_{number}_{index}"


def results_of(answer: Answer, number: int, contents: Mapping[int, str]) -> list[dict[str, Any]]:
    """The messages that carry the results of a turn's calls; ``contents`` are by call index."""
    messages: list[dict[str, Any]] = []
    for call in answer.calls:
        content = contents[call.index]
        if call.type == "function_call" and answer.protocol == "openai.chat":
            messages.append({"role": "function", "name": call.name, "content": content})
        else:
            identity = call.id or made_id(number, call.index)
            messages.append({"role": "tool", "tool_call_id": identity, "content": content})
    return messages


_ANCESTORS = """
WITH RECURSIVE up (id, parent_id, messages, depth) AS (
  SELECT id, parent_id, messages, 1 FROM conversations_turn WHERE id = %s
  UNION ALL
  SELECT t.id, t.parent_id, t.messages, up.depth + 1
  FROM up JOIN conversations_turn t ON t.id = up.parent_id
) SELECT id, messages FROM up ORDER BY depth DESC
"""


def rebuild_messages(turn: Turn) -> list[dict[str, Any]]:
    """The whole message list of the turn's request."""
    links = [*Turn.objects.raw(_ANCESTORS, [turn.parent_id])] if turn.parent_id else []
    return [message for link in (*links, turn) for message in link.new_messages]


def rebuild_request(turn: Turn) -> dict[str, Any]:
    """The whole canonical request of a turn, equal to what was asked, key order kept."""
    request: dict[str, Any] = {"model": turn.model, "messages": rebuild_messages(turn)}
    if turn.toolset is not None:
        request["tools"] = turn.toolset.tools
    request.update(json.load(turn.parameters))
    return request
