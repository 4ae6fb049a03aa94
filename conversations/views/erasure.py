"""One application user's data: how much, export, deletion, and the record of deletions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.forms import Form
from conversations import erasure, tasks
from conversations.custody import Erasure

_PAGE = "conversations/erasure.html"
_RECORDS = 50
_LONGEST = 300


class EraseForm(Form):
    """The user id typed again, so that no slip deletes."""

    user = forms.CharField(widget=forms.HiddenInput, strip=False)
    typed = forms.CharField(
        label="Type the user id to confirm",
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("typed") and cleaned.get("typed") != cleaned.get("user"):
            self.add_error("typed", "This is not the user id. Type it exactly as it is shown.")
        return cleaned


@member("admin")
@require_safe
def show_erasure(request: ProjectRequest) -> HttpResponse:
    user = request.GET.get("user", "")[:_LONGEST]
    return _show(request, user)


@member("admin")
@require_safe
def export_user(request: ProjectRequest) -> HttpResponseBase:
    """All turns of a user as NDJSON, streamed."""
    user = request.GET.get("user", "")[:_LONGEST]
    if not user:
        return _show(request, "", status=422)
    name = f"{request.project.slug}-{slugify(user)[:40] or 'user'}-{timezone.now():%Y-%m-%d}"
    response = StreamingHttpResponse(
        erasure.export(request.project, user), content_type="application/x-ndjson"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.ndjson"'
    response["Cache-Control"] = "no-store"
    return response


@member("admin")
@require_POST
def erase_user(request: ProjectRequest) -> HttpResponse:
    form = EraseForm(request.POST)
    user = request.POST.get("user", "")[:_LONGEST]
    if not form.is_valid():
        return _show(request, user, form=form, status=422)
    try:
        row = erasure.begin(request.project, user, request.user)
    except erasure.AlreadyRunning:
        messages.info(request, "This user's data is being deleted already.")
    else:
        tasks.erase_user.delay_on_commit(row.pk)
        messages.success(request, "The deletion has begun. It goes on if you leave this page.")
    return redirect("conversations:erasure", request.project.slug)


@member("admin")
@require_safe
def show_progress(request: ProjectRequest, erasure: int) -> HttpResponse:
    """One record of deletion, for htmx while it runs."""
    row = get_object_or_404(Erasure, pk=erasure, project=request.project)
    return render(request, "conversations/erasure_row.html", {"row": row})


@member("admin")
@require_POST
def cancel_erasure(request: ProjectRequest, erasure: int) -> HttpResponse:
    row = get_object_or_404(Erasure, pk=erasure, project=request.project)
    if row.is_open:
        Erasure.objects.filter(pk=row.pk, status="running").update(cancel_asked=True)
        messages.success(request, "The deletion stops soon. What is deleted does not come back.")
    else:
        messages.info(request, f"The deletion is {row.status} already.")
    return redirect("conversations:erasure", request.project.slug)


def _show(
    request: ProjectRequest, user: str, *, form: EraseForm | None = None, status: int = 200
) -> HttpResponse:
    rows = Erasure.objects.filter(project=request.project).select_related("requested_by")
    context = {
        "tab": "erasure",
        "searched": user,
        "amount": erasure.measure(request.project, user) if user else None,
        "form": form or EraseForm(initial={"user": user}),
        "rows": rows.order_by("-pk")[:_RECORDS],
    }
    response = render(request, _PAGE, context, status=status)
    response["Cache-Control"] = "no-store"
    return response
