"""Frozen snapshots of a replay: take one, read one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from conversations.replay.board import read_board
from conversations.replay.snapshots import ReplaySnapshot, freeze, thaw
from conversations.views.replays import describe, describe_case, find


@member("responder")
@require_POST
def freeze_replay(request: ProjectRequest, number: int) -> HttpResponse:
    row = find(request, number)
    snapshot = freeze(row, read_board(row), request.user)
    messages.success(request, f"Snapshot {snapshot.number} is kept, at this address.")
    return redirect(
        "conversations:replay-snapshot", request.project.slug, row.number, snapshot.number
    )


@member("viewer")
@require_safe
def show_snapshot(request: ProjectRequest, number: int, snapshot: int) -> HttpResponse:
    """The matrix as it was when the snapshot was taken; for htmx the case beside it, as it was."""
    row = find(request, number)
    rows = ReplaySnapshot.objects.select_related("taken_by", "replay")
    found = get_object_or_404(rows, replay=row, number=snapshot)
    chosen = describe_case(request, row, request.GET.dict(), snapshot=found)
    if request.htmx and request.htmx.target == "rp-beside":
        return render(request, "conversations/_replay_case.html", chosen)
    context: dict[str, Any] = {
        **describe(request, row, thaw(found), is_over=found.is_over, page_url=request.path),
        **chosen,
        "snapshot": found,
    }
    return render(request, "conversations/replay_snapshot.html", context)
