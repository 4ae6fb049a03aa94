"""Replays for programs: start one, follow it, read its outcomes, pause, resume and cancel it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from console.accounts.access import ApiRequest, api_key
from console.lib.fields import to_plain
from conversations.models import Connection
from conversations.replay import control
from conversations.replay.board import Board, read_board
from conversations.replay.exporting import read_outcomes, record_of
from conversations.replay.orders import LEAST_DOLLARS, NotReady, Order
from conversations.replay.records import Replay
from conversations.replay.sentences import find_warnings, say_verdict
from conversations.replay.sources import MOST, BadSource, Source, find_source
from conversations.replay.starting import start
from conversations.replay.statistics import FEW, Share
from conversations.replay.totals import Total
from conversations.replay.variants import BadVariant, Variant
from conversations.search.export import WRITERS
from tools_registry.bodies import Refused, read_body, refusing

SIZE = 500
"""Outcomes of one answer, and replays of one list."""


class Question(BaseModel):
    """The body of ``POST /api/v1/replays``: one source of cases, and how they are asked."""

    model_config = ConfigDict(extra="forbid")

    incident: StrictInt | None = None
    suite: StrictInt | None = None
    replay: StrictInt | None = None
    turns: list[str] = Field(default=[], max_length=MOST)
    filter: str | None = None
    kind: Literal["calls", "turns", "conversations"] = "calls"
    last: StrictInt | None = Field(default=None, ge=1, le=MOST)
    variants: list[dict[str, Any]] = []
    mode: Literal["next_call", "conversation", "no_model"] = "next_call"
    trials: StrictInt = Field(default=3, ge=1, le=100)
    connection: str | StrictInt | None = None
    model: str = Field(default="", max_length=200)
    answers: dict[str, Any] = {}
    max_rounds: StrictInt = Field(default=20, ge=1, le=200)
    ceiling_dollars: Decimal | None = Field(default=None, ge=LEAST_DOLLARS, lt=10**8)
    ceiling_tokens: StrictInt | None = Field(default=None, gt=0, le=10**12)
    title: str = Field(default="", max_length=200)


@api_key("read", POST="replay")
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def replays(request: ApiRequest) -> HttpResponseBase:
    """Start one; or the newest of the project, ``older=`` the ``next`` of the page before."""
    if request.method != "POST":
        return _list(request)
    asked = read_body(request, Question)
    source = _find_source(request, asked)
    try:
        row = start(
            request.project,
            _order_of(request, asked, source),
            incident=source.incident,
            suite=source.suite,
            sender=request.api_key.name,
        )
    except NotReady as error:
        raise Refused(422, "not_ready", str(error), reasons=error.reasons) from None
    address = reverse("conversations:api-replay", args=[row.number])
    return JsonResponse(describe(row), status=202, headers={"Location": address})


def _find_source(request: ApiRequest, asked: Question) -> Source:
    numbers = {"incident": asked.incident, "suite": asked.suite, "replay": asked.replay}
    named = {name: str(value) for name, value in numbers.items() if value is not None}
    if asked.turns:
        named["turns"] = ",".join(asked.turns)
    if asked.filter is not None:
        named |= {"q": asked.filter, "kind": asked.kind}
    if len(named.keys() - {"kind"}) != 1:
        detail = "Name one source of cases: incident, suite, replay, turns or filter."
        raise Refused(422, "bad_source", detail)
    try:
        return find_source(request.project, {**named, "last": str(asked.last or "")})
    except BadSource as error:
        status = 404 if error.field in numbers else 422
        raise Refused(status, f"bad_{error.field}", error.problem) from None


def _order_of(request: ApiRequest, asked: Question, source: Source) -> Order:
    try:
        variants = [Variant.from_json(one) for one in asked.variants]
    except BadVariant as error:
        raise Refused(422, "bad_variant", str(error)) from None
    return Order(
        cases=source.cases,
        variants=variants,
        mode=asked.mode,
        trials=asked.trials,
        connection=_find_connection(request, asked.connection),
        model=asked.model,
        answers=asked.answers,
        max_rounds=asked.max_rounds,
        ceiling_dollars=asked.ceiling_dollars,
        ceiling_tokens=asked.ceiling_tokens,
        title=asked.title,
        source=source.name,
        query=source.query,
    )


def _find_connection(request: ApiRequest, named: str | int | None) -> Connection | None:
    if named is None:
        return None
    rows = Connection.objects.filter(project=request.project, archived_at=None)
    by = {"pk": named} if isinstance(named, int) else {"name": to_plain(named)}
    found = rows.filter(**by).first()
    if found is None:
        raise Refused(404, "bad_connection", f"There is no connection {named}.")
    return found


def _list(request: ApiRequest) -> HttpResponseBase:
    older = request.GET.get("older", "")
    rows = Replay.objects.filter(project=request.project).order_by("-number")
    if older:
        if not (older.isdecimal() and len(older) < 10):
            raise Refused(400, "bad_older", "Make older the value of next, as it came.")
        rows = rows.filter(number__lt=int(older))
    found = list(rows[: SIZE + 1])
    following = found[SIZE - 1].number if len(found) > SIZE else None
    return JsonResponse({"replays": [_head(row) for row in found[:SIZE]], "next": following})


def _head(row: Replay) -> dict[str, Any]:
    return {
        "number": row.number,
        "name": row.name,
        "title": row.title,
        "status": row.status,
        "mode": row.mode,
        "trials": row.trials,
        "source": row.source,
        "total": row.total,
        "created_at": row.created_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "url": reverse("conversations:replay", args=[row.project.slug, row.number]),
    }


def describe(row: Replay) -> dict[str, Any]:
    """How it stands and what came of it."""
    board = read_board(row)
    return {
        **_head(row),
        "error": row.error,
        "estimate": row.estimate,
        "done": board.progress.done,
        "failed": board.progress.failed,
        "waiting": board.progress.waiting,
        **tell_result(row, board),
    }


def tell_result(row: Replay, board: Board) -> dict[str, Any]:
    """The verdict in a sentence, warnings, and every variant's totals."""
    warned = find_warnings(board.rows, board.totals, trials=row.trials, few=FEW)
    parts = say_verdict(board.totals, is_over=not row.is_open)
    return {
        "verdict": "".join(text for text, _ in parts),
        "warnings": [{"code": one.kind, "detail": one.text} for one in warned],
        "variants": [_tell_total(total) for total in board.totals],
    }


