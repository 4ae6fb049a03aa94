"""Writing a definition: the editor, drafts kept as they are typed, and publishing one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.access import ProjectRequest, member
from console.lib import json
from console.lib.problems import problem
from tools_registry import publishing
from tools_registry.checking import lint_draft
from tools_registry.drafts import LARGEST, read_draft
from tools_registry.models import Tool, ToolDraft, ToolVersion
from tools_registry.publishing import Blocked
from tools_registry.views.comparison import describe_changes, side_of

_NEW = """{
  "name": "",
  "description": "",
  "parameters": {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": false
  }
}"""


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def create_tool(request: ProjectRequest) -> HttpResponse:
    if request.method == "POST":
        return _start(request, None)
    return _show_editor(request, None, _NEW)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_tool(request: ProjectRequest, name: str) -> HttpResponse:
    """The editor of the tool's next version, starting from the current one or from ``from``."""
    tool = get_object_or_404(Tool, project=request.project, name=name)
    if request.method == "POST":
        return _start(request, tool)
    start = _find_base(tool, request.GET.get("from", "")) or tool.current or tool.latest
    text = json.pretty(start.spec.to_json()) if start else _NEW
    return _show_editor(request, tool, text, base=start)


def _find_base(tool: Tool | None, number: str) -> ToolVersion | None:
    if tool is None or not number.isdecimal() or len(number) > 9:
        return None
    return tool.versions.filter(number=int(number)).first()


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_draft(request: ProjectRequest, draft: int) -> HttpResponse:
    found = _find(request, draft)
    if request.method == "POST":
        return _save(request, found)
    if found.version:
        return _to_version(request, found.version)
    if not found.is_open:
        return render(request, "tools_registry/draft_closed.html", {"draft": found})
    return _show_editor(request, found.tool, found.text, base=found.base, draft=found)


def _find(request: ProjectRequest, draft: int) -> ToolDraft:
    rows = ToolDraft.objects.select_related("tool", "base", "version__tool", "updated_by")
    return get_object_or_404(rows, pk=draft, project=request.project)


def _show_editor(
    request: ProjectRequest,
    tool: Tool | None,
    text: str,
    *,
    base: ToolVersion | None = None,
    draft: ToolDraft | None = None,
) -> HttpResponse:
    drafts = publishing.open_drafts(request.project, tool)
    latest = tool.latest if tool else None
    context = {
        "tool": tool,
        "draft": draft,
        "text": text,
        "base": base,
        "next": latest.number + 1 if latest else 1,
        "others": [other for other in drafts if other != draft],
        "problems": [found.to_json() for found in publishing.find_problems(draft, draft.read())]
        if draft
        else [],
    }
    return render(request, "tools_registry/tool_edit.html", context)


# ---- keeping


def _read_text(request: ProjectRequest, name: str, most: int) -> str:
    """A field as a row can hold it."""
    return request.POST.get(name, "").replace("\0", "").strip()[:most]


def _read_definition(request: ProjectRequest) -> str:
    return request.POST.get("definition", "")[: LARGEST + 1]


def _begin(request: ProjectRequest, tool: Tool | None) -> ToolDraft:
    return publishing.start_draft(
        request.project,
        _read_definition(request),
        user=request.user,
        tool=tool,
        base=_find_base(tool, request.POST.get("base", "")),
        note=_read_text(request, "note", 300),
    )


def _start(request: ProjectRequest, tool: Tool | None) -> HttpResponse:
    return _go_on(request, _begin(request, tool))


def _go_on(request: ProjectRequest, draft: ToolDraft) -> HttpResponseRedirect:
    """To where the pressed button leads."""
    page = "draft-publish" if request.POST.get("then") == "publish" else "draft-edit"
    return redirect(f"tools_registry:{page}", request.project.slug, draft.pk)


def _read_revision(request: ProjectRequest) -> int:
    number = request.POST.get("revision", "")
    return int(number) if number.isdecimal() and len(number) < 9 else 0


def _write(request: ProjectRequest, draft: ToolDraft) -> bool:
    return draft.write(
        _read_definition(request),
        _read_text(request, "note", 300),
        revision=_read_revision(request),
        user=request.user,
    )


def _save(request: ProjectRequest, draft: ToolDraft) -> HttpResponse:
    """Nobody is overwritten: what meets another's writing becomes a draft of its own."""
    if _write(request, draft):
        return _go_on(request, draft)
    draft.refresh_from_db()
    mine = publishing.start_draft(
        request.project,
        _read_definition(request),
        user=request.user,
        tool=draft.tool,
        base=draft.base,
        note=_read_text(request, "note", 300),
    )
    messages.warning(request, f"{_tell_conflict(draft)} Yours is kept as draft {mine.pk}.")
    return _go_on(request, mine)


