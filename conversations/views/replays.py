"""Replays: the list, one with its matrix, a cell side by side, settling, steering and export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from console.lib.pages import BadCursor, read_page
from conversations.replay import control, exporting
from conversations.replay.board import Board, read_board, read_progress
from conversations.replay.cells import Side, compare_sides, read_side
from conversations.replay.matrix import ORDERS, SHOWS
from conversations.replay.matrix import read_page as read_rows
from conversations.replay.records import Replay, ReplayCase, ReplayOutcome
from conversations.replay.sentences import find_warnings, say_verdict
from conversations.replay.settling import NotSettled, settle
from conversations.replay.showing import describe_change, find_fix, shows_of
from conversations.replay.snapshots import ReplaySnapshot, recall_case
from conversations.replay.statistics import FEW
from conversations.replay.totals import find_best
from conversations.replay.waiting import NotWaiting, answer, questions_of
from conversations.search.export import FORMATS

_QUICK, _SLOW = 900, 4000
"""Milliseconds between looks at a replay that runs: a small one, a large one."""
_LARGE = 5_000


def find(request: ProjectRequest, number: int) -> Replay:
    rows = Replay.objects.select_related(
        "project", "incident", "suite", "requested_by", "connection"
    )
    return get_object_or_404(rows, project=request.project, number=number)


@member("viewer")
@require_safe
def list_replays(request: ProjectRequest) -> HttpResponse:
    """Replays of the project, newest first."""
    rows = Replay.objects.filter(project=request.project)
    rows = rows.select_related("incident", "suite", "requested_by").prefetch_related("variants")
    try:
        page = read_page(rows, ["number"], request.GET.get("older", ""))
    except BadCursor:
        raise Http404("no such page") from None
    context = {
        "rows": [(row, read_progress(row) if row.is_open else None) for row in page.rows],
        "older": page.older,
        "may_start": request.member.may("responder"),
    }
    return render(request, "conversations/replay_list.html", context)


@member("viewer")
@require_safe
def show_replay(request: ProjectRequest, number: int) -> HttpResponse:
    """The whole page; for htmx only what changes while it runs, or the case beside the matrix."""
    row = find(request, number)
    target = request.htmx.target if request.htmx and not request.htmx.boosted else ""
    if target == "rp-beside":
        context = describe_case(request, row, request.GET.dict())
        return render(request, "conversations/_replay_case.html", context)
    context = describe(
        request, row, read_board(row), is_over=not row.is_open, page_url=_address(row)
    )
    if target == "rp-live":
        return render(request, "conversations/_replay_live.html", context)
    chosen = describe_case(request, row, request.GET.dict())
    return render(request, "conversations/replay.html", context | chosen)


def describe(
    request: ProjectRequest, row: Replay, board: Board, *, is_over: bool, page_url: str
) -> dict[str, Any]:
    """What the page at this address tells of all cases, by its filter and order."""
    asked = read_address(request)
    page = read_rows(
        board.rows,
        what=asked["show"],
        variant=int(asked["in"]) if asked["in"] else None,
        words=asked["find"],
        order=asked["order"],
        after=request.GET.get("after", ""),
    )
    best, few = find_best(board.totals), FEW if is_over else 0
    values = [variant.value for variant in board.variants]
    return {
        "row": row,
        "board": board,
        "page": page,
        "asked": asked,
        "shows": shows_of(board.rows, asked, page_url),
        "next": _link(page_url, asked, after=page.next) if page.next else "",
        "parts": say_verdict(board.totals, is_over=is_over),
        "warnings": find_warnings(board.rows, board.totals, trials=row.trials, few=few),
        "totals": [
            (total, describe_change(row.project, value), at == best)
            for at, (total, value) in enumerate(zip(board.totals, values, strict=True))
        ],
        "best": best,
        "cell_link": _link(page_url, asked, case=""),
        "wait_ms": _SLOW if row.total > _LARGE else _QUICK,
        "may_steer": request.member.may("responder"),
        "may_publish": request.member.may("engineer"),
        "models": sorted(set(row.outcomes.values_list("model", flat=True).distinct()[:9])),
        "fix": find_fix(row, None if best is None else board.variants[best]),
        "snapshots": row.snapshots.order_by("-number")[:20],
    }


def read_address(request: ProjectRequest) -> dict[str, str]:
    """Filter and order; what is none is as if it were left out. Defaults are ""."""
    show, order = request.GET.get("show", ""), request.GET.get("order", "")
    variant = request.GET.get("in", "")
    return {
        "show": show if show in SHOWS else "all",
        "in": variant if variant.isdecimal() and len(variant) < 3 else "",
        "find": request.GET.get("find", "").replace("\0", "")[:200],
        "order": order if order in ORDERS else "pressing",
    }


def _address(row: Replay) -> str:
    return reverse("conversations:replay", args=[row.project.slug, row.number])


def _link(address: str, asked: dict[str, str], **more: str) -> str:
    usual = {"show": "all", "order": "pressing"}
    kept = {name: value for name, value in asked.items() if value and value != usual.get(name)}
    return f"{address}?{urlencode(kept | more)}"


# ---- one case beside the matrix


def describe_case(
    request: ProjectRequest,
    row: Replay,
    asked: Mapping[str, str],
    *,
    snapshot: ReplaySnapshot | None = None,
) -> dict[str, Any]:
    """The case that an address asks for with two of its answers; without one where it asks for
    none. In a snapshot as they were then."""
    case = _find_case(row, asked.get("case", ""))
    if case is None:
        return {"row": row, "case": None}
    variants = list(row.variants.all())
    value = recall_case(snapshot, case) if snapshot else case.value
    here = _read_place(asked, "variant", len(variants) - 1, min(1, len(variants) - 1))
    there = _read_place(asked, "with", len(variants) - 1, 0 if here else -1)
    trial = max(1, _read_place(asked, "trial", row.trials, 1))
    right = read_side(case, value, variants[here], trial, snapshot)
    left = read_side(case, value, variants[there] if there >= 0 else None, trial, snapshot)
    page_url = request.path if snapshot else _address(row)
    return {
        "row": row,
        "case": case,
        "value": value,
        "variants": variants,
        "here": here,
        "there": there,
        "trial": trial,
        "trials": range(1, row.trials + 1),
        "compared": compare_sides(left, right),
        "waiting": questions_of(right.outcome) if right.outcome and not snapshot else (),
        "fault": _read_fault(right),
        "page_url": page_url,
        "case_link": _case_link(page_url, asked, case),
        "may_steer": request.member.may("responder") and snapshot is None,
    }


def _find_case(row: Replay, text: str) -> ReplayCase | None:
    if not (text.isdecimal() and len(text) < 9):
        return None
    return row.cases.filter(position=int(text)).first()


def _read_place(asked: Mapping[str, str], name: str, most: int, usual: int) -> int:
    text = asked.get(name, "")
    if name == "with" and text == "recording":
        return -1
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) <= most else usual


def _case_link(page_url: str, asked: Mapping[str, str], case: ReplayCase) -> str:
    """The page's address with this case, to which variant, trial and with are still added."""
    kept = {name: value for name, value in asked.items() if name not in _OF_CASE}
    return f"{page_url}?{urlencode(kept | {'case': str(case.position)})}"


