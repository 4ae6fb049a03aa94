"""A provider's own figures beside ours: upload its export, see the difference by day and model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from analytics.filters import Filter, read_filter
from analytics.usage_exports.comparison import Comparison, Pair, compare
from analytics.usage_exports.keeping import keep_export, read_ours
from analytics.usage_exports.lines import BadExport
from analytics.usage_exports.plain import COLUMNS
from analytics.usage_exports.reading import FORMS, LABELS, LARGEST
from analytics.usage_exports.records import UsageExport
from console.accounts.access import ProjectRequest, member
from conversations.search.query import BadQuery

SHOWN = 50
PAIRS = 400
"""Days and models that are shown; the file has all."""


@member("viewer")
@require_safe
def list_usage_exports(request: ProjectRequest) -> HttpResponse:
    """Those that there are, and the form that takes one."""
    return _show_list(request)


@member("engineer")
@require_POST
def take_usage_export(request: ProjectRequest) -> HttpResponse:
    """Keep the sums of the uploaded file."""
    query = request.POST.get("query", "").strip()[:500]
    try:
        file = request.FILES.get("file")
        if file is None:
            raise BadExport("Choose a file.")
        if (file.size or 0) > LARGEST:
            raise BadExport("The file is larger than 20 MB. Export fewer days at once.")
        kept = read_filter(request.project, query).query.text
        row = keep_export(request.project, file.name or "", file.read(), kept, request.user)
    except BadExport as problem:
        return _show_list(request, str(problem), query)
    except BadQuery as problem:
        return _show_list(request, problem.problem, query)
    return redirect("analytics:usage-export", request.project.slug, row.pk)


def _show_list(request: ProjectRequest, error: str = "", query: str = "") -> HttpResponse:
    rows = UsageExport.objects.filter(project=request.project).select_related("uploaded_by")
    context = {
        "rows": [(row, LABELS[row.form]) for row in rows.order_by("-created_at")[:SHOWN]],
        "error": error,
        "query": query,
        "forms": FORMS,
        "columns": COLUMNS,
        "may_change": request.member.may("engineer"),
    }
    status = 422 if error else 200
    return render(request, "analytics/usage_exports.html", context, status=status)


@member("viewer")
@require_safe
def show_usage_export(request: ProjectRequest, export: int) -> HttpResponse:
    row = get_object_or_404(UsageExport, pk=export, project=request.project)
    found = _compare(request, row)
    pairs = sorted(found.pairs, key=lambda pair: (pair.day, pair.model))
    context: dict[str, Any] = {
        "row": row,
        "form": LABELS[row.form],
        "found": found,
        "pairs": [(pair, _cells(pair, found.measures)) for pair in pairs[:PAIRS]],
        "more": max(0, len(pairs) - PAIRS),
        "may_change": request.member.may("engineer"),
    }
    return render(request, "analytics/usage_export.html", context)


def _cells(pair: Pair, measures: Sequence[str]) -> list[tuple[str, Any, Any, Any]]:
    """Of each measure theirs, ours and the difference."""
    more = pair.differences
    return [
        (name, getattr(pair.theirs, name, None), getattr(pair.ours, name, None), more.get(name))
        for name in measures
    ]


def _compare(request: ProjectRequest, row: UsageExport) -> Comparison:
    try:
        kept = read_filter(request.project, row.query)
    except BadQuery:
        kept = Filter()
    return compare(row.told, read_ours(request.project, kept, row))


@member("engineer")
@require_POST
def delete_usage_export(request: ProjectRequest, export: int) -> HttpResponse:
    row = get_object_or_404(UsageExport, pk=export, project=request.project)
    row.delete()
    messages.success(request, f"{row.name} is deleted.")
    return redirect("analytics:usage-exports", request.project.slug)
