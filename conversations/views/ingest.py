"""Accounting: what was sent by key and hour, and what became of it. A file as an upload."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib.problems import problem
from conversations.ingest.compression import BadBody
from conversations.ingest.imports import LARGEST_UPLOAD, import_upload
from conversations.intake import LOSSES
from conversations.models import DOORS, IngestLoss, IngestTally, Quarantined

COUNTS = ("sent", "stored", "duplicate", "rejected", "quarantined", "beside")
RANGES = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_MOST_ROWS = 500
_GZIP = b"\x1f\x8b"


@member("viewer")
@require_safe
def show(request: ProjectRequest) -> HttpResponse:
    """The tallies of a range, by hour and key, with their sums."""
    chosen = request.GET.get("range", "24h")
    chosen = chosen if chosen in RANGES else "24h"
    tallies = IngestTally.objects.filter(
        project=request.project, hour__gt=timezone.now() - RANGES[chosen]
    )
    rows = list(_by_hour(tallies)[: _MOST_ROWS + 1])
    context = {
        "range": chosen,
        "ranges": RANGES,
        "rows": [_describe(row) for row in rows[:_MOST_ROWS]],
        "cut": len(rows) > _MOST_ROWS,
        "total": {name: count or 0 for name, count in _sum(tallies).items()},
        "waiting": _count_waiting(request),
        "losses": _losses(request.project, timezone.now() - RANGES[chosen]),
        "may_upload": request.member.may("engineer"),
        "largest": LARGEST_UPLOAD,
        "tab": "accounting",
    }
    return render(request, "conversations/ingest.html", context)


def _by_hour(tallies: QuerySet[IngestTally]) -> QuerySet[IngestTally, Any]:
    sums = {f"all_{name}": Sum(name) for name in COUNTS}
    grouped = tallies.values("hour", "door", "api_key__name", "api_key__prefix").annotate(**sums)
    return grouped.order_by("-hour", "door", "api_key__name", "api_key__prefix")


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "hour": row["hour"],
        "door": dict(DOORS)[row["door"]],
        "key": _key_of(row),
        **{name: row[f"all_{name}"] for name in COUNTS},
    }


def _sum(tallies: QuerySet[IngestTally]) -> dict[str, int | None]:
    return tallies.aggregate(**{name: Sum(name) for name in COUNTS})


def _losses(project: Project, since: datetime) -> list[dict[str, Any]]:
    """What the proxy could not record, by hour, key and reason."""
    lost = IngestLoss.objects.filter(project=project, last_at__gt=since)
    grouped = lost.annotate(hour=TruncHour("last_at", tzinfo=UTC)).values(
        "hour", "reason", "api_key__name", "api_key__prefix"
    )
    summed = grouped.annotate(
        lost=Sum("turns"), bytes=Sum("size"), first=Min("first_at"), last=Max("last_at")
    )
    return [
        row | {"reason": dict(LOSSES)[row["reason"]], "key": _key_of(row)}
        for row in summed.order_by("-hour", "reason", "api_key__prefix")[:_MOST_ROWS]
    ]


def _key_of(row: Mapping[str, Any]) -> str:
    prefix = row["api_key__prefix"]
    return f"{row['api_key__name']} ({prefix}…)" if prefix else ""


def _count_waiting(request: ProjectRequest) -> int:
    waiting = Quarantined.objects.filter(project=request.project, status="open")
    return waiting.aggregate(count=Count("pk"))["count"]  # type: ignore[no-any-return]


@member("engineer")
@require_POST
def upload(request: ProjectRequest) -> HttpResponseBase:
    """Store a file, or the next piece of one: whole lines, as the page's script cuts it.

    The body is the file itself; ``name`` in the query names it, ``line`` is the number of its
    first line. Twice is the same.
    """
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > LARGEST_UPLOAD:
        detail = f"Send at most {LARGEST_UPLOAD:,} bytes at once, or use manage.py ingest."
        return problem(413, "body_too_large", detail)
    line = request.GET.get("line", "1")
    try:
        outcome = import_upload(
            request.project,
            _read(request),
            name=request.GET.get("name", "")[:200] or "upload",
            line=int(line) if line.isdecimal() and len(line) < 10 else 1,
        )
    except BadBody as error:
        return problem(400, error.code, error.detail)
    except zlib.error as error:
        return problem(400, "bad_compression", f"The file is no gzip: {error}.")
    body = outcome.to_json()
    return JsonResponse(body | {"sent": outcome.sent, "errors": body["errors"][:50]})


def _read(request: HttpRequest) -> Iterator[bytes]:
    while piece := request.read(256 * 1024):
        yield piece
