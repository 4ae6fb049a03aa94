"""Backtests: what would a version or policy make of stored calls? Start, follow, read, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib import json
from conversations import tasks
from conversations.backtest import engine
from conversations.backtest.changes import export, read_changes
from conversations.backtest.comparison import CHANGES, KINDS
from conversations.backtest.records import Backtest
from conversations.backtest.reports import describe, tell_base
from conversations.backtest.subjects import NONE, PUBLISHED, BadChoice, choose
from conversations.search.export import FORMATS
from conversations.search.query import BadQuery
from tools_registry.models import Tool, ToolDraft
from tools_registry.policies.models import Policy
from tools_registry.specs import ToolSpec

SIZES = (1_000, 10_000, 100_000, 1_000_000)
USUAL = 10_000
_PAGE = 50
_TOOLS = 500
_FINDINGS = 30
_VERDICTS = ("accepted", "flagged", "rejected")


@member("viewer")
@require_safe
def list_backtests(request: ProjectRequest) -> HttpResponse:
    """Backtests of the project, or of one tool, newest first."""
    name = request.GET.get("tool", "").replace("\0", "")
    rows = Backtest.objects.filter(project=request.project).select_related(
        "version", "requested_by"
    )
    if name:
        rows = rows.filter(tool=name)
    if before := _read_key(request.GET.get("before", "")):
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk").defer("definition", "policy")[: _PAGE + 1])
    context = {
        "tool": Tool.objects.filter(project=request.project, name=name).first() if name else None,
        "tab": "backtests",
        "name": name,
        "rows": [(row, row.told.get("kinds", {})) for row in found[:_PAGE]],
        "older": found[_PAGE - 1].pk if len(found) > _PAGE else None,
        "may_start": request.member.may("responder"),
    }
    return render(request, "conversations/backtest_list.html", context)


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def start_backtest(request: ProjectRequest) -> HttpResponse:
    """The form, for the tool and the version or draft that the address names; or its answer."""
    given = request.POST if request.method == "POST" else request.GET
    values = {name: given.get(name, "").replace("\0", "") for name in ("tool", "version", "filter")}
    values["policy"] = given.get("policy", PUBLISHED)
    values["last"] = given.get("last", str(USUAL))
    kept = _find_draft(request.project, given.get("kept") or given.get("draft", ""))
    if request.method != "POST":
        return _show_form(request, values, kept, kept.text if kept else given.get("draft", ""))
    text = given.get("draft", "")
    try:
        row = _start(request, values, kept if kept and kept.text == text else text)
    except (BadChoice, BadQuery) as error:
        field = error.field if isinstance(error, BadChoice) else "filter"
        return _show_form(request, values, kept, text, {field: error.problem})
    return redirect("conversations:backtest", request.project.slug, row.pk)


def _start(request: ProjectRequest, values: Mapping[str, str], draft: ToolDraft | str) -> Backtest:
    number, last = values["version"], values["last"]
    choice = choose(
        request.project,
        values["tool"],
        version=int(number) if number.isdecimal() and len(number) < 10 else None,
        draft=draft,
        policy=values["policy"],
    )
    if not (last.isdecimal() and 1 <= int(last[:9]) <= engine.LARGEST):
        raise BadChoice("last", f"Judge from 1 to {engine.LARGEST:,} calls.")
    row = engine.start(request.project, choice, values["filter"], int(last), user=request.user)
    tasks.run_backtest.delay_on_commit(str(row.pk), row.chain)
    return row


def _find_draft(project: Project, number: str) -> ToolDraft | None:
    if not number.isdecimal() or len(number) > 18:
        return None
    return ToolDraft.objects.filter(project=project, pk=int(number)).first()


def _show_form(
    request: ProjectRequest,
    values: dict[str, str],
    kept: ToolDraft | None,
    text: str,
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    name = values["tool"]
    if not name and kept:
        name = kept.tool.name if kept.tool else kept.name
    tools = Tool.objects.filter(project=request.project)
    tool = tools.filter(name=name).first() if name else None
    versions = list(tool.versions.order_by("-number")) if tool else []
    policies = Policy.objects.filter(tool=tool).order_by("-number") if tool else []
    context = {
        "tool": tool,
        "tab": "backtests",
        "values": values | {"tool": name},
        "kept": kept,
        "draft": text,
        "versions": versions,
        "policies": policies,
        "tools": tools.filter(archived_at=None).order_by("name")[:_TOOLS] if not name else [],
        "sizes": SIZES,
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return render(request, "conversations/backtest_new.html", context, status=status)


@member("viewer")
@require_safe
def show_backtest(request: ProjectRequest, backtest: UUID) -> HttpResponse:
    """How it stands and what came of it; only what changes while it runs, for htmx."""
    row = _find(request, backtest)
    page = "conversations/backtest.html"
    if request.htmx and not request.htmx.boosted:
        page = "conversations/_backtest.html"
    return render(request, page, _describe(request, row))


def _describe(request: ProjectRequest, row: Backtest) -> dict[str, Any]:
    told, tool = describe(row), Tool.objects.filter(project=request.project, name=row.tool).first()
    kind = request.GET.get("change", "")
    kind, key = kind if kind in CHANGES else "", request.GET.get("finding", "")[:400]
    older = _read_key(request.GET.get("older", ""))
    page = read_changes(row, kind=kind, key=key, before=older)
    changed = [one for one in told["findings"] if one.get("new") or one.get("gone")]
    return {
        "row": row,
        "told": told,
        "tool": tool,
        "tab": "backtests",
        "base": tell_base(row),
        "span": [
            datetime.fromisoformat(told[end]) if told[end] else None for end in ("from", "to")
        ],
        "rate": row.done / row.seconds if row.seconds else 0,
        "rest": _tell_rest(row),
        "kinds": [
            (one, KINDS[one], told["kinds"][one], 100 * told["kinds"][one] / (row.done or 1))
            for one in CHANGES
        ],
        "changed_count": sum(told["kinds"][one] for one in CHANGES),
        "matrix": _matrix(told["matrix"]),
        "findings": [_finding(one) for one in changed[:_FINDINGS]],
        "more_findings": max(0, len(changed) - _FINDINGS),
        "models": _shares(told["models"]),
        "weeks": _shares(told["weeks"], by_name=True),
        "page": page,
        "kind": kind,
        "key": key,
        "all_kinds": _link(row, finding=key),
        "kind_links": [
            (one, KINDS[one], told["kinds"][one], _link(row, change=one, finding=key))
            for one in CHANGES
        ],
        "all_findings": _link(row, change=kind),
        "older": page.older and _link(row, change=kind, finding=key, older=str(page.older)),
        "may_start": request.member.may("responder"),
        "again": _again(row),
    }


def _tell_rest(row: Backtest) -> int | None:
    """Seconds that the rest will take at this rate; None while that is not known."""
    if not row.done or not row.seconds:
        return None
    return round((row.total - row.done) * row.seconds / row.done)


def _matrix(counts: Mapping[str, int]) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Rows by the verdict as recorded, each with its cells: verdict now, count, and how it is."""
    return [
        (was, [(now, counts.get(f"{was}>{now}", 0), _way(was, now)) for now in _VERDICTS])
        for was in _VERDICTS
    ]


