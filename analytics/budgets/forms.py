"""The form of a budget. Every refusal says what to enter instead."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from analytics.budgets.records import PERIODS, Budget
from analytics.filters import read_filter
from console.accounts.forms import Form
from console.accounts.models import Project, User
from conversations.search.query import BadQuery

MOST = 50
"""Budgets of one project."""


class BudgetForm(Form):
    """A new or changed budget of a project."""

    name = forms.CharField(label="Name", max_length=80)
    amount = forms.DecimalField(
        label="Dollars",
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        max_value=999_999_999,
        error_messages={
            "min_value": "Enter more than zero dollars.",
            "max_value": "Enter at most 999,999,999 dollars.",
        },
    )
    period = forms.ChoiceField(label="In each", choices=PERIODS)
    threshold = forms.IntegerField(
        label="Warn from, % of it",
        min_value=1,
        max_value=100,
        initial=80,
        error_messages=dict.fromkeys(("min_value", "max_value"), "Enter a per cent from 1 to 100."),
    )
    query = forms.CharField(
        label="Of what",
        max_length=500,
        required=False,
        help_text="A filter such as tool:get_weather or model:gpt-4o*. Empty for everything.",
    )

    def __init__(
        self, *args: Any, project: Project, budget: Budget | None = None, **kwargs: Any
    ) -> None:
        self.project, self.budget = project, budget
        if budget is not None:
            names = ("name", "amount", "period", "threshold", "query")
            kwargs.setdefault("initial", {name: getattr(budget, name) for name in names})
        super().__init__(*args, **kwargs)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = Budget.objects.filter(project=self.project)
        if self.budget is not None:
            others = others.exclude(pk=self.budget.pk)
        if others.filter(name=name).exists():
            raise forms.ValidationError("A budget of this project has this name; take another.")
        if self.budget is None and others.count() >= MOST:
            raise forms.ValidationError(f"A project has at most {MOST} budgets; delete one first.")
        return name

    def clean_query(self) -> str:
        try:
            return read_filter(self.project, self.cleaned_data["query"]).query.text
        except BadQuery as error:
            raise forms.ValidationError(error.problem) from None

    def save(self, user: User) -> Budget:
        """The budget, made or changed."""
        budget = self.budget or Budget(project=self.project, created_by=user)
        for name, value in self.cleaned_data.items():
            setattr(budget, name, value)
        budget.save()
        return budget