def _tell_total(total: Total) -> dict[str, Any]:
    against, spent = total.against, total.spending
    return {
        "name": total.name,
        "right": _tell_share(total.right),
        "kinds": dict(total.kinds),
        "unsettled": total.unsettled,
        "errors": total.errors,
        "against_control": against
        and {"points": against.value, "low": against.low, "high": against.high, "p": against.p},
        "model_calls": spent.model_calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost": spent.cost,
        "unpriced": spent.unpriced,
        "p50_ms": spent.p50_ms,
        "p95_ms": spent.p95_ms,
    }


def _tell_share(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "low": share.low, "high": share.high}


@api_key("read")
@require_safe
def read_replay(request: ApiRequest, number: int) -> HttpResponseBase:
    return JsonResponse(describe(_find(request, number)))


@api_key("read")
@require_safe
@refusing
def list_outcomes(request: ApiRequest, number: int) -> HttpResponseBase:
    """Outcomes as NDJSON in the order of their ids, ``after`` the last id that was read.

    While it runs, those that are not over have the status open, running or waiting.
    """
    after = request.GET.get("after", "") or "0"
    if not (after.isdecimal() and len(after) < 18):
        raise Refused(400, "bad_after", "Make after the id of the last outcome that was read.")
    rows = read_outcomes(_find(request, number), int(after), SIZE)
    body = WRITERS["ndjson"]([record_of(row) for row in rows])
    return HttpResponse(body, content_type="application/x-ndjson")


@api_key("replay")
@require_POST
def steer_replay(request: ApiRequest, number: int, step: str) -> HttpResponseBase:
    steps = {"pause": control.pause, "resume": control.resume, "cancel": control.cancel}
    if step not in steps:
        raise Http404("a replay is paused, resumed or cancelled")
    row = _find(request, number)
    steps[step](row)
    row.refresh_from_db()
    return JsonResponse(describe(row), status=202)


def _find(request: ApiRequest, number: int) -> Replay:
    rows = Replay.objects.select_related("project")
    return get_object_or_404(rows, project=request.project, number=number)
