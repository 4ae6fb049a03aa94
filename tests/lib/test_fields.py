"""Raw text survives the way through PostgreSQL, character for character."""

from __future__ import annotations

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from console.accounts.models import Project
from console.lib.fields import from_stored, to_stored
from conversations.models import Conversation

ODD = "plain \x00 nul, \ud83d lone, \udc00, mark \uf8ff0000, ‮rtl, 🙂"


@given(st.text(st.characters(codec=None, categories=None)))
def test_the_stored_form_can_be_stored_and_read_back(text: str) -> None:
    stored = to_stored(text)
    assert "\x00" not in stored
    stored.encode("utf-8")
    assert from_stored(stored) == text


@pytest.mark.django_db
def test_postgresql_gives_back_what_it_was_given() -> None:
    project = Project.objects.create(slug="acme", name="Acme")
    now = timezone.now()
    made = Conversation.objects.create(
        project=project, key="c1", title=ODD, source="api", started_at=now, last_at=now
    )
    assert Conversation.objects.get(pk=made.pk).title == ODD
    assert Conversation.objects.filter(title=ODD).exists()
