"""The tools' pages: the list, a tool and its versions, and the editor of the next version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from tools_registry import diff, registry
from tools_registry.checking import lint_draft, lint_version
from tools_registry.dialects import UnreadableTool
from tools_registry.diff.lines import split_rows
from tools_registry.drafts import Draft, Problem, read_draft
from tools_registry.models import Tool, ToolVersion
from tools_registry.outline import read_rows

_PAGE = 100
_EXAMPLE = {
    "name": "get_weather",
    "description": "Get current weather for a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
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


@member("viewer")
@require_safe
def list_tools(request: ProjectRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip().replace("\0", "")[:200]
    is_archive = request.GET.get("archived") == "1"
    after = request.GET.get("after", "").replace("\0", "")
    whole = Tool.objects.filter(project=request.project)
    tools = whole.filter(archived_at__isnull=not is_archive, name__gt=after)
    if query:
        tools = tools.filter(Q(name__icontains=query) | Q(pk__in=_described(request, query)))
    found = list(tools.annotate(version_count=Count("versions")).order_by("name")[: _PAGE + 1])
    newest = registry.newest_versions(found[:_PAGE])
    context = {
        "rows": [(tool, newest.get(tool.pk)) for tool in found[:_PAGE]],
        "after": found[_PAGE - 1].name if len(found) > _PAGE else "",
        "query": query,
        "is_archive": is_archive,
        "archived_count": whole.exclude(archived_at=None).count(),
        "has_tools": whole.exists(),
        "may_change": request.member.may("engineer"),
        "command": _command(request),
    }
    return render(request, "tools_registry/tool_list.html", context)


def _command(request: ProjectRequest) -> str:
    """What a person copies to send a first definition by API."""
    address = request.build_absolute_uri(
        reverse("tools_registry:api-tool", args=[_EXAMPLE["name"]])
    )
    return (
        f"curl -X PUT {address} \\\n"
        "  -H 'Authorization: Bearer mf_…' \\\n"
        f"  -d '{json.dump(_EXAMPLE)}'"
    )


def _described(request: ProjectRequest, query: str) -> Any:
    """The ids of tools of which some version's definition holds the text."""
    versions = ToolVersion.objects.filter(project=request.project, definition__icontains=query)
    return versions.values("tool_id")


def _find_tool(request: ProjectRequest, name: str) -> Tool:
    return get_object_or_404(Tool, project=request.project, name=name)


@member("viewer")
@require_safe
def show_tool(request: ProjectRequest, name: str) -> HttpResponse:
    tool = _find_tool(request, name)
    return _show(request, tool, tool.latest)


@member("viewer")
@require_safe
def show_version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    tool = _find_tool(request, name)
    return _show(request, tool, get_object_or_404(ToolVersion, tool=tool, number=number))


def _show(request: ProjectRequest, tool: Tool, version: ToolVersion | None) -> HttpResponse:
    spec = version.spec if version else None
    context = {
        "tool": tool,
        "version": version,
        "versions": tool.versions.select_related("created_by").order_by("-number"),
        "spec": spec,
        "definition": json.pretty(spec.to_json()) if spec else "",
        "rows": read_rows(spec.parameters) if spec else [],
        "output_rows": read_rows(spec.output_schema) if spec else [],
        "is_closed": bool(spec and (spec.parameters or {}).get("additionalProperties") is False),
        "may_change": request.member.may("engineer"),
        "linted": lint_version(version) if version else None,
    }
    return render(request, "tools_registry/tool_detail.html", context)


@member("viewer")
@require_safe
def compare_versions(request: ProjectRequest, name: str) -> HttpResponse:
    """What changed from one version to another; by default the newest beside the one before."""
    tool = _find_tool(request, name)
    versions = list(tool.versions.select_related("created_by").order_by("-number"))
    by_number = {version.number: version for version in versions}
    new = _pick(request, "to", by_number) or (versions[0] if versions else None)
    earlier = [version for version in versions if new and version.number < new.number]
    old = _pick(request, "from", by_number) or (earlier[0] if earlier else None)
    context: dict[str, Any] = {"tool": tool, "versions": versions, "old": old, "new": new}
    if old and new:
        changes = diff.compare(old.spec, new.spec)
        rows = split_rows(*(json.pretty(v.spec.to_json()) for v in (old, new)))
        context |= {
            "changes": changes,
            "counts": [(kind, sum(c.kind == kind for c in changes)) for kind in diff.KINDS],
            "left": [row.left for row in rows],
            "right": [row.right for row in rows],
        }
    return render(request, "tools_registry/tool_diff.html", context)


