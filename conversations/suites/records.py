"""Suites and their cases, as rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from console.accounts.models import Project, User
from console.lib import json, uuid7
from console.lib.fields import RawTextField
from tools_registry.validation.expectation import Expectation

ORIGINS = [
    (value, value.capitalize())
    for value in ("turn", "incident", "filter", "replay", "file", "hand", "api")
]


class Suite(models.Model):
    """Cases under a name, once in its project; ``case_count`` is how many it holds."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="suites")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    case_count = models.PositiveIntegerField(default=0)
    next_number = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="suite_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class SuiteCase(models.Model):
    """A request and what should be called; JSON values are texts with their key order.

    ``number`` is its own within the suite and never given again; ``position`` is its place.
    ``key`` is its id where it came from, at most once in a suite: a file's own id, or the turn.
    ``tools`` is the request's array in any provider's form, ``parameters`` the request without
    messages and tools. ``expectation`` is ``Expectation.to_json``, "" where nobody said what is
    right. ``origin`` says where it came from, ``source`` which file, filter or incident, ``turn``
    the stored turn, ``user`` whose words they are, so that deleting a user finds them.
    ``recorded`` is ``Recorded.to_json`` of what was answered then, "" where nothing was.
    ``revision`` counts edits, so that two editors do not overwrite each other.
    """

    id = models.UUIDField(primary_key=True, default=uuid7.now, editable=False)
    suite = models.ForeignKey(Suite, models.CASCADE, related_name="cases", db_index=False)
    number = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=300, blank=True)
    title = RawTextField(blank=True)
    messages = RawTextField()
    tools = RawTextField(default="[]")
    parameters = RawTextField(default="{}")
    expectation = RawTextField(blank=True)
    recorded = RawTextField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    origin = models.CharField(max_length=10, choices=ORIGINS, default="hand")
    source = models.CharField(max_length=300, blank=True)
    turn = models.UUIDField(null=True, blank=True)
    user = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["suite", "number"], name="suite_case_number_once"),
            models.UniqueConstraint(
                fields=["suite", "key"],
                name="suite_case_key_once",
                condition=~models.Q(key=""),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["suite", "position", "number"], name="suite_case_in_order"),
            models.Index(fields=["user"], name="suite_case_of_user", condition=~models.Q(user="")),
        ]

    def __str__(self) -> str:
        return f"case {self.number} of {self.suite_id}"

    @property
    def expected(self) -> Expectation | None:
        """What should be called; None where nobody said."""
        return Expectation.from_json(json.load(self.expectation)) if self.expectation else None

    @property
    def said(self) -> list[dict[str, Any]]:
        return json.load(self.messages)  # type: ignore[no-any-return]

    @property
    def offered(self) -> list[dict[str, Any]]:
        return json.load(self.tools)  # type: ignore[no-any-return]
