"""Usage exports that were uploaded, by day and model: the files themselves are not kept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from analytics.usage_exports.lines import Line
from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField


class UsageExport(models.Model):
    """One export. ``form`` is the name of a ``reading.Form``, ``query`` the filter of what of ours
    it is held against, ``lines`` a JSON list of ``Line.to_json``."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_exports")
    name = models.CharField(max_length=120)
    form = models.CharField(max_length=20)
    query = models.CharField(max_length=500, blank=True)
    lines = RawTextField()
    first = models.DateField()
    last = models.DateField()
    uploaded_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at"], name="usage_export_newest")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def told(self) -> list[Line]:
        return [Line.from_json(held) for held in json.load(self.lines)]
