"""Backtests for programs: start one, follow it, read the calls that it would change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from console.accounts.access import ApiRequest, api_key
from console.lib import json
from conversations import tasks
from conversations.backtest import engine
from conversations.backtest.changes import SIZE, read_changes, record_of
from conversations.backtest.comparison import CHANGES
from conversations.backtest.records import Backtest
from conversations.backtest.reports import describe
from conversations.backtest.subjects import PUBLISHED, BadChoice, choose
from conversations.search.query import BadQuery
from tools_registry.bodies import Refused, read_body, refusing

LAST = 10_000


class Question(BaseModel):
    """The body of ``POST /api/v1/backtests``; ``definition`` goes before ``version``."""

    model_config = ConfigDict(extra="forbid")

    tool: str = Field(min_length=1, max_length=256)
    version: StrictInt | None = Field(default=None, ge=1)
    definition: dict[str, Any] | str | None = None
    policy: dict[str, Any] | StrictInt | str = PUBLISHED
    filter: str = ""
    last: StrictInt = Field(default=LAST, ge=1, le=engine.LARGEST)


@api_key("replay")
@require_POST
@refusing
def start_backtest(request: ApiRequest) -> HttpResponseBase:
    """Start judging stored calls; the answer names the address to follow it at."""
    asked = read_body(request, Question)
    draft = asked.definition or ""
    try:
        choice = choose(
            request.project,
            asked.tool,
            version=asked.version,
            draft=draft if isinstance(draft, str) else json.dump(draft),
            policy=str(asked.policy) if isinstance(asked.policy, int) else asked.policy,
        )
        row = engine.start(request.project, choice, asked.filter, asked.last)
    except BadChoice as error:
        status = 404 if error.field in ("tool", "version") else 422
        raise Refused(status, f"bad_{error.field}", error.problem) from None
    except BadQuery as error:
        raise Refused(422, "bad_filter", error.problem, term=error.term) from None
    tasks.run_backtest.delay_on_commit(str(row.pk), row.chain)
    address = reverse("conversations:api-backtest", args=[row.pk])
    return JsonResponse(describe(row), status=202, headers={"Location": address})


@api_key("read")
@require_safe
def read_backtest(request: ApiRequest, backtest: UUID) -> HttpResponseBase:
    return JsonResponse(describe(_find(request, backtest)))


@api_key("read")
@require_safe
@refusing
def list_changes(request: ApiRequest, backtest: UUID) -> HttpResponseBase:
    """Changed calls, newest first; ``next`` is the ``before`` of the next page."""
    kind, before = request.GET.get("change", ""), request.GET.get("before", "")
    if kind and kind not in CHANGES:
        raise Refused(400, "bad_change", f"Make change one of {', '.join(CHANGES)}.")
    try:
        after = UUID(before) if before else None
    except ValueError:
        raise Refused(400, "bad_before", "Make before the value of next, as it came.") from None
    page = read_changes(_find(request, backtest), kind=kind, before=after, size=SIZE)
    body = {
        "changes": [record_of(change) for change in page.changes],
        "next": str(page.older) if page.older else None,
    }
    return JsonResponse(body)


@api_key("replay")
@require_POST
def cancel_backtest(request: ApiRequest, backtest: UUID) -> HttpResponseBase:
    row = _find(request, backtest)
    engine.cancel(row)
    row.refresh_from_db()
    return JsonResponse(describe(row), status=202)


def _find(request: ApiRequest, backtest: UUID) -> Backtest:
    rows = Backtest.objects.select_related("project", "version")
    return get_object_or_404(rows, pk=backtest, project=request.project)
