"""An import between its two steps: what was read, until somebody saves it or it expires."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from console.accounts.models import Project, User
from console.lib import json
from console.lib.fields import RawTextField

KEPT = timedelta(hours=24)
"""How long an import waits to be saved."""
KINDS = (("text", "Text"), ("url", "Address"), ("stdio", "MCP program"), ("http", "MCP server"))
STATES = (
    ("reading", "Reading"),
    ("ready", "Ready"),
    ("saving", "Saving"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
    ("saved", "Saved"),
)


class ToolImport(models.Model):
    """One source on its way in. ``source`` is a file's name, an address or a command line.

    ``format`` is what was asked for, "" to recognise it; ``found`` what it was read as.
    ``variable`` names the environment variable with an MCP server's key. ``text`` is emptied once
    it was read; ``items`` is a JSON array of ``Planned.to_json()``. ``wanted`` says what a worker
    is to save, ``outcome`` what was saved.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=10, choices=KINDS)
    source = models.CharField(max_length=2000)
    format = models.CharField(max_length=20, blank=True)
    variable = models.CharField(max_length=200, blank=True)
    text = RawTextField(blank=True)
    state = models.CharField(max_length=10, choices=STATES, default="reading")
    found = models.CharField(max_length=20, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    items = RawTextField(default="[]")
    problem = RawTextField(blank=True)
    line = models.PositiveIntegerField(default=0)
    column = models.PositiveIntegerField(default=0)
    lint_note = RawTextField(blank=True)
    wanted = RawTextField(default="{}")
    outcome = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"import of {self.source[:60]}"

    @property
    def planned(self) -> list[dict[str, Any]]:
        return json.load(self.items)  # type: ignore[no-any-return]

    @property
    def is_busy(self) -> bool:
        return self.state in ("reading", "saving")

    def cancel(self) -> bool:
        """Stop it; False where it had ended. What was saved stays."""
        return self._move("reading", state="cancelled", text="") or self._move(
            "saving", state="cancelled"
        )

    def close(self, outcome: str) -> bool:
        """All is saved."""
        return self._move("ready", state="saved", outcome=outcome[:300])

    def begin_saving(self, wanted: Mapping[str, Any], total: int, user: User) -> bool:
        """Leave it to a worker; False where another did."""
        text = json.dump(dict(wanted))
        changed = {"wanted": text, "done": 0, "total": total, "user": user}
        return self._move("ready", state="saving", **changed)

    def _move(self, before: str, **changed: Any) -> bool:
        same = ToolImport.objects.filter(pk=self.pk, state=before)
        return bool(same.update(**changed))


def drop_expired() -> int:
    """Delete imports that nobody saved in time; how many."""
    count, _ = ToolImport.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count