def _pick(
    request: ProjectRequest, side: str, versions: dict[int, ToolVersion]
) -> ToolVersion | None:
    """The version that ``side`` of the query names, None for none; 404 where it is not there."""
    number = request.GET.get(side, "")
    if not number:
        return None
    found = versions.get(int(number)) if number.isdecimal() and len(number) < 10 else None
    if found is None:
        raise Http404(f"There is no version {number[:20]}")
    return found


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def create_tool(request: ProjectRequest) -> HttpResponse:
    if request.method != "POST":
        return _show_editor(request, None, _NEW)
    text = request.POST.get("definition", "")
    draft = read_draft(text)
    if draft.spec is None or draft.errors:
        return _show_editor(request, None, text, draft.problems)
    existing = Tool.objects.filter(project=request.project, name=draft.spec.name).first()
    if existing:
        message = f"{draft.spec.name} exists already. Choose another name, or edit that tool"
        return _show_editor(request, None, text, (Problem(message, "/name"),), existing)
    return _save(request, None, draft, text)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_tool(request: ProjectRequest, name: str) -> HttpResponse:
    tool = _find_tool(request, name)
    if request.method != "POST":
        wanted = request.GET.get("from", "")
        older = tool.versions.filter(number=wanted).first() if wanted.isdecimal() else None
        start = older or tool.latest
        text = json.pretty(start.spec.to_json()) if start else _NEW
        return _show_editor(request, tool, text)
    text = request.POST.get("definition", "")
    draft = read_draft(text)
    if draft.spec is None or draft.errors:
        return _show_editor(request, tool, text, draft.problems)
    if draft.spec.name != tool.name:
        message = f"A version keeps its tool's name, {tool.name}. Under another name, make a tool"
        return _show_editor(request, tool, text, (Problem(message, "/name"),))
    return _save(request, tool, draft, text)


def _show_editor(
    request: ProjectRequest,
    tool: Tool | None,
    text: str,
    problems: tuple[Problem, ...] = (),
    existing: Tool | None = None,
) -> HttpResponse:
    latest = tool.latest if tool else None
    context = {
        "tool": tool,
        "latest": latest,
        "text": text,
        "problems": [problem.to_json() for problem in problems],
        "existing": existing,
        "note": request.POST.get("note", ""),
        "base": request.POST.get("base") or (latest.number if latest else 0),
        "next": latest.number + 1 if latest else 1,
    }
    status = 422 if problems else 200
    return render(request, "tools_registry/tool_edit.html", context, status=status)


def _save(request: ProjectRequest, tool: Tool | None, draft: Draft, text: str) -> HttpResponse:
    assert draft.spec is not None
    note = request.POST.get("note", "").replace("\0", "").strip()
    base = request.POST.get("base", "")
    try:
        version, is_new = registry.register(
            request.project, draft.spec, user=request.user, note=note
        )
    except UnreadableTool as error:
        return _show_editor(request, tool, text, (Problem(error.detail, error.pointer),))
    if not is_new:
        messages.info(request, f"Nothing changed: this is v{version.number}.")
    elif tool and base.isdecimal() and version.number > int(base) + 1:
        messages.warning(request, _tell_overtaken(version, int(base)))
    else:
        messages.success(request, f"Saved as v{version.number}.")
    return redirect(
        "tools_registry:version-detail", request.project.slug, version.tool.name, version.number
    )


def _tell_overtaken(version: ToolVersion, base: int) -> str:
    between = version.tool.versions.filter(number__gt=base, number__lt=version.number)
    names = ", ".join(
        f"v{other.number} by {other.created_by or other.origin}"
        for other in between.select_related("created_by").order_by("number")
    )
    return (
        f"Saved as v{version.number}. It does not contain {names}, saved while you were editing;"
        " both are kept."
    )


@member("engineer")
@require_POST
def check_definition(request: ProjectRequest) -> HttpResponse:
    """What is wrong with the text of a definition, at which lines; nothing is saved.

    ``tool`` names the tool whose next version it is, if it is one.
    """
    text = request.POST.get("definition", "")
    draft = read_draft(text)
    name = request.POST.get("tool", "").replace("\0", "")
    tool = Tool.objects.filter(project=request.project, name=name).first() if name else None
    return JsonResponse(draft.to_json() | lint_draft(request.project, text, draft, tool))


@member("engineer")
@require_POST
def archive_tool(request: ProjectRequest, name: str) -> HttpResponse:
    _find_tool(request, name).archive()
    messages.success(request, f"{name} is archived. What was recorded of it stays.")
    return redirect("tools_registry:tool-detail", request.project.slug, name)


@member("engineer")
@require_POST
def unarchive_tool(request: ProjectRequest, name: str) -> HttpResponse:
    _find_tool(request, name).unarchive()
    messages.success(request, f"{name} is back in the list.")
    return redirect("tools_registry:tool-detail", request.project.slug, name)
