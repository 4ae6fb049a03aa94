"""An incident's post-mortem: read, written with preview and autosave, its versions, exports."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib.problems import problem
from conversations.incidents.postmortem import documents
from conversations.incidents.postmortem.merging import merge
from conversations.incidents.postmortem.records import PostMortem, PostMortemVersion
from conversations.incidents.postmortem.rendering import show
from conversations.incidents.postmortem.template import TEMPLATE
from conversations.incidents.records import Incident
from tools_registry.diff.lines import Row, split_rows

_AROUND = 2
"""Equal lines that stand around a changed one."""


def find_incident(request: ProjectRequest, number: int) -> Incident:
    rows = Incident.objects.select_related("project", "owner", "opened_by")
    return get_object_or_404(rows, project=request.project, number=number)


def _find(request: ProjectRequest, number: int) -> PostMortem:
    found = documents.find_document(find_incident(request, number))
    if found is None:
        raise Http404("no post-mortem was begun")
    return found


def _read_text(request: ProjectRequest, name: str = "text") -> str:
    text = request.POST.get(name, "").replace("\r\n", "\n")
    return text[: documents.LARGEST]


def _read_revision(request: ProjectRequest) -> int:
    number = request.POST.get("revision", "")
    return int(number) if number.isdecimal() and len(number) < 9 else 0


@member("viewer")
@require_safe
def show_document(request: ProjectRequest, number: int) -> HttpResponse:
    """The document with its figures as they are now; before it is begun, what it would be."""
    incident = find_incident(request, number)
    document = documents.find_document(incident)
    versions = document.versions.select_related("author") if document else None
    context = {
        "incident": incident,
        "document": document,
        "shown": show(incident, document.text if document else TEMPLATE),
        "versions": list(versions.order_by("-number")[:100]) if versions is not None else [],
        "may_change": request.member.may("responder"),
    }
    return render(request, "conversations/post_mortem.html", context)


@member("responder")
@require_POST
def begin_document(request: ProjectRequest, number: int) -> HttpResponse:
    documents.begin(find_incident(request, number), request.user)
    return redirect("conversations:post-mortem-edit", request.project.slug, number)


@member("responder")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_document(request: ProjectRequest, number: int) -> HttpResponse:
    """The editor. A POST keeps what was typed since ``revision``: 409 where another wrote."""
    found = documents.find_document(find_incident(request, number))
    if found is None:
        return redirect("conversations:post-mortem", request.project.slug, number)
    document = found
    if request.method != "POST":
        return _show_editor(request, document, document.text)
    text = _read_text(request)
    written = documents.save(document, text, revision=_read_revision(request), user=request.user)
    if not request.accepts("text/html"):
        return _answer(document, written=written)
    if written:
        messages.success(request, "The post-mortem is saved.")
        return redirect("conversations:post-mortem", request.project.slug, number)
    document.refresh_from_db()
    base = _read_text(request, "base")
    compared = _compare(document, text, base)
    return _show_editor(request, document, text, base=base, compared=compared)


def _answer(document: PostMortem, *, written: bool) -> JsonResponse:
    if not written:
        document.refresh_from_db()
        return problem(409, "post_mortem_changed", _tell_conflict(document))
    version = document.versions.latest("number").number
    saved_at = document.updated_at.isoformat()
    return JsonResponse({"revision": document.revision, "version": version, "saved_at": saved_at})


def _tell_conflict(document: PostMortem) -> str:
    who = document.updated_by or "Somebody"
    return f"{who} changed the post-mortem while you were editing. Nothing of yours is lost."


def _show_editor(
    request: ProjectRequest,
    document: PostMortem,
    text: str,
    *,
    base: str | None = None,
    compared: dict[str, Any] | None = None,
) -> HttpResponse:
    incident = document.incident
    context = {
        "incident": incident,
        "document": document,
        "text": text,
        "base": document.text if base is None else base,
        "shown": show(incident, text),
        **(compared or {}),
    }
    status = 409 if compared else 200
    return render(request, "conversations/post_mortem_edit.html", context, status=status)


@member("responder")
@require_POST
def preview_document(request: ProjectRequest, number: int) -> HttpResponse:
    """What was typed as it would be shown, and the references that name nothing."""
    shown = show(find_incident(request, number), _read_text(request))
    return render(request, "conversations/_post_mortem_preview.html", {"shown": shown})


@member("responder")
@require_POST
def compare_documents(request: ProjectRequest, number: int) -> HttpResponse:
    """What another saved beside what was typed here, and both put together."""
    document = _find(request, number)
    context = _compare(document, _read_text(request), _read_text(request, "base"))
    context |= {"incident": document.incident, "document": document}
    return render(request, "conversations/_post_mortem_conflict.html", context)


def _compare(document: PostMortem, mine: str, base: str) -> dict[str, Any]:
    return {
        "conflict": _tell_conflict(document),
        "rows": changed_rows(document.text, mine),
        "merged": merge(base, mine, document.text),
        "theirs": document,
    }


def changed_rows(old: str, new: str) -> list[Row]:
    """The rows that differ, each with a few equal lines around it."""
    rows = split_rows(old, new)
    near = {
        other
        for at, row in enumerate(rows)
        if any(side is not None and side.is_changed for side in (row.left, row.right))
        for other in range(at - _AROUND, at + _AROUND + 1)
    }
    return [row for at, row in enumerate(rows) if at in near]


# ---- versions


@member("viewer")
@require_safe
def show_version(request: ProjectRequest, number: int, version: int) -> HttpResponse:
    """What a version changed, and the document as it was."""
    document = _find(request, number)
    found = get_object_or_404(
        PostMortemVersion.objects.select_related("author"), document=document, number=version
    )
    before = document.versions.filter(number=version - 1).first()
    context = {
        "incident": document.incident,
        "document": document,
        "version": found,
        "before": before,
        "rows": changed_rows(before.text, found.text) if before else [],
        "shown": show(document.incident, found.text),
        "is_now": found.text == document.text,
        "may_change": request.member.may("responder"),
    }
    return render(request, "conversations/post_mortem_version.html", context)


@member("responder")
@require_POST
def restore_version(request: ProjectRequest, number: int, version: int) -> HttpResponse:
    """Make an older version the document; what it was stays a version."""
    document = _find(request, number)
    found = get_object_or_404(PostMortemVersion, document=document, number=version)
    if documents.save(document, found.text, revision=document.revision, user=request.user):
        messages.success(request, f"Version {version} is the document again.")
    else:
        messages.error(request, _tell_conflict(document))
    return redirect("conversations:post-mortem", request.project.slug, number)


# ---- exports


@member("viewer")
@require_safe
def export_markdown(request: ProjectRequest, number: int) -> HttpResponse:
    """The document as Markdown, its figures as they are now."""
    document = _find(request, number)
    name = f"{document.incident.name.lower()}-post-mortem.md"
    return HttpResponse(
        show(document.incident, document.text).markdown,
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@member("viewer")
@require_safe
def print_document(request: ProjectRequest, number: int) -> HttpResponse:
    """The document alone on a page, as paper takes it."""
    document = _find(request, number)
    context = {
        "incident": document.incident,
        "document": document,
        "shown": show(document.incident, document.text),
    }
    return render(request, "conversations/post_mortem_print.html", context)
