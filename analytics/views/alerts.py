"""Alert rules: the list with how each stands, one rule over time, its form, silences."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.alerts.defaults import BY_KEY, DEFAULTS
from analytics.alerts.forms.rules import RuleForm, make_default
from analytics.alerts.forms.silences import SilenceForm
from analytics.alerts.history import LookBack, look_back
from analytics.alerts.readings import TooMuch
from analytics.alerts.records import AlertEvent, AlertRule, AlertSilence
from analytics.alerts.wording import tell_condition, tell_length
from console.accounts.access import ProjectRequest, member
from console.lib.pages import BadCursor, read_page

PREVIEW = timedelta(days=30)
RECENT = timedelta(hours=24)
_HOUR, _FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)
_EVENTS = 20
_GIVEN = ("name", "query", "metric", "budget", "level", "warning")
"""Fields of the form that an address may fill in."""


@member("viewer")
@require_safe
def list_rules(request: ProjectRequest) -> HttpResponse:
    """The project's rules, those that are on alert first; an empty page offers the usual ones."""
    rows = AlertRule.objects.filter(project=request.project)
    rows = rows.select_related("project", "incident", "budget")
    order = {"alert": 0, "warning": 1, "no_data": 2, "ok": 3}
    now = timezone.now()
    found = sorted(
        rows.prefetch_related("channels"),
        key=lambda row: (not row.enabled, order[row.state], row.name),
    )
    context = {
        "rows": [(row, tell_condition(row.watched, row.rule)) for row in found],
        "burning": sum(row.state == "alert" and row.enabled for row in found),
        "defaults": DEFAULTS,
        "silences": _find_silences(request),
        "silence_form": SilenceForm(),
        "now": now,
        "tab": "rules",
    }
    return render(request, "analytics/alerts/list.html", context | _may(request))


@member("viewer")
@require_safe
def list_events(request: ProjectRequest) -> HttpResponse:
    """What the rules found, newest first."""
    rows = AlertEvent.objects.filter(project=request.project).select_related("rule", "incident")
    try:
        page = read_page(rows, ["id"], request.GET.get("after", ""))
    except BadCursor:
        raise Http404("no such page") from None
    context = {"page": page, "tab": "history"}
    return render(request, "analytics/alerts/history.html", context | _may(request))


@member("viewer")
@require_safe
def show_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    """One rule: how it stands, its last day, what it told and to whom."""
    row = _find(request, rule)
    events = row.events.select_related("incident").prefetch_related("deliveries__channel")
    context = {
        "row": row,
        "condition": tell_condition(row.watched, row.rule),
        "events": events.order_by("-id")[:_EVENTS],
        "back": _look_back(row, RECENT, _FIVE_MINUTES),
        "silences": _find_silences(request, row),
        "silence_form": SilenceForm(),
        "tab": "rules",
    }
    return render(request, "analytics/alerts/rule.html", context | _may(request))


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def add_rule(request: ProjectRequest) -> HttpResponse:
    """The form of a new rule; what the address says of it is taken over."""
    given = {name: request.GET[name] for name in _GIVEN if name in request.GET}
    form = RuleForm(request.POST or None, project=request.project, initial=given)
    return _save(request, form)