def _tell_conflict(draft: ToolDraft) -> str:
    if draft.version_id:
        return f"Draft {draft.pk} was published while you were editing."
    if draft.discarded_at:
        return f"Draft {draft.pk} was discarded while you were editing."
    who = draft.updated_by or "Somebody"
    return f"{who} changed draft {draft.pk} while you were editing."


@member("engineer")
@require_POST
def start_draft(request: ProjectRequest) -> HttpResponse:
    """A new draft of the tool that ``tool`` names, or of one that is not there yet."""
    name = request.POST.get("tool", "").replace("\0", "")
    tool = publishing.find_tool(request.project, name) if name else None
    if name and tool is None:
        return problem(404, "tool_not_found", f"There is no tool {name[:80]}.")
    return JsonResponse(_describe(request, _begin(request, tool)), status=201)


@member("engineer")
@require_POST
def save_draft(request: ProjectRequest, draft: int) -> HttpResponse:
    """Keep what was typed since ``revision``; 409 where another wrote meanwhile."""
    found = _find(request, draft)
    if _write(request, found):
        return JsonResponse(_describe(request, found))
    found.refresh_from_db()
    return problem(409, "draft_changed", _tell_conflict(found))


def _describe(request: ProjectRequest, draft: ToolDraft) -> dict[str, Any]:
    def url(name: str) -> str:
        return reverse(f"tools_registry:{name}", args=[request.project.slug, draft.pk])

    return {
        "id": draft.pk,
        "revision": draft.revision,
        "saved_at": draft.updated_at.isoformat(),
        "url": url("draft-edit"),
        "save": url("draft-save"),
    }


@member("engineer")
@require_POST
def check_definition(request: ProjectRequest) -> HttpResponse:
    """What is wrong with the text of a definition, at which lines; nothing is saved.

    ``tool`` names the tool whose next version it is, if it is one.
    """
    text = request.POST.get("definition", "")
    draft = read_draft(text)
    name = request.POST.get("tool", "").replace("\0", "")
    tool = publishing.find_tool(request.project, name) if name else None
    return JsonResponse(draft.to_json() | lint_draft(request.project, text, draft, tool))


@member("engineer")
@require_POST
def discard_draft(request: ProjectRequest, draft: int) -> HttpResponse:
    found = _find(request, draft)
    found.discard()
    return redirect("tools_registry:draft-edit", request.project.slug, found.pk)


@member("engineer")
@require_POST
def reopen_draft(request: ProjectRequest, draft: int) -> HttpResponse:
    found = _find(request, draft)
    found.reopen()
    return redirect("tools_registry:draft-edit", request.project.slug, found.pk)


# ---- publishing


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def publish_draft(request: ProjectRequest, draft: int) -> HttpResponse:
    """What publishing would change and what lint says of it; then publish."""
    found = _find(request, draft)
    if request.method == "POST":
        return _publish(request, found)
    if not found.is_open:
        return redirect("tools_registry:draft-edit", request.project.slug, found.pk)
    return _show_review(request, found)


def _publish(request: ProjectRequest, draft: ToolDraft) -> HttpResponse:
    before = draft.tool.versions.count() if draft.tool else 0
    try:
        version = publishing.publish(
            draft,
            revision=_read_revision(request),
            user=request.user,
            note=_read_text(request, "note", 300),
            reason=_read_text(request, "reason", 500),
        )
    except Blocked as error:
        draft.refresh_from_db()
        return _show_review(request, draft, str(error))
    if version.number <= before:
        messages.info(request, f"Nothing changed: this is v{version.number}.")
    else:
        messages.success(request, f"Published as v{version.number}.")
    return _to_version(request, version)


def _to_version(request: ProjectRequest, version: ToolVersion) -> HttpResponseRedirect:
    slug = request.project.slug
    return redirect("tools_registry:version-detail", slug, version.tool.name, version.number)


def _show_review(request: ProjectRequest, draft: ToolDraft, blocked: str = "") -> HttpResponse:
    review = publishing.review(draft)
    latest = draft.tool.latest if draft.tool else None
    context: dict[str, Any] = {
        "draft": draft,
        "tool": draft.tool,
        "review": review,
        "linted": review.linted,
        "blocked": blocked,
        "next": latest.number + 1 if latest else 1,
        "note": _read_text(request, "note", 300) or draft.note,
        "reason": _read_text(request, "reason", 500),
        "may_change": True,
        "overtaken": bool(draft.base and latest and latest.number > draft.base.number),
        "latest": latest,
    }
    if review.current and review.read.spec:
        sides = side_of(review.current), side_of(draft, review.linted.problems)
        context |= describe_changes(*sides)
    status = 409 if blocked else 200
    return render(request, "tools_registry/draft_publish.html", context, status=status)