def _way(was: str, now: str) -> str:
    step = _VERDICTS.index(now) - _VERDICTS.index(was)
    return "worse" if step > 0 else "better" if step < 0 else "same"


@dataclass(frozen=True)
class Share:
    """One line of a breakdown: its name, its calls, and how many of them change."""

    name: str
    calls: int
    rejected: int
    flagged: int
    fixed: int
    percent: float
    fixed_percent: float


def _shares(counts: Mapping[str, Mapping[str, int]], *, by_name: bool = False) -> Sequence[Share]:
    found = [
        Share(
            name or "not recorded",
            row["calls"],
            row.get("newly_rejected", 0),
            row.get("newly_flagged", 0),
            row.get("fixed", 0),
            100 * row.get("newly_rejected", 0) / row["calls"],
            100 * row.get("fixed", 0) / row["calls"],
        )
        for name, row in counts.items()
    ]
    return sorted(found, key=lambda one: one.name if by_name else (-one.rejected, -one.calls))


def _finding(counts: Mapping[str, Any]) -> dict[str, Any]:
    code, _, pointer = counts["finding"].partition(" ")
    return {"code": code, "pointer": pointer, **counts}


def _link(row: Backtest, **values: str) -> str:
    path = reverse("conversations:backtest", args=[row.project.slug, row.pk])
    kept = {name: value for name, value in values.items() if value}
    return f"{path}?{urlencode(kept)}#changes" if kept else f"{path}#changes"


def _again(row: Backtest) -> str:
    """The address of the form with the same questions."""
    values = {"tool": row.tool, "filter": row.query, "last": str(row.limit)}
    number = row.policy_name.removeprefix("policy ")
    if number.isdecimal() or not row.policy:
        values["policy"] = number if row.policy else NONE
    if row.version:
        values["version"] = str(row.version.number)
    elif row.draft_id:
        values["draft"] = str(row.draft_id)
    elif len(row.definition) < 4_000:
        values["draft"] = json.pretty(ToolSpec.from_json(json.load(row.definition)).to_json())
    path = reverse("conversations:backtest-new", args=[row.project.slug])
    return f"{path}?{urlencode(values)}"


@member("responder")
@require_POST
def cancel_backtest(request: ProjectRequest, backtest: UUID) -> HttpResponse:
    row = _find(request, backtest)
    if engine.cancel(row):
        messages.success(request, "The backtest stops soon. What is judged so far stays.")
    else:
        messages.info(request, f"The backtest is {row.status} already.")
    return redirect("conversations:backtest", request.project.slug, row.pk)


@member("viewer")
@require_safe
def export_changes(request: ProjectRequest, backtest: UUID) -> HttpResponseBase:
    """Every changed call, streamed."""
    row, form = _find(request, backtest), request.GET.get("form", "ndjson")
    if form not in FORMATS:
        raise Http404(f"There is no format {form[:20]}")
    response = StreamingHttpResponse(export(row, form), content_type=FORMATS[form])
    name = f"backtest-{slugify(row.tool)[:40] or 'tool'}-{row.created_at:%Y-%m-%d}"
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def _find(request: ProjectRequest, backtest: UUID) -> Backtest:
    rows = Backtest.objects.select_related("project", "version", "draft", "requested_by")
    return get_object_or_404(rows, pk=backtest, project=request.project)


def _read_key(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
