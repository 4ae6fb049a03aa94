"""Redaction rules of a project: switch, add, remove, try out."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.accounts.forms import Form
from console.accounts.models import Project
from conversations.custody import RedactionRule
from conversations.redaction import BUILTINS, BadRule, Kind, Rule, Rules, compile_rules
from conversations.rulebook import forget_rules, salt_of
from conversations.tryout import try_text, try_turns

_PAGE = "conversations/redaction.html"
_LONGEST_TEXT = 200_000
_MOST_RULES = 100


class RuleForm(Form):
    name = forms.CharField(max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(
        label="Finds", choices=[("pattern", "A pattern"), ("pointer", "A place (JSON pointer)")]
    )
    value = forms.CharField(
        label="Pattern or pointer",
        max_length=500,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Such as ACME-\\d{6}, or /arguments/customer/*/phone.",
    )
    replacement = forms.CharField(
        max_length=100, initial="[redacted]", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors:
            try:
                compile_rules([read_rule(cleaned)])
            except BadRule as error:
                field = "replacement" if "replacement" in str(error) else "value"
                self.add_error(field, str(error))
        return cleaned


def read_rule(values: dict[str, Any]) -> Rule:
    kind = cast(Kind, values["kind"])
    return Rule(values["name"], kind, values["value"], values["replacement"])


@member("viewer")
@require_safe
def show_rules(request: ProjectRequest) -> HttpResponse:
    return _show(request, RuleForm())


@member("admin")
@require_POST
def add_rule(request: ProjectRequest) -> HttpResponse:
    form = RuleForm(request.POST)
    rules = RedactionRule.objects.filter(project=request.project)
    if form.is_valid() and rules.count() >= _MOST_RULES:
        form.add_error("name", f"A project has at most {_MOST_RULES} rules. Join some patterns.")
    if form.is_valid():
        try:
            with transaction.atomic():
                RedactionRule.objects.create(
                    project=request.project, created_by=request.user, **form.cleaned_data
                )
        except IntegrityError:
            form.add_error("name", "A rule has this name already. Choose another.")
    if not form.is_valid():
        return _show(request, form, status=422)
    forget_rules(request.project)
    name = form.cleaned_data["name"]
    messages.success(request, f"The rule {name} applies to turns that come from now on.")
    return redirect("conversations:redaction", request.project.slug)


@member("admin")
@require_POST
def switch_builtin(request: ProjectRequest) -> HttpResponse:
    """Switch a built-in rule on or off."""
    builtin = request.POST.get("rule", "")
    found = BUILTINS.get(builtin)
    if found is None:
        return _show(request, RuleForm(), status=422)
    rule, made = RedactionRule.objects.get_or_create(
        project=request.project,
        kind="builtin",
        value=builtin,
        defaults={
            "name": found.label,
            "replacement": found.replacement,
            "created_by": request.user,
        },
    )
    if not made:
        _flip(rule)
    return _tell(request, rule)


@member("admin")
@require_POST
def switch_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    found = get_object_or_404(RedactionRule, pk=rule, project=request.project)
    _flip(found)
    return _tell(request, found)


def _flip(rule: RedactionRule) -> None:
    rule.enabled = not rule.enabled
    rule.save(update_fields=["enabled"])


def _tell(request: ProjectRequest, rule: RedactionRule) -> HttpResponse:
    forget_rules(request.project)
    said = "applies to turns that come from now on" if rule.enabled else "is off"
    messages.success(request, f"The rule {rule.name} {said}.")
    return redirect("conversations:redaction", request.project.slug)


@member("admin")
@require_POST
def remove_rule(request: ProjectRequest, rule: int) -> HttpResponse:
    found = get_object_or_404(
        RedactionRule.objects.exclude(kind="builtin"), pk=rule, project=request.project
    )
    found.delete()
    forget_rules(request.project)
    messages.success(request, f"The rule {found.name} is gone. What it replaced stays replaced.")
    return redirect("conversations:redaction", request.project.slug)


@member("viewer")
@require_POST
def try_rules(request: ProjectRequest) -> HttpResponse:
    """What the rules that are on, and the one being written, do to a text or to stored turns."""
    text = request.POST.get("text", "")[:_LONGEST_TEXT]
    error, rules = "", Rules()
    try:
        rules = _rules_with(request.project, request.POST.get("value", "") and _draft(request))
    except BadRule as refused:
        error = str(refused)
    result: dict[str, Any] = {
        "text": text,
        "rule_error": error,
        "on_text": try_text(text, rules) if text and not error else None,
        "on_turns": try_turns(request.project, rules)
        if "turns" in request.POST and not error
        else None,
        "has_rules": bool(rules),
    }
    if request.htmx:
        return render(request, "conversations/redaction_result.html", result)
    return _show(request, RuleForm(initial=request.POST.dict()), **result)


def _draft(request: ProjectRequest) -> Rule:
    """The rule that is being written."""
    given = request.POST
    kind: Kind = "pointer" if given.get("kind") == "pointer" else "pattern"
    name = given.get("name", "").strip()[:60] or "the new rule"
    replacement = given.get("replacement", "").strip() or "[redacted]"
    return Rule(name, kind, given.get("value", ""), replacement)


def _rules_with(project: Project, draft: Rule | str) -> Rules:
    stored = RedactionRule.objects.filter(project=project, enabled=True).order_by("id")
    written = [
        Rule(rule.name, cast(Kind, rule.kind), rule.value, rule.replacement) for rule in stored
    ]
    if isinstance(draft, Rule):
        written.append(draft)
    return compile_rules(written, salt=salt_of(project))


_FINDS = {
    "email": "a name, an @ and a domain; also as %40",
    "card": "13 to 19 digits of an issuer's range whose check digit is right",
    "phone": "international numbers with +, and North American ones with their grouping",
    "user": "the user id of every turn, for a pseudonym that stays the same",
}


def _show(
    request: ProjectRequest, form: RuleForm, *, status: int = 200, **more: object
) -> HttpResponse:
    rows = list(RedactionRule.objects.filter(project=request.project).select_related("created_by"))
    stored = {rule.value: rule for rule in rows if rule.kind == "builtin"}
    builtins = [
        {
            "value": value,
            "label": known.label,
            "finds": _FINDS[value],
            "replacement": known.replacement or "redacted-…",
            "on": value in stored and stored[value].enabled,
        }
        for value, known in BUILTINS.items()
    ]
    context = {
        "tab": "redaction",
        "form": form,
        "builtins": builtins,
        "rules": [rule for rule in rows if rule.kind != "builtin"],
        "is_admin": request.member.may("admin"),
        **more,
    }
    return render(request, _PAGE, context, status=status)
