"""The door for programs that import: the same plan as the page's, and saving it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_http_methods

from console.accounts.access import ApiRequest, api_key
from tools_registry import api
from tools_registry.bodies import Refused, read_text, refusing
from tools_registry.importers import FORMATS, CannotRead
from tools_registry.imports import saving
from tools_registry.imports.plan import plan
from tools_registry.imports.reading import read_text as read_source


@api_key("read", POST="admin", PUT="admin")
@require_http_methods(["GET", "HEAD", "POST", "PUT"])
@refusing
def import_tools(request: ApiRequest) -> HttpResponseBase:
    """What the body's definitions would become; with ``save=1`` they become it.

    ``format`` forces one of ``FORMATS``, ``name`` is the file's. With ``save=1``, ``only`` names
    the tools to save (all by default), ``state=draft`` keeps drafts, ``reason`` says why to
    publish over lint errors. Other methods are those of a tool that is called import.
    """
    if request.method != "POST":
        return api.tool(request, "import")  # type: ignore[no-any-return]
    items, answer = _plan(request)
    if request.GET.get("save") != "1":
        return JsonResponse(answer | {"saved": None})
    only = set(request.GET.getlist("only"))
    wanted = only or {item["name"] for item in items if not item["is_part"]}
    chosen = [item for item in items if item["definition"] and item["name"] in wanted]
    if not chosen:
        raise Refused(422, "nothing_to_save", "No item can be saved.", items=items)
    saved = _save(request, chosen)
    return JsonResponse(answer | {"saved": {"counts": saved.counts, "versions": saved.versions}})


def _plan(request: ApiRequest) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    format = request.GET.get("format", "")
    if format and format not in FORMATS:
        raise Refused(422, "bad_format", f"Make format one of {', '.join(FORMATS)}.")
    try:
        read = read_source(read_text(request), format=format, name=request.GET.get("name", ""))
    except CannotRead as error:
        place = {"line": error.line, "column": error.column} if error.line else {}
        where = f"Line {error.line}: " if error.line else ""
        raise Refused(422, "unreadable_source", f"{where}{error.detail}.", **place) from None
    planned, note = plan(request.project, read.items)
    items = [one.to_json() for one in planned]
    counts = Counter(item["fate"] for item in items)
    return items, {"format": read.format, "counts": counts, "items": items, "note": note}


def _save(request: ApiRequest, chosen: list[dict[str, Any]]) -> saving.Saved:
    project, key = request.project, request.api_key
    note = f"Imported from {request.GET.get('name', '') or 'the API'}"[:300].replace("\0", "")
    if request.GET.get("state", "published") == "draft":
        return saving.keep_drafts(project, chosen, user=None, note=note)
    reason = request.GET.get("reason", "").replace("\0", "").strip()
    sender = f"{key.name} ({key.prefix})"[:100]
    try:
        return saving.publish(project, chosen, user=None, note=note, reason=reason, sender=sender)
    except saving.NoReason as error:
        detail = (
            "Lint reports errors: mend them, name the others with only=, or say why to publish"
            " anyway with reason="
        )
        raise Refused(422, "lint_errors", f"{detail}.", tools=error.names) from None
