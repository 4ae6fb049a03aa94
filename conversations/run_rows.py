"""The rows of a run, and what it offered as they tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from console.accounts.models import Project
from console.lib import uuid7
from conversations import recording
from conversations.models import Conversation, Run, Turn
from conversations.rounds import Offered
from conversations.runs import MOST_ROUNDS, Checked, Order, RunRequest
from tools_registry.models import Tool, ToolVersion
from tools_registry.policies.published import policies_for
from tools_registry.specs import ToolSpec


@dataclass(frozen=True)
class Plan:
    """The rows of a run, and what the runner reads from them."""

    row: Run
    conversation: UUID
    offered: Offered
    toolset: int | None
    parent: recording.Parent | None


def create(order: Order, asked: recording.Asked | None = None) -> Plan:
    """Make the rows of a run, all or none; those of its first turn with them."""
    project, checked, run_id = order.project, order.checked, order.run
    body = checked.body
    wire = [pick.wire for pick in checked.tools]
    with transaction.atomic():
        toolset = None
        if wire:
            versions = [pick.version.pk if pick.version else None for pick in checked.tools]
            toolset = recording.keep_toolset(project, wire, versions)
        conversation = checked.conversation or _new_conversation(order, turns=1 if asked else 0)
        run = Run.objects.create(
            id=run_id,
            project=project,
            user=order.user,
            conversation=conversation,
            connection=checked.connection,
            group=body.group or uuid7.now(),
            column=body.column,
            trial=body.trial,
            request=checked.text,
            model=body.model,
            title=body.title,
        )
        ids = versions_of(body, toolset.versions if toolset else [])
        plan = _plan(run, checked, ids, toolset.pk if toolset else None)
        if asked:
            _create_turn(order, plan, asked)
    return plan


def _create_turn(order: Order, plan: Plan, asked: recording.Asked) -> None:
    start = recording.TurnStart(
        order.project,
        plan.conversation,
        order.connection,
        asked,
        plan.toolset,
        plan.parent,
        order.checked.body.routed,
    )
    if order.checked.conversation is None:
        recording.turn_row(start, 1).save(force_insert=True)
    else:
        recording.begin_turn(start)


def _new_conversation(order: Order, turns: int) -> Conversation:
    now, body = timezone.now(), order.checked.body
    return Conversation.objects.create(
        project=order.project,
        key=f"playground:{order.run}",
        title=body.title or _first_words(body.messages),
        source="playground",
        user=order.user.email,
        turn_count=turns,
        started_at=now,
        last_at=now,
    )


def _first_words(messages: list[dict[str, Any]]) -> str:
    for message in messages:
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            return " ".join(message["content"][:300].split())[:120]
    return ""


def _plan(run: Run, checked: Checked, ids: list[int], toolset: int | None) -> Plan:
    body = checked.body
    assert run.conversation is not None
    parent = None
    if checked.conversation is not None:
        parent = recording.find_parent(checked.conversation, body.messages)
    specs = [pick.spec for pick in checked.tools]
    return Plan(
        row=run,
        conversation=run.conversation.pk,
        offered=offer_of(specs, ids, run.project, body.tool_choice),
        toolset=toolset,
        parent=parent,
    )


def versions_of(body: RunRequest, kept: list[int]) -> list[int]:
    """The ids of the offered versions: those that were picked, else those of the toolset.

    A toolset is known by what the model is told, which two versions may share.
    """
    picked = [tool.get("version") for tool in body.tools]
    return [pick or known for pick, known in zip(picked, kept, strict=False)]


def offer_of(
    specs: list[ToolSpec | None], ids: list[int], project: Project, tool_choice: Any
) -> Offered:
    """What was offered, for judging calls; ``ids`` are the versions in the same order."""
    numbers = dict(ToolVersion.objects.filter(pk__in=ids).values_list("pk", "number"))
    versions = {
        spec.name: (pk, numbers[pk])
        for spec, pk in zip(specs, ids, strict=False)
        if spec is not None and pk in numbers
    }
    known = Tool.objects.filter(project=project).values_list("name", flat=True)
    return Offered(
        specs={spec.name: spec for spec in specs if spec is not None},
        versions=versions,
        known=frozenset(known),
        tool_choice=tool_choice,
        policies=policies_for(project),
    )


def turns_of(run: Run) -> list[Turn]:
    """The turns that this run made, in order."""
    keys = [recording.turn_key(run.pk, number) for number in range(1, MOST_ROUNDS + 1)]
    return list(Turn.objects.filter(conversation=run.conversation, key__in=keys).order_by("number"))