_OF_CASE = ("case", "variant", "with", "trial")


def _read_fault(side: Side) -> dict[str, Any]:
    outcome = side.outcome
    return json.load(outcome.error) if outcome and outcome.error else {}


@member("responder")
@require_POST
def settle_outcome(request: ProjectRequest, number: int, outcome: int) -> HttpResponse:
    """Say that an answer is right or wrong."""
    row, said = find(request, number), request.POST.get("said", "")
    found = get_object_or_404(ReplayOutcome, pk=outcome, replay=row)
    try:
        settle(found, said, request.user)
    except NotSettled as error:
        messages.error(request, str(error))
    return _go_back(request, row, found)


@member("responder")
@require_POST
def answer_outcome(request: ProjectRequest, number: int, outcome: int) -> HttpResponse:
    """Answer the calls that a conversation waits for; it goes on from there."""
    row = find(request, number)
    found = get_object_or_404(ReplayOutcome, pk=outcome, replay=row)
    contents = {
        int(name.removeprefix("content-")): text
        for name, text in request.POST.dict().items()
        if name.startswith("content-") and name[8:].isdecimal() and len(name) < 16
    }
    try:
        answer(found, contents)
    except NotWaiting as error:
        messages.error(request, str(error))
    return _go_back(request, row, found)


def _go_back(request: ProjectRequest, row: Replay, outcome: ReplayOutcome) -> HttpResponse:
    """To the same case; for htmx the case anew, and the matrix is told to look again."""
    asked = {
        "case": str(outcome.case.position),
        "variant": str(outcome.variant.position),
        "trial": str(outcome.trial),
        "with": request.POST.get("with", ""),
    }
    if not request.htmx:
        return redirect(f"{_address(row)}?{urlencode(asked)}")
    context = describe_case(request, row, asked)
    response = render(request, "conversations/_replay_case.html", context)
    response["HX-Trigger"] = "replay-changed"
    return response


# ---- steering, export


@member("responder")
@require_POST
def steer_replay(request: ProjectRequest, number: int) -> HttpResponse:
    """Pause, resume, cancel, or ask again what got no answer."""
    row = find(request, number)
    steps = {
        "pause": (control.pause, "Nothing more is asked. What is under way still comes in."),
        "resume": (control.resume, "The replay goes on."),
        "cancel": (control.cancel, "The replay is cancelled. Its outcomes so far stay."),
        "retry": (control.retry_failed, "What got no answer is asked again."),
    }
    asked = request.POST.get("then", "")
    if asked not in steps:
        messages.error(request, "A replay is paused, resumed, cancelled or retried: choose one.")
        return redirect(_address(row))
    step, said = steps[asked]
    if step(row):
        messages.success(request, said)
    else:
        row.refresh_from_db()
        messages.info(request, f"The replay is {row.get_status_display().lower()} already.")
    return redirect(_address(row))


@member("viewer")
@require_safe
def export_outcomes(request: ProjectRequest, number: int) -> HttpResponseBase:
    """Every outcome, streamed as NDJSON or CSV."""
    row, form = find(request, number), request.GET.get("form", "ndjson")
    if form not in FORMATS:
        raise Http404(f"There is no format {form[:20]}")
    response = StreamingHttpResponse(exporting.write(row, form), content_type=FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{row.name.lower()}.{form}"'
    return response
