"""Limits that people set on the page, as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from analytics.records import MEASURES
from console.accounts.models import Project, User


class LatencyLimit(models.Model):
    """How long a measure should take at most. ``name`` is a tool or a model; "" for all that have
    no limit of their own. A tool's own timeout, from its policy, stands before these."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    measure = models.CharField(max_length=5, choices=MEASURES)
    name = models.CharField(max_length=200, blank=True)
    limit_ms = models.FloatField()
    set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "measure", "name"], name="latency_limit_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.limit_ms:g} ms for {self.name or 'all'}"
