"""The private hosts that a project's tools may reach."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from tools_registry.execution.hosts import MOST, BadHost, is_reachable, read_host
from tools_registry.models import ToolHost


@member("viewer")
@require_safe
def show_hosts(request: ProjectRequest) -> HttpResponse:
    return _show(request)


def _show(request: ProjectRequest, text: str = "", error: str = "") -> HttpResponse:
    hosts = ToolHost.objects.filter(project=request.project).select_related("created_by")
    context = {
        "tab": "hosts",
        "hosts": [(host, is_reachable(host.host)) for host in hosts.order_by("host")[:MOST]],
        "text": text,
        "error": error,
        "may_change": request.member.may("admin"),
    }
    return render(request, "tools_registry/hosts.html", context, status=422 if error else 200)


@member("admin")
@require_POST
def add_host(request: ProjectRequest) -> HttpResponse:
    text = request.POST.get("host", "").replace("\0", "")
    try:
        host = read_host(text)
    except BadHost as error:
        return _show(request, text[:300], str(error))
    if ToolHost.objects.filter(project=request.project).count() >= MOST:
        return _show(request, text, f"A project has at most {MOST} hosts: name a network")
    ToolHost.objects.get_or_create(
        project=request.project, host=host, defaults={"created_by": request.user}
    )
    messages.success(request, f"Tools of this project may reach {host} now.")
    return redirect("tools_registry:host-list", request.project.slug)


@member("admin")
@require_POST
def remove_host(request: ProjectRequest) -> HttpResponse:
    host = request.POST.get("host", "").replace("\0", "")
    gone, _ = ToolHost.objects.filter(project=request.project, host=host).delete()
    if gone:
        messages.success(request, f"Tools of this project may no longer reach {host}.")
    return redirect("tools_registry:host-list", request.project.slug)
