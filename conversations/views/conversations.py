"""One conversation: as a whole, and short beside a list."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from console.accounts.access import ProjectRequest, member
from console.lib import json
from conversations import transcript
from conversations.models import Conversation, Run, ToolCall, Turn
from conversations.views.turn_frame import read_error

TURNS = 50
PEEKED = 6


@member("viewer")
@require_GET
def show(request: ProjectRequest, conversation: UUID) -> HttpResponse:
    """The turns of a conversation in order; for htmx the short form that stands beside the list."""
    found = get_object_or_404(Conversation, pk=conversation, project=request.project)
    after = request.GET.get("after", "0")
    if not after.isascii() or not after.isdecimal() or len(after) > 9:
        raise Http404("no such turn")
    many = PEEKED if request.htmx else TURNS
    later = found.turns.select_related("project").filter(number__gt=int(after))
    rows = list(later.order_by("number")[: many + 1])
    turns = rows[:many]
    context = {
        "conversation": found,
        "turns": [describe(turn) for turn in with_calls(turns)],
        "more": turns[-1].number if len(rows) > many else None,
        "after": int(after),
        "live": _find_live(found),
        "totals": _sum_up(found),
    }
    page = "conversations/_peek.html" if request.htmx else "conversations/conversation.html"
    return render(request, page, context)


def with_calls(turns: list[Turn]) -> list[tuple[Turn, list[ToolCall]]]:
    calls: dict[UUID, list[ToolCall]] = defaultdict(list)
    rows = ToolCall.objects.filter(turn_id__in=[turn.pk for turn in turns])
    for call in rows.select_related("tool_version").order_by("turn_id", "position"):
        calls[call.turn_id].append(call)
    return [(turn, calls[turn.pk]) for turn in turns]


def describe(pair: tuple[Turn, list[ToolCall]]) -> dict[str, Any]:
    """A turn for reading: what was new in its request, what came back."""
    turn, calls = pair
    new = [entry for entry in transcript.read(turn.new_messages) if entry.role != "assistant"]
    reply = transcript.read([json.load(turn.response)]) if turn.response else []
    return {
        "turn": turn,
        "url": reverse(
            "conversations:turn",
            args=[turn.project.slug, turn.conversation_id, turn.number],
        ),
        "new": [entry for entry in new if entry.role != "tool"][-6:],
        "said": reply[0].said if reply else [],
        "calls": [{"call": call, "findings": call.found} for call in calls],
        "error": read_error(turn),
    }


def _find_live(conversation: Conversation) -> Run | None:
    """The run that still adds to this conversation."""
    return conversation.runs.filter(finished_at=None).order_by("-id").first()


def _sum_up(conversation: Conversation) -> dict[str, Any]:
    """What its turns used and cost together, and how many have no price."""
    return conversation.turns.aggregate(
        unpriced=Count("pk", filter=Q(cost=None)),
        total_input=Sum("input_tokens"),
        total_output=Sum("output_tokens"),
        total_cost=Sum("cost"),
    )
