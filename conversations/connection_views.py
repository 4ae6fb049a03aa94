"""Pages of connections: list, add, edit, archive, test."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib import http
from conversations.connection_forms import ConnectionForm
from conversations.connections import Report, find_open, test_connection
from conversations.models import Connection

_EDIT = "conversations/connection_edit.html"


@member("viewer")
@require_safe
def list_connections(request: ProjectRequest) -> HttpResponse:
    return _show_list(request)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def add_connection(request: ProjectRequest) -> HttpResponse:
    form = ConnectionForm(request.POST or None, project=request.project)
    return _save(request, form)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_connection(request: ProjectRequest, connection: int) -> HttpResponse:
    found = _find(request, connection)
    form = ConnectionForm(request.POST or None, project=request.project, connection=found)
    return _save(request, form)


@member("engineer")
@require_POST
def archive_connection(request: ProjectRequest, connection: int) -> HttpResponse:
    """Archive it, or bring an archived one back (``restore``)."""
    found = _find(request, connection)
    restore = bool(request.POST.get("restore"))
    found.archived_at = None if restore else timezone.now()
    found.save(update_fields=["archived_at"])
    done = "is in use again" if restore else "is archived; its turns stay"
    messages.success(request, f"{found.name} {done}.")
    return redirect("conversations:connection-list", request.project.slug)


@member("responder")
@require_POST
def test(request: ProjectRequest, connection: int) -> HttpResponse:
    """Try the connection now; the answer is the report, alone for htmx."""
    found = _find(request, connection)
    report = async_to_sync(_run_test)(found, request.POST.get("model", "")[:200])
    if request.htmx:
        context = {"connection": found, "report": report, "may_change": _may_change(request)}
        return render(request, "conversations/_connection_report.html", context)
    return _show_list(request, tested=found, report=report)


async def _run_test(connection: Connection, model: str) -> Report:
    async with http.client() as client:
        return await test_connection(connection, client, model=model)


def _find(request: ProjectRequest, pk: int) -> Connection:
    return get_object_or_404(Connection, pk=pk, project=request.project)


def _may_change(request: ProjectRequest) -> bool:
    return request.member.may("engineer")


def _save(request: ProjectRequest, form: ConnectionForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"{saved.name} is saved. Test it here.")
        return redirect("conversations:connection-list", request.project.slug)
    context = {"form": form, "connection": form.connection}
    return render(request, _EDIT, context, status=422 if form.is_bound else 200)


def _show_list(
    request: ProjectRequest, *, tested: Connection | None = None, report: Report | None = None
) -> HttpResponse:
    archived = Connection.objects.filter(project=request.project, archived_at__isnull=False)
    context = {
        "connections": find_open(request.project),
        "archived": archived.order_by("name"),
        "tested": tested,
        "report": report,
        "may_change": _may_change(request),
        "may_test": request.member.may("responder"),
        "tab": "connections",
    }
    return render(request, "conversations/connection_list.html", context)
