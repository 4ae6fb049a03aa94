"""Labels of a turn: the panel beside it, and what its form does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from console.accounts.access import ProjectRequest, member
from console.lib import json
from conversations import labels
from conversations.labels import BadLabel, Draft
from conversations.models import LABELS, Label, ToolCall, Turn
from tools_registry.dialects import read_offer

CHOICES = [
    ("right", "Right", "check"),
    ("wrong_tool", "Wrong tool", "x"),
    ("wrong_arguments", "Wrong arguments", "braces-off"),
    ("needless", "Needless call", "minus"),
    ("missing", "Missing call", "plus"),
]
_OLDER = 20


@member("responder")
@require_POST
def set_label(request: ProjectRequest, conversation: UUID, number: int) -> HttpResponse:
    """Label a turn or one of its calls. Answers htmx, JSON and plain forms."""
    turn = _find(request, conversation, number)
    call = request.POST.get("call", "")
    draft = Draft(
        kind=request.POST.get("kind", ""),
        position=int(call) if call.isdecimal() and len(call) < 6 else None,
        tool=request.POST.get("tool", ""),
        arguments=request.POST.get("arguments", ""),
        note=request.POST.get("note", ""),
    )
    try:
        label = labels.set_label(turn, draft, request.user)
    except BadLabel as error:
        return _refuse(request, turn, draft, error)
    turn.refresh_from_db(fields=["verdict"])
    if request.accepts("text/html"):
        said = "is withdrawn" if label.kind == "withdrawn" else "is set"
        messages.success(request, f"The label {said}. The turn is {turn.verdict}.")
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if not request.accepts("text/html"):
        return JsonResponse({"label": _as_json(label), "verdict": turn.verdict}, status=201)
    return redirect(_turn_url(request, turn))


def _find(request: ProjectRequest, conversation: UUID, number: int) -> Turn:
    rows = Turn.objects.filter(
        project=request.project, conversation=conversation, number=number
    ).select_related("toolset", "conversation")
    found = rows.order_by("id").first()
    if found is None:
        raise Http404("no such turn")
    return found


def _turn_url(request: ProjectRequest, turn: Turn) -> str:
    place = [request.project.slug, turn.conversation_id, turn.number]
    return reverse("conversations:turn", args=place)


def _refuse(request: ProjectRequest, turn: Turn, draft: Draft, error: BadLabel) -> HttpResponse:
    if not request.htmx and not request.accepts("text/html"):
        return JsonResponse({"field": error.field, "detail": str(error)}, status=422)
    template = "conversations/_label.html" if request.htmx else "conversations/_label_page.html"
    context = {"turn": turn, "back": _turn_url(request, turn)}
    panel = describe(request, turn, draft, error)
    return render(request, template, {**context, **panel}, status=422)


def _as_json(label: Label) -> dict[str, Any]:
    return {
        "id": label.pk,
        "kind": label.kind,
        "call": str(label.call_id) if label.call_id else None,
        "expected": json.load(label.expected) if label.expected else None,
        "note": label.note,
        "author": str(label.author),
        "at": label.created_at.isoformat(),
    }


def describe(
    request: ProjectRequest, turn: Turn, draft: Draft | None = None, error: BadLabel | None = None
) -> dict[str, Any]:
    """What the panel shows of a turn: labels that hold, older ones, and the form."""
    calls = labels.calls_of(turn)
    rows = [_describe_label(label, calls) for label in labels.labels_of(turn)]
    current = [row for row in rows if row["holds"]]
    specs = read_offer(turn.toolset.tools) if turn.toolset else {}
    return {
        "labels": current,
        "older": [row for row in rows if row["label"].superseded_at][:_OLDER],
        "may_label": request.member.may("responder"),
        "label_url": reverse(
            "conversations:turn-label",
            args=[request.project.slug, turn.conversation_id, turn.number],
        ),
        "choices": [choice for choice in CHOICES if calls or choice[0] in ("right", "missing")],
        "label_calls": calls,
        "chosen_call": _choose_call(calls, draft),
        "tools": list(specs),
        "draft": draft,
        "label_error": error,
        "was_recorded": bool(turn.expected) and not current,
    }


def _choose_call(calls: list[ToolCall], draft: Draft | None) -> int | None:
    """The call that was chosen, else the worst one."""
    if draft is not None:
        return draft.position
    ranks = {"rejected": 0, "flagged": 1, "accepted": 2}
    worst = min(calls, key=lambda call: (ranks[call.verdict], call.position), default=None)
    return calls.index(worst) if worst else None


def _describe_label(label: Label, calls: list[ToolCall]) -> dict[str, Any]:
    call = next((call for call in calls if call.pk == label.call_id), None)
    expected = json.load(label.expected) if label.expected else {}
    return {
        "label": label,
        "kind": dict(LABELS)[label.kind],
        "icon": next((icon for kind, _, icon in CHOICES if kind == label.kind), "arrow-back-up"),
        "call": call,
        "tool": expected.get("name", ""),
        "arguments": expected.get("arguments", ""),
        "holds": label.superseded_at is None and label.kind != "withdrawn",
    }
