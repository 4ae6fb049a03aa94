"""What a turn notes of its assembly is told on its page, as text."""

from __future__ import annotations

import json

import pytest

from conversations.parts import Answer, Decision
from conversations.recording import notes_of
from tests import factories
from tests.pages.test_conversation_pages import make, page_of, read


@pytest.mark.django_db
def test_the_page_tells_what_had_to_be_decided_and_what_was_left_out() -> None:
    member = factories.make_member(factories.make_project(), "viewer")
    decision = Decision("id_changed", "The id changed from <b>1</b>", 0, 0)
    notes = notes_of(["seed is left out"], Answer(choices=(), decisions=(decision,)))
    turn = make(member, notes=json.dumps(notes))
    page = read(factories.client_of(member), page_of(member, turn))
    assert "assembly_decision" in page and "id_changed: The id changed from &lt;b&gt;" in page
    assert "part_not_carried" in page and "seed is left out" in page
    assert notes[1]["decision"] == decision.to_json()
