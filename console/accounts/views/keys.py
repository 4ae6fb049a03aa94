"""API keys of a project."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.addresses import scopes_in_use
from console.accounts.forms import KeyForm
from console.accounts.models import SCOPES, ApiKey


@member("admin")
@require_safe
def list_keys(request: ProjectRequest) -> HttpResponse:
    return _show(request, _form())


@member("admin")
@require_POST
def add_key(request: ProjectRequest) -> HttpResponse:
    """The answer itself shows the key, this once: only its hash is kept."""
    form = _form(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    key, text = ApiKey.issue(project=request.project, created_by=request.user, **form.cleaned_data)
    return _show(request, _form(), made=key, text=text, curl=_curl(request, key, text))


@member("admin")
@require_POST
def revoke_key(request: ProjectRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=pk, project=request.project)
    if ApiKey.objects.filter(pk=pk, revoked_at=None).update(revoked_at=timezone.now()):
        messages.success(request, f"The key {key.name} no longer works.")
    else:
        messages.info(request, f"The key {key.name} was revoked already.")
    return redirect("accounts:keys", request.project.slug)


def _form(data: object = None) -> KeyForm:
    used = scopes_in_use()
    return KeyForm(data, scopes=[scope for scope in SCOPES if scope in used])


def _curl(request: ProjectRequest, key: ApiKey, text: str) -> str:
    """A command that tries the key on what its scopes allow; empty where nothing is that short."""
    tools = request.build_absolute_uri("/api/v1/tools")
    send = f'curl -H "Authorization: Bearer {text}" {tools}'
    if "read" in key.scopes:
        return send
    if "admin" in key.scopes:
        definition = '{"name": "ping", "parameters": {"type": "object", "properties": {}}}'
        return f"{send}/ping -X PUT -d '{definition}'"
    return ""


def _show(
    request: ProjectRequest, form: KeyForm, *, status: int = 200, **more: object
) -> HttpResponse:
    keys = ApiKey.objects.filter(project=request.project).select_related("created_by")
    context = {
        "tab": "keys",
        "keys": keys.filter(revoked_at=None).order_by("-created_at"),
        "revoked": keys.exclude(revoked_at=None).order_by("-revoked_at")[:50],
        "form": form,
        **more,
    }
    response = render(request, "accounts/keys.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response
