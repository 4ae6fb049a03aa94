"""The doors for programs: definitions in and out, and the verdict on a call before it runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from console.accounts.access import ApiRequest, api_key
from console.lib import json
from console.lib.problems import problem
from tools_registry import publishing, registry
from tools_registry.bodies import Refused, read_text, refusing
from tools_registry.dialects import UnreadableTool
from tools_registry.drafts import read_draft
from tools_registry.exporters import EXPORTERS, export
from tools_registry.models import OPEN, Tool, ToolDraft, ToolVersion
from tools_registry.specs import ToolSpec
from tools_registry.validation.syntax import read_value

_PAGE, _LARGEST_PAGE = 100, 500


def _describe(version: ToolVersion) -> dict[str, Any]:
    return {
        "name": version.tool.name,
        "version": version.number,
        "hash": version.hash,
        "origin": version.origin,
        "state": version.state,
        "note": version.note,
        "created_at": version.created_at.isoformat(),
        "first_seen_at": version.first_seen_at and version.first_seen_at.isoformat(),
        "last_seen_at": version.last_seen_at and version.last_seen_at.isoformat(),
        "archived": version.tool.archived_at is not None,
        "definition": json.load(version.definition),
    }


@api_key("read")
@require_safe
@refusing
def list_tools(request: ApiRequest) -> HttpResponseBase:
    """The current version of each tool, by name; ``next`` is the ``after`` of the next page.

    ``dialect`` gives the page's tools as one document of that dialect instead.
    """
    limit = _read_limit(request.GET.get("limit", str(_PAGE)))
    tools = Tool.objects.filter(project=request.project, name__gt=_read_text("after", request))
    if request.GET.get("archived") != "1":
        tools = tools.filter(archived_at=None)
    found = list(tools.order_by("name")[: limit + 1])
    current = registry.current_versions(found[:limit])
    versions = [current[tool.pk] for tool in found[:limit] if tool.pk in current]
    following = found[limit - 1].name if len(found) > limit else None
    if dialect := request.GET.get("dialect"):
        return JsonResponse(_export(versions, dialect) | {"next": following})
    return JsonResponse({"tools": [_describe(version) for version in versions], "next": following})


def _export(versions: list[ToolVersion], dialect: str) -> dict[str, Any]:
    """The tools as a document of a dialect (a text where it is no JSON), with its losses."""
    if dialect not in EXPORTERS:
        raise Refused(422, "bad_dialect", f"Make dialect one of {', '.join(EXPORTERS)}.")
    exported = export([version.spec for version in versions], dialect)
    return {
        "dialect": dialect,
        "document": exported.text if exported.value is None else exported.value,
        "notes": {name: [note.to_json() for note in notes] for name, notes in exported.notes},
    }


def _read_text(name: str, request: ApiRequest) -> str:
    return request.GET.get(name, "").replace("\0", "")


def _read_limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise Refused(400, "bad_limit", f"Make limit a number from 1 to {_LARGEST_PAGE}.")
    return int(text)


@api_key("read", PUT="admin")
@require_http_methods(["GET", "HEAD", "PUT"])
@refusing
def tool(request: ApiRequest, name: str) -> HttpResponseBase:
    """Read one tool with its versions' numbers, hashes and states, or put a definition.

    Read is the newest version that is not retired. A definition is published; with ``state=draft``,
    in the query or as a member of the body, it is kept as a draft.
    """
    if request.method == "PUT":
        return _put_tool(request, name)
    versions = list(
        ToolVersion.objects.select_related("tool")
        .filter(tool__project=request.project, tool__name=name)
        .order_by("-number")
    )
    if not versions:
        return problem(404, "tool_not_found", f"This project has no tool {name}.")
    current = next((version for version in versions if not version.retired_at), versions[0])
    history = [
        {"version": v.number, "hash": v.hash, "origin": v.origin, "state": v.state}
        for v in versions
    ]
    return JsonResponse(_describe(current) | {"versions": history})


def _put_tool(request: ApiRequest, name: str) -> HttpResponseBase:
    text = read_text(request)
    draft = read_draft(text)
    if draft.spec is None or draft.errors:
        problems = [found.to_json() for found in draft.errors]
        code = "unreadable_tool" if draft.spec is None else "invalid_schema"
        status = 400 if draft.spec is None else 422
        first = draft.errors[0]
        detail = f"Line {first.line}, column {first.column}: {first.message}."
        raise Refused(status, code, detail, problems=problems)
    if draft.spec.name != name:
        detail = f"The address names {name}, the definition {draft.spec.name}. Make them equal."
        raise Refused(422, "name_differs", detail)
    state = _read_state(request, text)
    if state == "draft":
        return _put_draft(request, draft.spec)
    key = request.api_key
    try:
        version, is_new = registry.register(
            request.project,
            draft.spec,
            note=_read_text("note", request),
            sender=f"{key.name} ({key.prefix})"[:100],
        )
    except UnreadableTool as error:
        raise Refused(422, "unreadable_tool", f"{error.detail}.") from None
    address = reverse("tools_registry:api-tool", args=[name])
    status = 201 if is_new else 200
    return JsonResponse(_describe(version), status=status, headers={"Location": address})


def _read_state(request: ApiRequest, text: str) -> str:
    body, _ = read_value(text)
    given = body.get("state") if isinstance(body, dict) else None
    state = request.GET.get("state") or given or "published"
    if state not in ("published", "draft"):
        raise Refused(422, "bad_state", "Make state published or draft, or leave it out.")
    return str(state)


def _put_draft(request: ApiRequest, spec: ToolSpec) -> HttpResponseBase:
    """An open draft with just this definition; the one that is there, or a new one."""
    text = json.pretty(spec.to_json())
    tool = publishing.find_tool(request.project, spec.name)
    same = ToolDraft.objects.filter(
        OPEN, project=request.project, tool=tool, name=spec.name, text=text
    )
    found = same.order_by("pk").first()
    draft = found or publishing.start_draft(
        request.project,
        text,
        user=None,
        tool=tool,
        base=tool.current if tool else None,
        note=_read_text("note", request),
    )
    page = reverse("tools_registry:draft-edit", args=[request.project.slug, draft.pk])
    answer = {
        "name": spec.name,
        "state": "draft",
        "draft": draft.pk,
        "hash": spec.hash,
        "note": draft.note,
        "updated_at": draft.updated_at.isoformat(),
        "page": request.build_absolute_uri(page),
        "definition": spec.to_json(),
    }
    return JsonResponse(answer, status=200 if found else 201)
