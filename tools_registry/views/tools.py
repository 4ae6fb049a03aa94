"""The tools' pages: the list, a tool with one of its versions, and the archive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import json
from tools_registry import publishing, registry
from tools_registry.checking import count_problems, lint_version
from tools_registry.execution import cache
from tools_registry.lint_settings import read_rules
from tools_registry.models import OPEN, Tool, ToolDraft, ToolVersion
from tools_registry.outline import read_rows
from tools_registry.policies.published import policy_for
from tools_registry.policies.wording import tell_execution

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
_SHOWN = {
    "": "In use",
    "published": "Published",
    "draft": "Drafts",
    "observed": "Observed only",
    "retired": "Retired",
    "archived": "Archived",
}


@member("viewer")
@require_safe
def list_tools(request: ProjectRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip().replace("\0", "")[:200]
    shown = request.GET.get("state", "")
    shown = shown if shown in _SHOWN else ""
    after = request.GET.get("after", "").replace("\0", "")
    whole = Tool.objects.filter(project=request.project)
    tools = _select(whole, shown).filter(name__gt=after)
    if query:
        tools = tools.filter(Q(name__icontains=query) | Q(pk__in=_described(request, query)))
    found = list(tools.annotate(**_COUNTS).order_by("name")[: _PAGE + 1])
    current = registry.current_versions(found[:_PAGE])
    lint = count_problems(list(current.values()), read_rules(request.project))
    rows = [(tool, current.get(tool.pk)) for tool in found[:_PAGE]]
    is_first = shown in ("", "draft") and not after
    context = {
        "rows": [(tool, one, lint.get(one.pk) if one else None) for tool, one in rows],
        "new": _find_new(request, query) if is_first else [],
        "after": found[_PAGE - 1].name if len(found) > _PAGE else "",
        "query": query,
        "shown": shown,
        "choices": _SHOWN.items(),
        "has_tools": whole.exists(),
        "may_change": request.member.may("engineer"),
        "command": _command(request),
    }
    return render(request, "tools_registry/tool_list.html", context)


_COUNTS: dict[str, Any] = {
    "last_seen_at": Max("versions__last_seen_at"),
    "version_count": Count("versions", distinct=True),
    "draft_count": Count(
        "drafts",
        distinct=True,
        filter=Q(drafts__version=None, drafts__discarded_at=None),
    ),
}


def _select(tools: QuerySet[Tool], shown: str) -> QuerySet[Tool]:
    """Those that a choice of the list stands for, by the state of their current version."""
    tools = tools.filter(archived_at__isnull=shown != "archived")
    versions = ToolVersion.objects.filter(tool=OuterRef("pk"))
    by_state: dict[str, list[Any]] = {
        "published": [Exists(versions.filter(retired_at=None).exclude(published_at=None))],
        "draft": [Exists(ToolDraft.objects.filter(OPEN, tool=OuterRef("pk")))],
        "observed": [Exists(versions), ~Exists(versions.exclude(published_at=None))],
        "retired": [Exists(versions), ~Exists(versions.filter(retired_at=None))],
    }
    return tools.filter(*by_state.get(shown, []))


def _find_new(request: ProjectRequest, query: str) -> list[ToolDraft]:
    """Drafts of tools that are not there yet."""
    drafts = publishing.open_drafts(request.project)
    return [draft for draft in drafts if query.casefold() in draft.name.casefold()]


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
    return _show(request, tool, tool.current or tool.latest)


@member("viewer")
@require_safe
def show_version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    tool = _find_tool(request, name)
    return _show(request, tool, get_object_or_404(ToolVersion, tool=tool, number=number))


def _show(request: ProjectRequest, tool: Tool, version: ToolVersion | None) -> HttpResponse:
    spec = version.spec if version else None
    current = tool.current
    may_change = request.member.may("engineer")
    edit = reverse("tools_registry:tool-edit", args=[request.project.slug, tool.name])
    start = f"?from={version.number}" if version and version != current else ""
    context = {
        "tool": tool,
        "version": version,
        "current": current,
        "fix_url": edit + start if may_change else "",
        "event": version.events.select_related("by").order_by("at", "pk").last()
        if version
        else None,
        "versions": tool.versions.select_related("created_by")
        .defer("definition")
        .order_by("-number"),
        "drafts": publishing.open_drafts(request.project, tool),
        "spec": spec,
        "definition": json.pretty(spec.to_json()) if spec else "",
        "rows": read_rows(spec.parameters) if spec else [],
        "output_rows": read_rows(spec.output_schema) if spec else [],
        "is_closed": bool(spec and (spec.parameters or {}).get("additionalProperties") is False),
        "may_change": may_change,
        "linted": lint_version(version) if version else None,
        **_describe_execution(request, tool),
    }
    return render(request, "tools_registry/tool_detail.html", context)


_BOUNDS = frozenset(
    ["Timeout", "Rate", "Budget", "Tried again", "Circuit breaker", "Cache", "Cost"]
)
_TALLIED_DAYS = 30


def _describe_execution(request: ProjectRequest, tool: Tool) -> dict[str, Any]:
    """What the published policy bounds, and what the cache did; nothing where nothing runs it."""
    policy = policy_for(request.project, tool.pk)
    execution = policy.spec.execution if policy else None
    if policy is None or execution is None or not execution.runs:
        return {"runs": None}
    told = list(tell_execution(execution))
    return {
        "runs": next((value for label, value in told if label == "Run by"), ""),
        "bounds": [(label, value) for label, value in told if label in _BOUNDS],
        "policy_number": policy.number,
        "is_cached": bool(execution.cache_ttl),
        "tally": cache.read_tally(request.project.pk, tool.name, days=_TALLIED_DAYS)
        if execution.cache_ttl
        else None,
        "tallied_days": _TALLIED_DAYS,
    }


@member("engineer")
@require_POST
def purge_tool(request: ProjectRequest, name: str) -> HttpResponse:
    """Let no result of the tool that the cache keeps be used again."""
    tool = _find_tool(request, name)
    if cache.purge(request.project.pk, tool.name):
        messages.success(request, f"The cache of {name} is empty: its next calls are executed.")
    else:
        messages.error(request, "Valkey does not answer, so nothing was purged. Try again.")
    return redirect("tools_registry:tool-detail", request.project.slug, name)


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
