"""A new replay: its form, edited in place, with what it will take and what stands in its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib.fields import to_plain
from conversations.connections import find_open
from conversations.incidents.records import Incident
from conversations.replay.answers import MODES as ANSWERS
from conversations.replay.forms import AnswerForm, Faults, Form, ToolForm, VariantForm, read_form
from conversations.replay.ordering import make_order, read_key
from conversations.replay.orders import NotReady, check, estimate
from conversations.replay.plan import Estimate
from conversations.replay.records import MODES
from conversations.replay.sources import BadSource, Source, find_source, is_named, turns_of_rows
from conversations.replay.starting import start
from conversations.replay.suggesting import definition_of, suggest
from conversations.suites.records import Suite
from tools_registry.models import OPEN, Policy, RouterVersion, Tool, ToolDraft, ToolVersion

_LISTED = 200
_SHOWN = 12


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def start_replay(request: ProjectRequest) -> HttpResponse:
    """The form for the cases that the address names; its buttons; and the start."""
    given = request.POST if request.method == "POST" else request.GET
    values = {name: given.get(name, "").replace("\0", "") for name in given}
    if not is_named(values):
        return _choose_source(request)
    try:
        if ids := given.getlist("id"):
            kind, query = values.get("kind", ""), values.get("q", "")
            values["turns"] = turns_of_rows(request.project, kind, ids, query)
        source = find_source(request.project, values)
    except BadSource as error:
        return _choose_source(request, {error.field: error.problem})
    if request.method != "POST":
        form = suggest(request.project, source, request.GET.get)
        return _show(request, source, form)
    form, step = read_form(values), values.get("then", "")
    if step == "estimate":
        return _show_estimate(request, source, form)
    if step:
        return _show(request, source, _fill(form.change(step), source))
    return _start(request, source, form)


def _choose_source(
    request: ProjectRequest, errors: Mapping[str, str] | None = None
) -> HttpResponse:
    """Where cases may come from: the first page of a replay that nothing led to."""
    incidents = Incident.objects.filter(project=request.project).order_by("-number")
    context = {
        "incidents": incidents[:20],
        "suites": Suite.objects.filter(project=request.project).order_by("name")[:_LISTED],
        "errors": errors or {},
        "values": request.GET,
    }
    status = 422 if errors else 200
    return render(request, "conversations/replay_source.html", context, status=status)


def _start(request: ProjectRequest, source: Source, form: Form) -> HttpResponse:
    order, faults = make_order(request.project, source, form)
    if faults:
        return _show(request, source, form, faults)
    try:
        replay = start(
            request.project,
            order,
            incident=source.incident,
            suite=source.suite,
            by=request.user,
        )
    except NotReady as error:
        return _show(request, source, form, faults, error.reasons)
    return redirect("conversations:replay", request.project.slug, replay.number)


def _fill(form: Form, source: Source) -> Form:
    """The form with the offered definition wherever one is to be edited and none is there."""

    def fill(tool: ToolForm) -> ToolForm:
        if tool.to != "text" or tool.text.strip() or not tool.name:
            return tool
        return replace(tool, text=definition_of(source, tool.name))

    variants = (replace(one, tools=tuple(map(fill, one.tools))) for one in form.variants)
    return replace(form, variants=tuple(variants))


def _show(
    request: ProjectRequest,
    source: Source,
    form: Form,
    faults: Faults | None = None,
    reasons: list[str] | None = None,
) -> HttpResponse:
    names = sorted(source.count_tools())
    if form.mode == "conversation" and not form.answers:
        form = replace(form, answers=(AnswerForm(), *(AnswerForm(name, "") for name in names[:40])))
    context = {
        "source": source,
        "form": form,
        "modes": MODES,
        "answer_modes": ANSWERS,
        "variants": [_describe_variant(request.project, one) for one in form.variants],
        "tools": _list_tools(request.project, names),
        "connections": find_open(request.project),
        "routers": _list_routers(request.project),
        "sample": source.cases[:_SHOWN],
        "errors": faults.by_field if faults else {},
        **_weigh(request.project, source, form, reasons),
    }
    status = 422 if faults or reasons else 200
    page = "conversations/replay_new.html"
    if request.htmx and not request.htmx.boosted:
        page, status = "conversations/_replay_form.html", 200
    return render(request, page, context, status=status)


def _show_estimate(request: ProjectRequest, source: Source, form: Form) -> HttpResponse:
    context = {"source": source, "form": form, **_weigh(request.project, source, form)}
    return render(request, "conversations/_replay_estimate.html", context)


def _weigh(
    project: Project, source: Source, form: Form, reasons: list[str] | None = None
) -> dict[str, Any]:
    """What it will take, and why it cannot start as it stands."""
    order, faults = make_order(project, source, form)
    found = list(dict.fromkeys([*(reasons or []), *faults.by_field.values()]))
    told = Estimate()
    if not found:
        found = check(project, order)
    if not faults and source.cases:
        told = estimate(project, order)
    return {"estimate": told, "reasons": found, "variant_count": len(order.variants) + 1}


# ---- what can be chosen


@dataclass(frozen=True)
class ToolChoice:
    """A tool row with what its tool may be changed to: (value, label)."""

    form: ToolForm
    versions: list[tuple[str, str]]
    policies: list[tuple[str, str]]


def _describe_variant(project: Project, form: VariantForm) -> dict[str, Any]:
    return {"form": form, "tools": [_describe_tool(project, tool) for tool in form.tools]}


def _describe_tool(project: Project, form: ToolForm) -> ToolChoice:
    if not form.name and not form.to:
        return ToolChoice(form, [], [])
    drafts = ToolDraft.objects.filter(project=project).filter(OPEN).order_by("-updated_at")
    versions = ToolVersion.objects.filter(project=project).order_by("-number")
    if form.name:
        drafts = drafts.filter(tool__name=form.name) | drafts.filter(name=form.name)
        versions = versions.filter(tool__name=form.name)
    elif form.to.startswith("v:"):
        versions = versions.filter(pk=read_key(form.to[2:]))
    told = [(f"d:{one.pk}", f"draft {one.pk}") for one in drafts[:20]] if form.name else []
    told += [
        (f"v:{one.pk}", f"v{one.number}, {one.state}")
        for one in versions.select_related("tool")[:50]
    ]
    policies = Policy.objects.filter(project=project, tool__name=form.name).order_by("-number")
    choices = [(str(one.number), f"policy {one.number}, {one.state}") for one in policies[:50]]
    return ToolChoice(form, told, choices)


def _list_tools(project: Project, offered: list[str]) -> list[tuple[str, bool]]:
    """Tools of the cases first, then the project's others; each with whether it is offered."""
    known = [to_plain(name) for name in offered]
    rows = Tool.objects.filter(project=project, archived_at=None).exclude(name__in=known)
    others = rows.order_by("name").values_list("name", flat=True)[:_LISTED]
    return [*((name, True) for name in offered), *((name, False) for name in others)]


def _list_routers(project: Project) -> list[RouterVersion]:
    rows = RouterVersion.objects.select_related("router").filter(
        project=project, router__archived_at=None
    )
    return list(rows.order_by("router__name", "-number")[:_LISTED])
