"""Definitions in another dialect, to copy or to download, with what it cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.http.request import QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from console.accounts.access import ProjectRequest, member
from tools_registry import registry
from tools_registry.exporters import EXPORTERS, export
from tools_registry.models import Tool, ToolVersion

_LISTED = 500
"""Tools that the page lists to choose from; all are exported."""
_MOST_SHOWN = 500_000
_DEFAULT = "openai_chat"


@member("viewer")
@require_safe
def show_export(request: ProjectRequest) -> HttpResponse:
    """The tools that ``name`` names, all published ones without; one version with ``version``."""
    dialect = request.GET.get("dialect", _DEFAULT)
    dialect = dialect if dialect in EXPORTERS else _DEFAULT
    offered = _find_published(request)
    versions = _pick(request, offered)
    exported = export([version.spec for version in versions], dialect)
    exporter = EXPORTERS[dialect]
    if request.GET.get("download") == "1":
        stem = versions[0].tool.name if len(versions) == 1 else "tools"
        return _send(exported.text, f"{_plain(stem)}.{dialect}.{exporter.suffix}", exporter.media)
    names = set(request.GET.getlist("name"))
    context: dict[str, Any] = {
        "dialect": dialect,
        "exporter": exporter,
        "choices": [
            (key, one.title, _query(request, dialect=key)) for key, one in EXPORTERS.items()
        ],
        "versions": versions,
        "single": versions[0] if len(versions) == 1 and len(names) == 1 else None,
        "offered": [(version, version.tool.name in names) for version in offered[:_LISTED]],
        "unlisted": max(len(offered) - _LISTED, 0),
        "is_selection": bool(names),
        "text": exported.text[:_MOST_SHOWN],
        "is_cut": len(exported.text) > _MOST_SHOWN,
        "notes": exported.notes,
        "download": _query(request, dialect=dialect, download="1"),
    }
    return render(request, "tools_registry/export.html", context)


def _find_published(request: ProjectRequest) -> list[ToolVersion]:
    """The version in use of each tool that somebody published, by name."""
    tools = list(Tool.objects.filter(project=request.project, archived_at=None).order_by("name"))
    current = registry.current_versions(tools)
    found = [current[tool.pk] for tool in tools if tool.pk in current]
    return [version for version in found if version.state == "published"]


def _pick(request: ProjectRequest, offered: Sequence[ToolVersion]) -> list[ToolVersion]:
    names = [name.replace("\0", "") for name in request.GET.getlist("name")]
    if not names:
        return list(offered)
    number = request.GET.get("version", "")
    if len(names) == 1 and number.isdecimal() and len(number) < 10:
        version = get_object_or_404(
            ToolVersion, tool__project=request.project, tool__name=names[0], number=int(number)
        )
        return [version]
    tools = list(Tool.objects.filter(project=request.project, name__in=names).order_by("name"))
    current = registry.current_versions(tools)
    return [current[tool.pk] for tool in tools if tool.pk in current]


def _query(request: ProjectRequest, **changed: str) -> str:
    query: QueryDict = request.GET.copy()
    query.pop("download", None)
    for key, value in changed.items():
        query[key] = value
    return query.urlencode()


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]


def _send(text: str, name: str, media: str) -> HttpResponse:
    # A lone surrogate has no place in UTF-8: it is written as its escape.
    response = HttpResponse(text.encode("utf-8", "backslashreplace"), content_type=media)
    response["Content-Disposition"] = (
        f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    )
    return response
