"""The form of a rule."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.utils import timezone

from analytics.alerts.defaults import Default
from analytics.alerts.readings import read_filter
from analytics.alerts.records import AlertChannel, AlertRule
from analytics.alerts.watched import BUDGET, WATCHED
from analytics.alerts.wording import tell_length, tell_window
from analytics.budgets.records import Budget
from console.accounts.forms import Form
from console.accounts.models import Project, User
from console.lib.fields import to_stored
from conversations.incidents.records import SEVERITIES
from conversations.search.query import BadQuery

WINDOWS = (60, 120, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
RENOTIFY = (0, 900, 3600, 4 * 3600, 24 * 3600)
MOST_RULES = 100
_LARGEST = 1e12
_LEVEL = "Per cent, dollars an hour, milliseconds or a number, as the metric is; or spreads."
_OF_BUDGETS = {"query": "", "window": 3600, "basis": "threshold", "direction": "above"}
"""What a rule of a budget has in place of what the form says: it is of the budget's own time."""


def _number(label: str, *, required: bool = False, help_text: str = "") -> forms.FloatField:
    return forms.FloatField(
        label=label,
        required=required,
        min_value=0,
        max_value=_LARGEST,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )


def _group_metrics() -> list[tuple[str, list[tuple[str, str]]]]:
    """The metrics under what they are of."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in WATCHED.values():
        name = {"ms": "How long it takes", "budget": "Budgets"}.get(
            one.unit, "Tool calls" if one.kind == "calls" else "Model calls"
        )
        groups.setdefault(name, []).append((one.name, one.label))
    return list(groups.items())


class RuleForm(Form):
    """A new or changed rule of a project."""

    name = forms.CharField(label="Name", max_length=100)
    metric = forms.ChoiceField(label="Metric", choices=_group_metrics())
    budget = forms.ModelChoiceField(
        queryset=Budget.objects.none(), label="Budget", required=False, empty_label="choose one"
    )
    query = forms.CharField(
        label="Only those that match",
        max_length=2000,
        required=False,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "tool:get_weather environment:production",
            }
        ),
        help_text="The lists' filter. Empty watches the whole project.",
    )
    window = forms.TypedChoiceField(
        label="Window",
        choices=[(size, tell_window(size)) for size in WINDOWS],
        coerce=int,
        initial=300,
    )
    basis = forms.ChoiceField(
        label="Compared with",
        choices=[("threshold", "levels that you give"), ("past", "its own past at this hour")],
    )
    direction = forms.ChoiceField(
        label="Alert when it is", choices=[("above", "above"), ("below", "below")]
    )
    level = _number("Alert level", required=True, help_text=_LEVEL)
    warning = _number("Warning level", help_text="Optional.")
    recovery = _number(
        "Recovery level",
        help_text="Over once it is within this. Empty: a fifth short of the level.",
    )
    minimum = forms.IntegerField(
        label="At least so many calls",
        min_value=1,
        max_value=1_000_000,
        initial=20,
        help_text="With fewer in the window there is nothing to say.",
    )
    severity = forms.ChoiceField(label="Severity", choices=SEVERITIES, initial="high")
    renotify = forms.TypedChoiceField(
        label="Remind while it lasts",
        choices=[(0, "never")] + [(s, f"every {tell_length(s)}") for s in RENOTIFY if s],
        coerce=int,
        initial=0,
    )
    channels = forms.ModelMultipleChoiceField(
        queryset=AlertChannel.objects.none(),
        label="Tell",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    tells_no_data = forms.BooleanField(label="Also tell when there is no data", required=False)
    opens_incident = forms.BooleanField(
        label="Open an incident, or join the open one", required=False, initial=True
    )

    def __init__(
        self, *args: Any, project: Project, rule: AlertRule | None = None, **kwargs: Any
    ) -> None:
        self.project, self.rule = project, rule
        if rule is not None:
            kwargs.setdefault("initial", _initial(rule))
        super().__init__(*args, **kwargs)
        channels = AlertChannel.objects.filter(project=project, archived_at=None).order_by("name")
        budgets = Budget.objects.filter(project=project).order_by("name")
        for name, rows in (("channels", channels), ("budget", budgets)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
        for name in ("tells_no_data", "opens_incident"):
            self.fields[name].widget.attrs["class"] = "form-check-input"
        self.fields["query"].widget.attrs["class"] = "inp mono"

    def clean_name(self) -> str:
        name: str = to_stored(self.cleaned_data["name"])
        rules = AlertRule.objects.filter(project=self.project)
        if self.rule is not None:
            rules = rules.exclude(pk=self.rule.pk)
        if rules.filter(name=name).exists():
            raise forms.ValidationError("A rule of this project has this name; take another.")
        if self.rule is None and rules.count() >= MOST_RULES:
            raise forms.ValidationError(f"A project has {MOST_RULES} rules at most; remove one.")
        return name

    def clean_query(self) -> str:
        try:
            return read_filter(self.cleaned_data["query"].strip()).text
        except BadQuery as error:
            raise forms.ValidationError(error.problem) from None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("metric") == BUDGET:
            data |= _OF_BUDGETS
            if not data.get("budget"):
                self.add_error("budget", "Choose a budget. The Cost page of Analytics adds one.")
        else:
            data["budget"] = None
        level, above = data.get("level"), data.get("direction") != "below"
        if level is None:
            return data
        # Spreads grow with the distance in either direction.
        grows = above or data.get("basis") == "past"
        for name in ("warning", "recovery"):
            other = data.get(name)
            if other is not None and (other >= level if grows else other <= level):
                word = "below" if grows else "above"
                self.add_error(name, f"Enter a number {word} the alert level, or nothing.")
        if grows and not level and data.get("basis") == "past":
            self.add_error("level", "Enter how many spreads are unusual, such as 4.")
        return data

    def draft(self) -> AlertRule:
        """The rule as the form says it, not saved; for a form that is valid."""
        data, now = dict(self.cleaned_data), timezone.now()
        data.pop("channels")
        row = self.rule or AlertRule(project=self.project, since=now)
        for name, value in data.items():
            setattr(row, name, value)
        if not row.watched.takes_minimum:
            row.minimum = 1
        row.changed_at = row.due_at = now
        return row

    def save(self, user: User | None) -> AlertRule:
        """The rule, made or changed; the next look is due at once."""
        row = self.draft()
        if row.pk is None:
            row.created_by = user
            row.save()
        else:
            # How it stands is the looks' business: one may be at it now.
            row.save(update_fields=[*_OWN, "changed_at", "due_at"])
        row.channels.set(self.cleaned_data["channels"])
        return row


_OWN = tuple(name for name in RuleForm.base_fields if name != "channels")


def _initial(rule: AlertRule) -> dict[str, Any]:
    values = {name: getattr(rule, name) for name in _OWN}
    for name in ("level", "warning", "recovery"):
        if values[name] is not None:
            values[name] = f"{values[name]:.12g}"
    return values | {"channels": list(rule.channels.values_list("pk", flat=True))}


def make_default(project: Project, default: Default, user: User | None) -> AlertRule | None:
    """One of the rules that an empty page offers, as the form would make it; None where there is
    a rule of that name."""
    values = asdict(default) | {"direction": "above", "renotify": 0, "opens_incident": True}
    channels = AlertChannel.objects.filter(project=project, archived_at=None)
    values["channels"] = list(channels.values_list("pk", flat=True))
    form = RuleForm(values, project=project)
    return form.save(user) if form.is_valid() else None
