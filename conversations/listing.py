"""The list of conversations: its filter and its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet

from console.accounts.models import Project
from console.lib.pages import Page, read_page
from conversations.models import SOURCES, VERDICTS, Conversation

ORDER = ("last_at", "id")


class ConversationFilter(forms.Form):
    """The filter in the address: words of the title or user, a verdict, a source."""

    q = forms.CharField(required=False, max_length=300)
    verdict = forms.ChoiceField(required=False, choices=[("", ""), *VERDICTS])
    source = forms.ChoiceField(required=False, choices=[("", ""), *SOURCES])
    older = forms.CharField(required=False, max_length=200)


@dataclass(frozen=True)
class Listing:
    """One page of what the filter lets through. ``wrong`` are values that the filter refused."""

    page: Page[Conversation]
    chosen: dict[str, str]
    wrong: dict[str, str]

    @property
    def is_filtered(self) -> bool:
        return any(self.chosen.get(name) for name in ("q", "verdict", "source"))

    def address(self, **changes: str) -> str:
        """The query of this list with some values changed; the page starts anew."""
        kept = {name: value for name, value in self.chosen.items() if name != "older"}
        return _query(kept | changes)

    @property
    def older(self) -> str:
        return self.address(older=self.page.older) if self.page.older else ""


def list_conversations(project: Project, query: Any) -> Listing:
    """Newest first. Raises ``BadCursor`` for a page that no list gave."""
    form = ConversationFilter(query)
    form.is_valid()
    chosen = {name: str(value) for name, value in form.cleaned_data.items() if value}
    wrong = {name: str(query.get(name, "")) for name in form.errors}
    page = read_page(narrow(project, chosen), ORDER, chosen.get("older", ""))
    return Listing(page, chosen, wrong)


def narrow(project: Project, chosen: dict[str, str]) -> QuerySet[Conversation]:
    rows = Conversation.objects.filter(project=project)
    for word in chosen.get("q", "").split():
        rows = rows.filter(Q(title__icontains=word) | Q(user__icontains=word) | Q(key=word))
    for name in ("verdict", "source"):
        if chosen.get(name):
            rows = rows.filter(**{name: chosen[name]})
    return rows


def _query(values: dict[str, str]) -> str:
    return f"?{urlencode({name: value for name, value in values.items() if value})}"
