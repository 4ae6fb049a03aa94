"""The page on which an admin sets a key from observing to guarding."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from console.accounts.access import ProjectRequest, member
from console.accounts.forms import Form
from console.accounts.models import ApiKey, Project
from conversations.guard.records import MOST_TRIES, ProxyGuard
from tools_registry.models import RouterVersion

MODES = [
    ("observe", "Observe: calls pass as they are"),
    ("guard", "Guard: rejected calls do not pass"),
]
_MOST_VERSIONS = 200


class GuardForm(Form):
    """How the proxy treats the calls of one key."""

    mode = forms.ChoiceField(
        label="Calls through the proxy",
        choices=MODES,
        help_text="Text of a guarded answer passes as it arrives, its calls once they are judged."
        " What the guard changed is a note on the turn.",
    )
    router = forms.ModelChoiceField(
        RouterVersion.objects.none(),
        label="Offer the tools that this router chooses",
        required=False,
        empty_label="All tools that the application sends",
    )
    tries = forms.IntegerField(
        label="How often rejected calls are answered back to the model",
        min_value=0,
        max_value=MOST_TRIES,
        help_text="With the findings, so that it corrects them. After that they are held. 0 holds"
        " them at once.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = RouterVersion.objects.filter(project=project, router__archived_at=None)
        newest = versions.order_by("router__name", "-number").values_list("pk", flat=True)
        field = self.fields["router"]
        assert isinstance(field, forms.ModelChoiceField)
        chosen = RouterVersion.objects.filter(pk__in=list(newest[:_MOST_VERSIONS]))
        field.queryset = chosen.select_related("router").order_by("router__name", "-number")


@member("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_guard(request: ProjectRequest, key: int) -> HttpResponse:
    """Show and change how the proxy treats a key's calls."""
    found = get_object_or_404(ApiKey, pk=key, project=request.project, revoked_at=None)
    guard = ProxyGuard.objects.filter(api_key=found).first()
    form = GuardForm(
        request.POST if request.method == "POST" else None,
        project=request.project,
        initial={
            "mode": "guard" if guard else "observe",
            "router": guard.router_version_id if guard else None,
            "tries": guard.tries if guard else 2,
        },
    )
    if request.method == "POST" and form.is_valid():
        _save(request, found, form.cleaned_data)
        return redirect("accounts:keys", request.project.slug)
    context = {"tab": "keys", "key": found, "guard": guard, "form": form}
    status = 422 if form.errors else 200
    return render(request, "conversations/guard.html", context, status=status)


def _save(request: ProjectRequest, key: ApiKey, chosen: dict[str, Any]) -> None:
    if chosen["mode"] == "observe":
        ProxyGuard.objects.filter(api_key=key).delete()
        said = f"The proxy observes the calls of {key.name}."
    else:
        values = {"router_version": chosen["router"], "tries": chosen["tries"]}
        values |= {"project": request.project, "changed_by": request.user}
        ProxyGuard.objects.update_or_create(api_key=key, defaults=values)
        said = f"The proxy guards the calls of {key.name}."
    messages.success(request, f"{said} Within five seconds every web process does so.")
