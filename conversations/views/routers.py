"""Routers: which tools to offer for which input; written, tried, and judged on recorded inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.models import Project
from console.lib import json, uuid7
from conversations import tasks
from conversations.connections import find_open
from conversations.routers.cases import MOST
from conversations.routers.classifying import (
    known_scores,
    progress_key,
    read_progress,
    unknown_inputs,
)
from conversations.routers.judging import changed_cases, judge_routers
from tools_registry.models import Router, RouterVersion, Tool
from tools_registry.policies.drafts import Fault
from tools_registry.routing import RouterSpec, pick, route
from tools_registry.routing.drafts import read_router

_SHOWN = 200
_SIZES = (100, 500, MOST)


def _find(request: ProjectRequest, router: int) -> Router:
    return get_object_or_404(Router, project=request.project, pk=router)


def _pick_version(router: Router, number: str) -> RouterVersion:
    versions = router.versions.select_related("created_by", "router")
    if number.isdecimal() and len(number) < 10:
        return get_object_or_404(versions, number=int(number))
    found = versions.order_by("-number").first()
    assert found is not None, "a router is made with its first version"
    return found


@member("viewer")
@require_safe
def list_routers(request: ProjectRequest) -> HttpResponse:
    rows = Router.objects.filter(project=request.project).order_by("archived_at", "name")
    context = {
        "routers": [(router, router.latest) for router in rows[:_SHOWN]],
        "may_change": request.member.may("engineer"),
    }
    return render(request, "conversations/router_list.html", context)


@member("viewer")
@require_safe
def show_router(request: ProjectRequest, router: int) -> HttpResponse:
    """One version of the router, the newest by default, judged beside ``against``."""
    found = _find(request, router)
    version = _pick_version(found, request.GET.get("v", ""))
    versions = list(found.versions.select_related("created_by").order_by("-number")[:_SHOWN])
    context = {
        "router": found,
        "version": version,
        "spec": version.spec,
        "versions": versions,
        "document": json.pretty(version.spec.to_json()),
        "asked": _read_question(request),
        "sizes": _SIZES,
        "may_change": request.member.may("engineer"),
    }
    return render(request, "conversations/router.html", context)


def _read_question(request: ProjectRequest) -> dict[str, Any]:
    """What the judgement is asked with, from the address."""
    last = request.GET.get("last", "")
    against = request.GET.get("against", "")
    return {
        "last": min(int(last), MOST) if last.isdecimal() and 0 < len(last) < 7 else _SIZES[1],
        "trusting": request.GET.get("needed", "accepted") != "told",
        "against": int(against) if against.isdecimal() and len(against) < 10 else None,
    }


@member("viewer")
@require_safe
def judge_router(request: ProjectRequest, router: int) -> HttpResponse:
    """The fragment that says how the router does on recorded inputs."""
    found = _find(request, router)
    version = _pick_version(found, request.GET.get("v", ""))
    asked = _read_question(request)
    other = found.versions.filter(number=asked["against"]).first() if asked["against"] else None
    specs = [version.spec, *([other.spec] if other else [])]
    judged = judge_routers(request.project, specs, asked["last"] or 1, trusting=asked["trusting"])
    context = {
        "router": found,
        "version": version,
        "judged": judged[0],
        "other": other,
        "former": judged[1] if other else None,
        "changed": changed_cases(judged[1], judged[0]) if other else [],
        "asked": asked,
        "progress": read_progress(version),
        "may_change": request.member.may("engineer"),
        "inputs_url": _write_inputs(found, version, asked, judged[0].newest),
    }
    return render(request, "conversations/_router_judged.html", context)


def _write_inputs(
    router: Router, version: RouterVersion, asked: dict[str, Any], newest: UUID | None
) -> str:
    """The address of the turns that were judged, to which what is asked of them is added."""
    path = reverse("conversations:router-inputs", args=[router.project.slug, router.pk])
    needed = "accepted" if asked["trusting"] else "told"
    values = {"v": version.number, "last": asked["last"], "needed": needed, "newest": newest or ""}
    return f"{path}?{urlencode(values)}"


@member("viewer")
@require_safe
def list_inputs(request: ProjectRequest, router: int) -> HttpResponse:
    """The turns that a cell of the matrix counts; without one, those in which a needed tool would
    not have been offered."""
    found = _find(request, router)
    version = _pick_version(found, request.GET.get("v", ""))
    asked, newest = _read_question(request), _read_key(request.GET.get("newest", ""))
    last, trusting = asked["last"] or 1, asked["trusting"]
    judged = judge_routers(request.project, [version.spec], last, trusting=trusting, newest=newest)[
        0
    ]
    wanted, intent = (request.GET.get(name, "") for name in ("wanted", "intent"))
    cases = judged.of_cell(wanted, intent) if wanted else judged.missed_in
    page = Paginator(cases, _SHOWN).get_page(request.GET.get("page"))
    cell = f"&{urlencode({'wanted': wanted, 'intent': intent})}" if wanted else ""
    context = {
        "router": found,
        "version": version,
        "asked": asked,
        "looked_at": judged.looked_at,
        "wanted": wanted,
        "intent": intent,
        "page": page,
        "rows": [(one, uuid7.time(UUID(one.case.id))) for one in page],
        "address": _write_inputs(found, version, asked, newest) + cell,
    }
    return render(request, "conversations/router_inputs.html", context)


def _read_key(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@member("engineer")
@require_POST
def classify_inputs(request: ProjectRequest, router: int) -> HttpResponse:
    """Ask the router's classifier of the recorded inputs that it was not asked of; or stop that."""
    version = _pick_version(_find(request, router), request.POST.get("v", ""))
    if request.POST.get("then") == "stop":
        cache.delete(progress_key(version))
    elif read_progress(version) is None:
        tasks.classify_inputs.delay(
            version.pk,
            min(int(request.POST.get("last", "500") or 500), MOST),
            request.POST.get("needed") != "told",
        )
        cache.set(progress_key(version), {"done": 0, "whole": 0, "error": ""}, 60)
    return redirect("conversations:router", request.project.slug, router)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def create_router(request: ProjectRequest) -> HttpResponse:
    if request.method != "POST":
        return _show_editor(request, None, _suggest(request.project))
    text, name = request.POST.get("document", ""), _plain(request.POST.get("name", ""), 80)
    spec, faults = read_router(text)
    if spec is None or not name:
        problem = "" if name else "Name the router."
        return _show_editor(request, None, text, faults, name=name, problem=problem)
    try:
        with transaction.atomic():
            router = Router.objects.create(project=request.project, name=name)
            router.write(spec, request.user, _plain(request.POST.get("note", ""), 300))
    except IntegrityError:
        problem = f"There is a router {name} already. Choose another name."
        return _show_editor(request, None, text, name=name, problem=problem)
    messages.success(request, f"{name} is kept as version 1.")
    return redirect("conversations:router", request.project.slug, router.pk)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_router(request: ProjectRequest, router: int) -> HttpResponse:
    """Write the next version, from the one that ``v`` names or from the newest."""
    found = _find(request, router)
    if request.method != "POST":
        version = _pick_version(found, request.GET.get("v", ""))
        return _show_editor(request, found, json.pretty(version.spec.to_json()))
    text = request.POST.get("document", "")
    spec, faults = read_router(text)
    if spec is None:
        return _show_editor(request, found, text, faults)
    version = found.write(spec, request.user, _plain(request.POST.get("note", ""), 300))
    messages.success(request, f"{found.name} is at version {version.number}.")
    return redirect("conversations:router", request.project.slug, found.pk)


