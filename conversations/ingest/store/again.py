"""Judging stored calls again, after a rule changed: the former verdict stays beside the new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from console.accounts.models import Project
from console.lib import json
from conversations.expected import Said
from conversations.ingest.store import columns, heads, stored
from conversations.ingest.store.batch import read_stored
from conversations.ingest.store.conduct import judge_threads
from conversations.ingest.store.enforced import Enforced
from conversations.ingest.store.judging import Known, expect, judge_call
from conversations.ingest.store.lineage import Family
from conversations.ingest.store.prepared import CallState
from conversations.ingest.store.results import last_user_of
from conversations.ingest.store.threads import Thread
from conversations.ingest.store.toolsets import Offered, read_toolsets
from conversations.labels import judge_turn, read_said
from conversations.models import Label, Turn
from conversations.recording import rebuild_messages
from tools_registry.validation import Offer, validate_turn
from tools_registry.validation.expectation import CallMade
from tools_registry.validation.findings import Finding, worst

_OWN = frozenset(["assembly", "syntax", "offer", "schema", "rule", "content"])


def judge_again(project: Project, conversations: Sequence[UUID]) -> int:
    """Judge all calls and turns of these conversations as if they came now; how many calls have
    other findings than before."""
    with transaction.atomic():
        locked = heads.lock_of(project.pk, conversations)
        threads = [Thread(head, [], is_whole=True) for head in locked]
        read_stored(threads)
        before = {call.id: list(call.findings) for one in threads for call in one.held}
        _judge_turns(project, threads)
        now = timezone.now()
        judge_threads(threads, now)
        changed = [call for one in threads for call in one.held if call.findings != before[call.id]]
        stored.update_calls(changed)
        stored.keep_former([(call.id, _former(before[call.id], now)) for call in changed])
        stored.judge_turns_again([link.id for one in threads for link in one.links])
        heads.judge_heads_again([one.head.id for one in threads])
    return len(changed)


def _former(findings: Sequence[Finding], now: datetime) -> str:
    """What ``ToolCall.former`` holds: the judgement, and until when it stood."""
    told = [finding.to_json() for finding in findings]
    return columns.json_text(
        {"verdict": worst(findings), "findings": told, "until": now.isoformat()}
    )


def _judge_turns(project: Project, threads: Sequence[Thread]) -> None:
    known, enforced = Known(project), Enforced(project)
    for thread in threads:
        thread.family = Family(thread.links)
        calls: dict[UUID, list[CallState]] = {}
        for call in thread.held:
            calls.setdefault(call.turn, []).append(call)
        turns = list(
            Turn.objects.filter(conversation=thread.head.id, status="finished").only(
                "id",
                "toolset_id",
                "parameters",
                "findings",
                "response",
                "expected",
                "status",
                "user",
                "environment",
            )
        )
        labels: dict[UUID, list[Label]] = {}
        for label in Label.objects.filter(conversation=thread.head.id, superseded_at=None):
            labels.setdefault(label.turn_id, []).append(label)
        offers = read_toolsets({turn.toolset_id for turn in turns if turn.toolset_id})
        for turn in turns:
            own = calls.get(turn.pk, [])
            said = read_said(labels.get(turn.pk, []), [call.id for call in own])
            for call in own:
                _judge_call(call, turn, thread, offers, known, enforced)
            _judge_turn(turn, own, said, offers)


def _judge_call(
    call: CallState,
    turn: Turn,
    thread: Thread,
    offers: Mapping[int, Offered],
    known: Known,
    enforced: Enforced,
) -> None:
    choice: Any = json.load(turn.parameters).get("tool_choice")
    assembly = [one for one in call.findings if one.layer == "assembly"]
    context = enforced.context_of(
        call,
        thread,
        lambda: last_user_of(rebuild_messages(turn)),
        user=turn.user,
        environment=turn.environment,
    )
    verdict = judge_call(
        call,
        _specs_of(turn, offers),
        known,
        choice,
        assembly,
        enforced.policy_of(call),
        context,
    )
    kept = [one for one in call.findings if one.layer not in _OWN]
    call.findings = [*verdict.findings, *kept]
    late = [layer for layer in call.layers if layer["layer"] not in _OWN]
    call.layers = [*(layer.to_json() for layer in verdict.layers), *late]


def _specs_of(turn: Turn, offers: Mapping[int, Offered]) -> Offer | None:
    offered = offers.get(turn.toolset_id) if turn.toolset_id else None
    return offered.specs if offered else None


def _judge_turn(
    turn: Turn,
    calls: Sequence[CallState],
    said: Sequence[Said],
    offers: Mapping[int, Offered],
) -> None:
    choice: Any = json.load(turn.parameters).get("tool_choice")
    specs = _specs_of(turn, offers)
    made = [CallMade(call.name, call.arguments) for call in calls]
    judgement = judge_turn(turn, made, said, specs)
    expect(calls, judgement)
    names = [call.name for call in calls]
    own = [one for one in turn.found if one.layer not in ("offer", "expectation")]
    own += validate_turn(names, tool_choice=choice) if turn.response else []
    findings = [*own, *(judgement.turn if judgement else ())]
    if findings != turn.found:
        turn.findings = json.dump([finding.to_json() for finding in findings])
        turn.save(update_fields=["findings"])
