"""Channels of alerts, and each delivery with its history."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.alerts import deliveries
from analytics.alerts.backoff import TRIES
from analytics.alerts.forms.channels import ChannelForm
from analytics.alerts.payload import build_test
from analytics.alerts.records import AlertChannel, AlertDelivery
from console.accounts.access import ProjectRequest, member
from console.lib import json
from console.lib.pages import BadCursor, read_page


@member("viewer")
@require_safe
def list_channels(request: ProjectRequest) -> HttpResponse:
    rows = AlertChannel.objects.filter(project=request.project, archived_at=None).order_by("name")
    context = {
        "rows": [(row, row.deliveries.order_by("-id").first()) for row in rows],
        "tab": "channels",
    }
    return render(request, "analytics/alerts/channels.html", context | _may(request))


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def add_channel(request: ProjectRequest) -> HttpResponse:
    return _save(request, ChannelForm(request.POST or None, project=request.project))


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_channel(request: ProjectRequest, channel: int) -> HttpResponse:
    row = _find(request, channel)
    return _save(request, ChannelForm(request.POST or None, project=request.project, channel=row))


@member("responder")
@require_POST
def test_channel(request: ProjectRequest, channel: int) -> HttpResponse:
    """Send a message of type ``test`` now, once; the answer is its delivery's page."""
    row = _find(request, channel)
    body = build_test(row, timezone.now(), site=settings.SITE_URL)
    delivery = deliveries.create(row, body)
    deliveries.send(delivery.pk)
    return redirect("analytics:alert-delivery", request.project.slug, delivery.pk)


test_channel.__test__ = False


@member("engineer")
@require_POST
def archive_channel(request: ProjectRequest, channel: int) -> HttpResponse:
    """No rule tells it any longer; its deliveries stay readable."""
    row = _find(request, channel)
    AlertChannel.objects.filter(pk=row.pk).update(archived_at=timezone.now())
    row.rules.clear()
    messages.success(request, f"{row.name} is removed; its deliveries stay.")
    return redirect("analytics:alert-channels", request.project.slug)


@member("viewer")
@require_safe
def list_deliveries(request: ProjectRequest) -> HttpResponse:
    """Every delivery, newest first; ``channel`` and ``status`` narrow it."""
    rows = AlertDelivery.objects.filter(project=request.project)
    rows = rows.select_related("channel", "event__rule")
    channel, status = request.GET.get("channel", ""), request.GET.get("status", "")
    if channel.isdecimal() and len(channel) < 10:
        rows = rows.filter(channel_id=int(channel))
    if status in ("waiting", "sent", "failed"):
        rows = rows.filter(status=status)
    try:
        page = read_page(rows, ["id"], request.GET.get("after", ""))
    except BadCursor:
        raise Http404("no such page") from None
    context = {"page": page, "channel": channel, "status": status, "tab": "deliveries"}
    return render(request, "analytics/alerts/deliveries.html", context | _may(request))


@member("viewer")
@require_safe
def show_delivery(request: ProjectRequest, delivery: str) -> HttpResponse:
    row = _find_delivery(request, delivery)
    context = {
        "row": row,
        "body": json.pretty(row.message),
        "tries": TRIES,
        "tab": "deliveries",
    }
    return render(request, "analytics/alerts/delivery.html", context | _may(request))


@member("responder")
@require_POST
def retry_delivery(request: ProjectRequest, delivery: str) -> HttpResponse:
    """Send a failed one again, from the first try on."""
    row = _find_delivery(request, delivery)
    if deliveries.retry(row):
        messages.success(request, "It is sent again.")
    else:
        messages.warning(request, "Only a delivery that failed is sent again.")
    return redirect("analytics:alert-delivery", request.project.slug, row.pk)


def _find(request: ProjectRequest, pk: int) -> AlertChannel:
    rows = AlertChannel.objects.select_related("project").filter(archived_at=None)
    return get_object_or_404(rows, pk=pk, project=request.project)


def _find_delivery(request: ProjectRequest, pk: str) -> AlertDelivery:
    rows = AlertDelivery.objects.select_related("channel", "event__rule")
    return get_object_or_404(rows, pk=pk, project=request.project)


def _may(request: ProjectRequest) -> dict[str, bool]:
    return {
        "may_change": request.member.may("engineer"),
        "may_test": request.member.may("responder"),
    }


def _save(request: ProjectRequest, form: ChannelForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        row = form.save()
        messages.success(request, f"{row.name} is saved. Test it here.")
        return redirect("analytics:alert-channels", request.project.slug)
    context = {"form": form, "row": form.channel, "tab": "channels"}
    status = 422 if form.is_bound else 200
    return render(request, "analytics/alerts/channel_edit.html", context, status=status)
