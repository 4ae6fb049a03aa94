"""Importing in two steps: a source is read and told item by item, then ticked items are saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from tools_registry import tasks
from tools_registry.importers import FORMATS
from tools_registry.importers.mcp_servers import allowed_commands
from tools_registry.imports import asking, saving
from tools_registry.imports.asking import Refused
from tools_registry.imports.models import KEPT, ToolImport

_AROUND = 2
_FATES = {
    "new": "New tool",
    "version": "New version",
    "again": "Published again",
    "unchanged": "Unchanged",
    "refused": "Cannot be imported",
}
_AT_ONCE = 40
"""Items that are saved within the request; more are a worker's, with progress."""


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def create_import(request: ProjectRequest) -> HttpResponse:
    """The forms: a text or file, an address, an MCP server. A POST begins with one of them."""
    if request.method != "POST":
        return _show_forms(request)
    if request.POST.get("kind") == "stdio" and not request.member.may("admin"):
        raise PermissionDenied("this starts a program on the server, which needs the role admin")
    try:
        row = asking.ask(
            request.project, request.user, request.POST, upload=request.FILES.get("file")
        )
    except Refused as refused:
        return _show_forms(request, refused=str(refused), status=422)
    return redirect("tools_registry:import-detail", request.project.slug, row.pk)


def _show_forms(request: ProjectRequest, refused: str = "", status: int = 200) -> HttpResponse:
    context = {
        "formats": FORMATS,
        "chosen": request.POST.get("format", ""),
        "kind": request.POST.get("kind", ""),
        "text": request.POST.get("text", ""),
        "url": request.POST.get("url", ""),
        "refused": refused,
        "commands": allowed_commands(),
        "may_start": request.member.may("admin"),
        "largest": asking.LARGEST,
    }
    return render(request, "tools_registry/import.html", context, status=status)


def _find(request: ProjectRequest, pk: UUID) -> ToolImport:
    return get_object_or_404(ToolImport, project=request.project, pk=pk)


@member("engineer")
@require_safe
def show_import(request: ProjectRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if row.is_busy:
        return render(request, "tools_registry/import_busy.html", {"row": row})
    if row.state == "ready":
        return _show_items(request, row)
    return render(request, "tools_registry/import_ended.html", _describe_end(row))


@member("engineer")
@require_safe
def show_progress(request: ProjectRequest, pk: UUID) -> HttpResponse:
    """How far it is; tells the page to load anew once it ended."""
    row = _find(request, pk)
    response = render(request, "tools_registry/_import_progress.html", {"row": row})
    if not row.is_busy:
        response["HX-Refresh"] = "true"
    return response


def _describe_end(row: ToolImport) -> dict[str, Any]:
    """Why it failed, with the lines around where, and the text to correct."""
    lines = row.text.split("\n") if row.line else []
    first = max(0, row.line - 1 - _AROUND)
    around = [
        (number, line[:300], number == row.line)
        for number, line in enumerate(lines[first : row.line + _AROUND], first + 1)
    ]
    return {"row": row, "around": around, "formats": FORMATS}


def _show_items(
    request: ProjectRequest,
    row: ToolImport,
    *,
    ticked: set[int] | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    items = row.planned
    fate = request.GET.get("fate", "")
    if ticked is None:
        ticked = {at for at, item in enumerate(items) if _is_proposed(item)}
    counts = Counter(item["fate"] for item in items)
    shown = [
        _describe(item, at, at in ticked)
        for at, item in enumerate(items)
        if fate not in _FATES or item["fate"] == fate
    ]
    context = {
        "row": row,
        "items": shown,
        "whole": len(items),
        "fate": fate if fate in _FATES else "",
        "counts": [(key, label, counts[key]) for key, label in _FATES.items() if counts[key]],
        "found": FORMATS.get(row.found, "provider's own tools"),
        "has_errors": any(item["errors"] for item in shown),
        "refused": refused,
        "reason": request.POST.get("reason", ""),
        "expires": row.created_at + KEPT,
    }
    return render(request, "tools_registry/import_items.html", context, status=status)


def _is_proposed(item: Mapping[str, Any]) -> bool:
    return item["fate"] in ("new", "version", "again") and not item["is_part"]


def _describe(item: Mapping[str, Any], at: int, ticked: bool) -> dict[str, Any]:
    lint = Counter(one["severity"] for one in item["lint"])
    kinds = Counter(one["kind"] for one in item["changes"])
    notes = Counter(one["kind"] for one in item["notes"])
    return {
        **item,
        "problem": _end(item["problem"]),
        "index": at,
        "ticked": ticked,
        "label": _FATES[item["fate"]],
        "errors": lint["error"],
        "warnings": lint["warning"],
        "lost": notes["lost"],
        "changed": notes["changed"],
        "kinds": [
            (kind, kinds[kind]) for kind in ("breaking", "compatible", "wording") if kinds[kind]
        ],
    }


def _end(said: str) -> str:
    """A sentence with its full stop."""
    return said if not said or said.endswith(("?", ".")) else f"{said}."


@member("engineer")
@require_safe
def show_item(request: ProjectRequest, pk: UUID, item: int) -> HttpResponse:
    """The definition that one item would become."""
    planned = _find(request, pk).planned
    if item >= len(planned) or planned[item]["definition"] is None:
        raise Http404("There is no such definition")
    context = {"definition": json.pretty(planned[item]["definition"])}
    return render(request, "tools_registry/_import_definition.html", context)


@member("engineer")
@require_POST
def save_import(request: ProjectRequest, pk: UUID) -> HttpResponse:
    """Publish the ticked items, or keep them as drafts."""
    row = _find(request, pk)
    if row.state != "ready":
        return redirect("tools_registry:import-detail", request.project.slug, row.pk)
    items = row.planned
    ticked = {int(one) for one in request.POST.getlist("item") if one.isdecimal() and len(one) < 9}
    chosen = [items[at] for at in sorted(ticked) if at < len(items)]
    if not any(item["definition"] for item in chosen):
        return _show_items(request, row, ticked=ticked, refused="Tick what to save", status=422)
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    wanted = {"items": sorted(ticked & set(range(len(items)))), "reason": reason}
    wanted["as"] = "drafts" if request.POST.get("as") == "drafts" else "published"
    try:
        if wanted["as"] == "published":
            saving.ask_reason(chosen, reason)
    except saving.NoReason as error:
        names = ", ".join(error.names[:5]) + ("…" if len(error.names) > 5 else "")
        refused = f"Lint reports errors in {names}: say why to publish anyway, or save as drafts"
        return _show_items(request, row, ticked=ticked, refused=refused, status=422)
    row.user = request.user
    if len(chosen) > _AT_ONCE:
        if row.begin_saving(wanted, len(chosen), request.user):
            tasks.save_import.delay_on_commit(str(row.pk))
        return redirect("tools_registry:import-detail", request.project.slug, row.pk)
    saved = saving.save(row, chosen, wanted)
    row.close(saved.tell())
    messages.success(request, f"Imported from {row.source[:80]}: {saved.tell()}.")
    return _to_list(request, is_draft=saved.counts["draft"] > 0)


def _to_list(request: ProjectRequest, *, is_draft: bool) -> HttpResponseRedirect:
    response = redirect("tools_registry:tool-list", request.project.slug)
    if is_draft:
        response["Location"] += "?state=draft"
    return response


@member("engineer")
@require_POST
def cancel_import(request: ProjectRequest, pk: UUID) -> HttpResponse:
    _find(request, pk).cancel()
    return redirect("tools_registry:import-detail", request.project.slug, pk)
