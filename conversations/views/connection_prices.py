"""A connection's own prices: what stands before the public list, from which day on."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.access import ProjectRequest, member
from conversations.models import Connection
from conversations.price_forms import PriceForm, change_prices
from conversations.price_overrides import read_overrides


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_prices(request: ProjectRequest, connection: int) -> HttpResponse:
    """The prices, and the form that adds one."""
    found = get_object_or_404(Connection, pk=connection, project=request.project)
    form = PriceForm(request.POST or None, connection=found)
    if request.method == "POST" and form.is_valid():
        new = form.save()
        messages.success(
            request,
            f"{new.model} costs {new} from {new.since} on. Turns stored before keep theirs.",
        )
        return redirect("conversations:connection-prices", request.project.slug, found.pk)
    context = {
        "connection": found,
        "overrides": list(enumerate(read_overrides(found.settings))),
        "form": form,
    }
    status = 422 if form.is_bound else 200
    return render(request, "conversations/connection_prices.html", context, status=status)


@member("engineer")
@require_POST
def remove_price(request: ProjectRequest, connection: int) -> HttpResponse:
    """Remove the price with the posted ``model`` and ``since``."""
    found = get_object_or_404(Connection, pk=connection, project=request.project)
    gone = request.POST.get("model", ""), request.POST.get("since", "")
    if change_prices(
        found, lambda held: [one for one in held if (one.model, one.since.isoformat()) != gone]
    ):
        messages.success(request, "The price is removed. Turns that it priced keep it.")
    return redirect("conversations:connection-prices", request.project.slug, found.pk)
