"""The versions of a tool: their timeline, the changes between any two, publishing and retiring."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from tools_registry import publishing
from tools_registry.checking import lint_next, lint_version
from tools_registry.history import read_history, read_policy_events
from tools_registry.models import Tool, ToolDraft, ToolVersion
from tools_registry.views.comparison import Side, describe_changes, side_of

_LISTED = 500


def _find_tool(request: ProjectRequest, name: str) -> Tool:
    return get_object_or_404(Tool, project=request.project, name=name)


@member("viewer")
@require_safe
def list_versions(request: ProjectRequest, name: str) -> HttpResponse:
    """The timeline; traffic is added to it by a fragment of the conversations' pages."""
    tool = _find_tool(request, name)
    before = request.GET.get("before", "")
    context = {
        "tool": tool,
        "version": tool.current or tool.latest,
        "history": read_history(tool, before=int(before[:9]) if before.isdecimal() else None),
        "drafts": publishing.open_drafts(request.project, tool),
        "policies": read_policy_events(tool),
        "may_change": request.member.may("engineer"),
    }
    return render(request, "tools_registry/tool_versions.html", context)


@member("viewer")
@require_safe
def compare_versions(request: ProjectRequest, name: str) -> HttpResponse:
    """What changed from one version or draft to another; by default the newest version beside the
    one before. ``from`` and ``to`` hold a version's number, or d and a draft's id.
    """
    tool = _find_tool(request, name)
    versions = list(tool.versions.defer("definition").order_by("-number")[:_LISTED])
    drafts = [one for one in publishing.open_drafts(request.project, tool) if one.read().spec]
    new = _pick(tool, request.GET.get("to", "")) or (versions[0] if versions else None)
    newest = new.number if isinstance(new, ToolVersion) else None
    earlier = [one for one in versions if newest is None or one.number < newest]
    old = _pick(tool, request.GET.get("from", "")) or (earlier[0] if earlier else None)
    context: dict[str, Any] = {
        "tool": tool,
        "choices": [
            *((f"d{draft.pk}", f"draft {draft.pk}") for draft in drafts),
            *((str(version.number), f"v{version.number}") for version in versions),
        ],
        "only": new,
    }
    if old and new:
        context |= describe_changes(side_of(old), _with_lint(new))
    return render(request, "tools_registry/tool_diff.html", context)


def _pick(tool: Tool, key: str) -> ToolVersion | ToolDraft | None:
    """What a key names, None for ""; 404 where it is not there or cannot be read."""
    if not key:
        return None
    number = key.removeprefix("d")
    if not number.isdecimal() or len(number) > 18:
        raise Http404(f"There is no version {key[:20]}")
    if number == key:
        return get_object_or_404(tool.versions, number=int(number) if len(number) < 10 else -1)
    draft = get_object_or_404(ToolDraft, tool=tool, pk=int(number))
    if draft.read().spec is None:
        raise Http404(f"Draft {number} cannot be read yet")
    return draft


def _with_lint(row: ToolVersion | ToolDraft) -> Side:
    if isinstance(row, ToolVersion):
        return side_of(row, lint_version(row).problems)
    side = side_of(row)
    return side_of(row, lint_next(row.project, side.spec, row.tool).problems)


@member("engineer")
@require_POST
def retire_version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    version = _find_version(request, name, number)
    publishing.retire(version, user=request.user, note=_read_note(request))
    text = f"v{number} is retired: still judged, no longer offered in the playground."
    messages.success(request, text)
    return redirect("tools_registry:version-detail", request.project.slug, name, number)


@member("engineer")
@require_POST
def publish_version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """A retired version, or one that only traffic knows."""
    version = _find_version(request, name, number)
    publishing.republish(version, user=request.user, note=_read_note(request))
    messages.success(request, f"v{number} is published.")
    return redirect("tools_registry:version-detail", request.project.slug, name, number)


def _find_version(request: ProjectRequest, name: str, number: int) -> ToolVersion:
    return get_object_or_404(ToolVersion, tool=_find_tool(request, name), number=number)


def _read_note(request: ProjectRequest) -> str:
    return request.POST.get("note", "").replace("\0", "").strip()[:300]