def _plain(text: str, longest: int) -> str:
    return text.replace("\0", "").strip()[:longest]


def _suggest(project: Project) -> str:
    """A first router: one group with the project's tools, to be divided."""
    tools = Tool.objects.filter(project=project, archived_at=None).order_by("name")
    names = list(tools.values_list("name", flat=True)[:100])
    first = {"name": "first", "description": "What it is about", "tools": names}
    keyword = {"words": ["word", "begin*", "a phrase"], "groups": ["first"]}
    return json.pretty({"groups": [first], "keywords": [keyword], "otherwise": "all"})


def _show_editor(
    request: ProjectRequest,
    router: Router | None,
    text: str,
    faults: Sequence[Fault] = (),
    *,
    name: str = "",
    problem: str = "",
) -> HttpResponse:
    context = {
        "router": router,
        "text": text,
        "faults": faults,
        "name": name,
        "problem": problem,
        "connections": [connection.name for connection in find_open(request.project)],
    }
    status = 422 if faults or problem else 200
    return render(request, "conversations/router_edit.html", context, status=status)


@member("engineer")
@require_POST
def try_router(request: ProjectRequest) -> HttpResponse:
    """What the router in ``document`` would offer for ``text``, and how it does on recorded
    inputs; nothing is saved and no model is asked."""
    spec, faults = read_router(request.POST.get("document", ""))
    text = request.POST.get("text", "")[:20_000]
    context: dict[str, Any] = {"faults": faults}
    if spec is not None:
        context |= _try(request.project, spec, text)
        context["judged"] = judge_routers(request.project, [spec], _SIZES[1], trusting=True)[0]
    return render(request, "conversations/_router_tried.html", context)


@member("viewer")
@require_safe
def try_input(request: ProjectRequest, router: int) -> HttpResponse:
    """What a stored version would offer for ``text``."""
    version = _pick_version(_find(request, router), request.GET.get("v", ""))
    context = _try(request.project, version.spec, request.GET.get("text", "")[:20_000])
    return render(request, "conversations/_router_input.html", context)


def _try(project: Project, spec: RouterSpec, text: str) -> dict[str, Any]:
    named = {tool for group in spec.groups for tool in group.tools} | set(spec.always)
    named |= {tool for keyword in spec.keywords for tool in keyword.tools}
    rows = Tool.objects.filter(project=project, archived_at=None).order_by("name")
    tools = list(rows.values_list("name", flat=True)[:500])
    decision = route(spec, text, known_scores(project, spec, [text]))
    return {
        "spec": spec,
        "text": text,
        "decision": decision,
        "offered": pick(spec, decision, tools),
        "tool_count": len(tools),
        "unknown": sorted(named - set(tools))[:50],
        "is_unasked": bool(text and unknown_inputs(project, spec, [text])),
    }


@member("engineer")
@require_POST
def archive_router(request: ProjectRequest, router: int) -> HttpResponse:
    found = _find(request, router)
    found.archive(back=request.POST.get("then") == "back")
    return redirect("conversations:router-list", request.project.slug)