@member("engineer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    row = _find(request, rule)
    return _save(request, RuleForm(request.POST or None, project=request.project, rule=row))


@member("engineer")
@require_POST
def preview_rule(request: ProjectRequest) -> HttpResponse:
    """What the rule of the form would have done in the last 30 days; the part of the page alone."""
    number = request.POST.get("rule", "")
    row = _find(request, int(number)) if number.isdecimal() and len(number) < 10 else None
    form = RuleForm(request.POST, project=request.project, rule=row)
    return render(request, "analytics/alerts/_preview.html", _preview(form))


@member("engineer")
@require_POST
def add_default(request: ProjectRequest) -> HttpResponse:
    """One of the rules that an empty page offers."""
    default = BY_KEY.get(request.POST.get("key", ""))
    row = make_default(request.project, default, request.user) if default else None
    if row is None:
        said = (
            f"There is a rule named {default.name} already."
            if default
            else ("Nothing was added: choose one of the rules that are offered.")
        )
        messages.warning(request, said)
        return redirect("analytics:alert-list", request.project.slug)
    messages.success(request, f"{row.name} is watched from now on.")
    return redirect("analytics:alert", request.project.slug, row.pk)


@member("engineer")
@require_POST
def enable_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    """Watch a rule, or (without ``on``) watch it no longer; what it told stays."""
    row, on = _find(request, rule), bool(request.POST.get("on"))
    now = timezone.now()
    AlertRule.objects.filter(pk=row.pk).update(
        enabled=on, due_at=now, state="no_data", since=now, told="ok", missing_since=None, error=""
    )
    messages.success(request, f"{row.name} is {'watched again' if on else 'no longer watched'}.")
    return redirect("analytics:alert", request.project.slug, row.pk)


@member("engineer")
@require_POST
def remove_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    row = _find(request, rule)
    row.delete()
    messages.success(request, f"{row.name} is removed, with its history. Its incidents stay.")
    return redirect("analytics:alert-list", request.project.slug)


@member("responder")
@require_POST
def silence_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    row = _find(request, rule)
    _silence(request, row)
    return redirect("analytics:alert", request.project.slug, row.pk)


@member("responder")
@require_POST
def silence_project(request: ProjectRequest) -> HttpResponse:
    _silence(request, None)
    return redirect("analytics:alert-list", request.project.slug)


@member("responder")
@require_POST
def end_silence(request: ProjectRequest, silence: int) -> HttpResponse:
    row = get_object_or_404(AlertSilence, pk=silence, project=request.project)
    AlertSilence.objects.filter(pk=row.pk).update(ends_at=timezone.now())
    messages.success(request, "The silence is over: what still holds is told at the next look.")
    if row.rule_id:
        return redirect("analytics:alert", request.project.slug, row.rule_id)
    return redirect("analytics:alert-list", request.project.slug)


def _silence(request: ProjectRequest, row: AlertRule | None) -> None:
    form = SilenceForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing is silenced: choose for how long.")
        return
    now = timezone.now()
    AlertSilence.objects.create(
        project=request.project,
        rule=row,
        starts_at=now,
        ends_at=now + form.length,
        note=form.cleaned_data["note"],
        author=request.user,
    )
    who = f"{row.name} tells nothing" if row else "No rule tells anything"
    messages.success(request, f"{who} for {tell_length(form.length.total_seconds())}.")


def _find(request: ProjectRequest, pk: int) -> AlertRule:
    rows = AlertRule.objects.select_related("project", "incident", "budget", "created_by")
    return get_object_or_404(rows, pk=pk, project=request.project)


def _find_silences(request: ProjectRequest, row: AlertRule | None = None) -> list[AlertSilence]:
    """The silences that hold now: of the rule and the project, or of all."""
    now = timezone.now()
    held = AlertSilence.objects.filter(
        project=request.project, starts_at__lte=now, ends_at__gt=now
    ).select_related("rule", "author")
    return [one for one in held if row is None or one.rule_id in (None, row.pk)]


def _may(request: ProjectRequest) -> dict[str, bool]:
    return {
        "may_change": request.member.may("engineer"),
        "may_silence": request.member.may("responder"),
    }


def _look_back(row: AlertRule, length: timedelta, step: timedelta) -> LookBack | None:
    try:
        return look_back(row, timezone.now(), length, step)
    except TooMuch:
        return None


def _preview(form: RuleForm) -> dict[str, object]:
    if not form.is_valid():
        return {"form": form, "back": None}
    return {"form": form, "back": _look_back(form.draft(), PREVIEW, _HOUR), "asked": True}


def _save(request: ProjectRequest, form: RuleForm) -> HttpResponse:
    """Save the form, or show it; its button ``preview`` shows it with what it would have done."""
    previews = request.method == "POST" and "preview" in request.POST
    if request.method == "POST" and not previews and form.is_valid():
        row = form.save(request.user)
        messages.success(request, f"{row.name} is watched from now on.")
        return redirect("analytics:alert", request.project.slug, row.pk)
    context: dict[str, object] = {"form": form, "row": form.rule, "tab": "rules"}
    if previews:
        context |= _preview(form)
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "analytics/alerts/edit.html", context | _may(request), status=status)
