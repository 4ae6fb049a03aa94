"""What a person selected in a list: checked rows, or what a filter finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from console.accounts.models import Project
from conversations.incidents.answer import word_of
from conversations.incidents.joining import find_rows
from conversations.search.fields import KINDS, Kind
from conversations.search.query import LONGEST, BadQuery, Query, parse, read_times
from conversations.search.reading import Hit, find

PICKED = 200
"""Rows that one selection may hold."""
USUAL = timedelta(hours=24)
"""How far back a filter without a time reaches."""


@dataclass(frozen=True)
class Selection:
    """Checked rows of the list ``kind`` (``ids``), else its filter. ``problem`` says why the
    filter's ``text`` is none."""

    project: Project
    kind: Kind
    text: str
    query: Query
    ids: Sequence[UUID]
    problem: str = ""

    @property
    def row_kind(self) -> Kind:
        """Of what joins: calls, or the turns of conversations."""
        return "calls" if self.kind == "calls" else "turns"

    @property
    def of_calls(self) -> bool:
        return self.kind == "calls"

    @property
    def hits(self) -> list[Hit]:
        """The checked rows; of conversations their turns."""
        if self.kind != "conversations":
            return find_rows(self.project, self.kind, self.ids)
        found = [find(self.project, parse(f"id:{key}"), "turns", size=PICKED) for key in self.ids]
        return [hit for one in found for hit in one.hits]

    @property
    def since(self) -> datetime:
        first, _ = read_times(self.query, timezone.now())
        return first or timezone.now() - USUAL

    @property
    def title(self) -> str:
        """A first title: which tool, and what went wrong."""
        tools = _values(self.query, "tool")
        found = [*_values(self.query, "finding"), *_values(self.query, "misfire")]
        what = ", ".join(found[:2]) or f"{word_of(self.query)} {self.row_kind}"
        return f"{', '.join(tools[:2])}: {what}"[:200] if tools else what.capitalize()[:200]


def _values(query: Query, name: str) -> list[str]:
    return [value for term in query.of(name) if not term.negated for value in term.values]


def read_selection(project: Project, kind: str, text: str, ids: Sequence[str]) -> Selection:
    """Raises ValueError for a list that is none, or ids that are none."""
    named = next((known for known in KINDS if known == kind), None)
    if named is None:
        raise ValueError(f"{kind} is no list")
    keys = [UUID(key) for key in ids[:PICKED]]
    text = text[:LONGEST]
    try:
        return Selection(project, named, text, parse(text), keys)
    except BadQuery as error:
        return Selection(project, named, text, Query(), keys, error.problem)
