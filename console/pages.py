"""The console's own pages: home, overview, palette, docs, and what stands in for a failed page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import django.db
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from console import docs
from console.accounts.access import (
    ProjectRequest,
    RoleTooLow,
    UserRequest,
    member,
    public,
    signed_in,
)
from console.accounts.models import ROLES, Member
from console.accounts.projects import may_make_projects
from console.lib.problems import problem
from console.shell import Shell, find_last_member, palette_entries
from tools_registry.models import Tool

_PALETTE_TOOLS = 1000
_MACHINE_PATHS = ("/api/", "/v1/", "/proxy/")
logger = logging.getLogger(__name__)


@public
@require_safe
def show_favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look by themselves, as on the administration's pages."""
    return redirect(static("mark.svg"), permanent=True)


@signed_in
@require_safe
def go_home(request: UserRequest) -> HttpResponse:
    """To the overview of the project used last; without a project, say how to get one."""
    found = find_last_member(request)
    if found is None:
        may = may_make_projects(request.user)
        return render(request, "console/no_project.html", {"may_make_projects": may})
    return redirect("console:overview", found.project.slug)


@member("viewer")
@require_GET
def list_project_palette(request: ProjectRequest) -> JsonResponse:
    entries = [*palette_entries(Shell(request)), *_docs_entries(), *_tool_entries(request)]
    return JsonResponse({"entries": entries})


@signed_in
@require_GET
def list_palette(request: UserRequest) -> JsonResponse:
    """The palette of somebody without a project."""
    return JsonResponse({"entries": [*palette_entries(Shell(request)), *_docs_entries()]})


def _docs_entries() -> Iterator[dict[str, str]]:
    for doc in docs.all_docs():
        yield {"kind": "Docs", "label": doc.title, "icon": "book", "url": doc.url}


def _tool_entries(request: ProjectRequest) -> Iterator[dict[str, str]]:
    tools = Tool.objects.filter(project=request.project, archived_at=None).order_by("name")
    for name in tools.values_list("name", flat=True)[:_PALETTE_TOOLS]:
        url = reverse("tools_registry:tool-detail", args=[request.project.slug, name])
        yield {"kind": "Tool", "label": name, "icon": "function", "url": url}


@signed_in
@require_safe
def show_docs_index(request: UserRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:200]
    context = {
        "query": query,
        "hits": docs.search(query),
        "index": docs.find("index"),
        "unlisted": docs.unlisted(),
    }
    return render(request, "console/docs_index.html", context)


@signed_in
@require_safe
def show_docs_page(request: UserRequest, page: str) -> HttpResponse:
    doc = docs.find(page)
    if doc is None or page == "index":
        raise Http404("no such page of the docs")
    order = docs.all_docs()
    at = [other.slug for other in order].index(doc.slug)
    context = {
        "doc": doc,
        "docs": order,
        "before": order[at - 1] if at else None,
        "after": order[at + 1] if at + 1 < len(order) else None,
    }
    return render(request, "console/docs_page.html", context)


@signed_in
@require_safe
def show_docs_image(request: UserRequest, name: str) -> FileResponse:
    """A picture that lies directly in ``docs/images``."""
    path = next((path for path in docs.IMAGES.glob("*") if path.name == name), None)
    if path is None or path.suffix not in docs.IMAGE_TYPES:
        raise Http404("no such picture")
    return FileResponse(path.open("rb"), content_type=docs.IMAGE_TYPES[path.suffix])


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(
        request,
        400,
        title="The request could not be read",
        text="The address or the form is not what this page expects. Go back and try again.",
        code="bad_request",
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No permission: say which role is needed, and who can grant it."""
    if not isinstance(exception, RoleTooLow):
        return _failure(
            request, 403, title="No permission", text="This page is not yours.", code="forbidden"
        )
    who = exception.member
    grantors = Member.objects.filter(project=who.project, role=ROLES[-1]).select_related("user")
    request.member, request.project = who, who.project  # type: ignore[attr-defined]
    return _failure(
        request,
        403,
        title="Your role does not reach this page",
        text=f"Your role in {who.project} is {who.role}; this needs {exception.needed}.",
        code="role_too_low",
        grantors=[grantor.user for grantor in grantors],
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(
        request,
        404,
        title="Nothing is here",
        text="The address is wrong, what it named is gone, or it belongs to a project that is "
        "not yours.",
        code="not_found",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    logger.warning("refused a form of %s: %s", request.path, reason)
    return _failure(
        request,
        403,
        title="The form was too old",
        text="Nothing was changed. You may have signed in again since the page was opened. "
        "Go back, reload the page and send the form again; cookies must be allowed.",
        code="csrf_failed",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Needs nothing that may have failed: no database, no session, no user."""
    if _speaks_json(request):
        return problem(500, "server_error", "The console failed; its log says why.")
    return HttpResponse(render_to_string("console/server_error.html"), status=500)


def _failure(
    request: HttpRequest, status: int, *, title: str, text: str, code: str, **more: Any
) -> HttpResponse:
    if _speaks_json(request):
        return problem(status, code, text)
    context = {"status": status, "title": title, "text": text, **more}
    try:
        return render(request, "console/failure.html", context, status=status)
    except django.db.Error:
        page = render_to_string("console/failure_plain.html", context)
        return HttpResponse(page, status=status)


def _speaks_json(request: HttpRequest) -> bool:
    accepts = request.headers.get("Accept", "")
    return request.path.startswith(_MACHINE_PATHS) or accepts.startswith("application/json")
