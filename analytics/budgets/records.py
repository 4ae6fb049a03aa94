"""Budgets, as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from console.accounts.models import Project, User

PERIODS = [("month", "Calendar month"), ("day", "Day")]


class Budget(models.Model):
    """Dollars that may be spent in each ``period`` (UTC) on what ``query`` finds, in the language
    of analytics' filters; everything where it is "". ``threshold`` is the per cent of it from which
    on it warns.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="budgets")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=500, blank=True)
    period = models.CharField(max_length=5, choices=PERIODS, default="month")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    threshold = models.PositiveSmallIntegerField(default=80)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="budget_name_once")
        ]

    def __str__(self) -> str:
        return self.name
