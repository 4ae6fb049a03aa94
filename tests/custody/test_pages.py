"""The pages of redaction and retention, through their forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from console.lib import json, uuid7
from conversations.custody import ProjectCustody, RedactionRule
from conversations.rulebook import forget_rules, rules_for
from tests import factories
from tests.factories import People, client_of, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    people = make_people()
    forget_rules(people.project)
    return people


def address(people: People, name: str, *parts: object) -> str:
    return reverse(f"conversations:{name}", args=[people.project.slug, *parts])


PATTERN = {"name": "Orders", "kind": "pattern", "value": r"#W\d{7}", "replacement": "[order]"}


def test_a_rule_is_added_switched_and_removed(people: People) -> None:
    client = client_of(people.alice)
    assert client.post(address(people, "redaction-add"), PATTERN).status_code == 302
    rule = RedactionRule.objects.get()
    assert rule.created_by == people.alice.user
    assert rules_for(people.project).replace("#W1234567", {}) == "[order]"
    client.post(address(people, "redaction-switch", rule.pk))
    assert not rules_for(people.project)
    client.post(address(people, "redaction-remove", rule.pk))
    assert not RedactionRule.objects.exists()


def test_a_built_in_rule_is_switched_on_and_off(people: People) -> None:
    client = client_of(people.alice)
    for is_on in (True, False, True):
        client.post(address(people, "redaction-builtin"), {"rule": "email"})
        assert bool(rules_for(people.project)) is is_on
    assert RedactionRule.objects.count() == 1
    assert client.post(address(people, "redaction-builtin"), {"rule": "iban"}).status_code == 422


@pytest.mark.parametrize(
    "field, value", [("value", "("), ("value", "x*"), ("replacement", ""), ("replacement", 'a"')]
)
def test_a_rule_that_cannot_be_used_is_refused(people: People, field: str, value: str) -> None:
    page = client_of(people.alice).post(address(people, "redaction-add"), PATTERN | {field: value})
    assert page.status_code == 422 and "errorlist" in page.content.decode()
    assert not RedactionRule.objects.exists()


def test_two_rules_do_not_share_a_name(people: People) -> None:
    client = client_of(people.alice)
    client.post(address(people, "redaction-add"), PATTERN)
    page = client.post(address(people, "redaction-add"), PATTERN)
    assert page.status_code == 422 and "has this name already" in page.content.decode()


def test_a_rule_is_tried_on_a_text_before_it_is_added(people: People) -> None:
    data = PATTERN | {"text": "<b>#W1234567</b>"}
    for headers in ({"HX-Request": "true"}, {}):
        page = client_of(people.vera).post(address(people, "redaction-try"), data, headers=headers)
        assert "&lt;b&gt;<mark>[order]</mark>&lt;/b&gt;" in page.content.decode()
    assert not RedactionRule.objects.exists()


def test_a_pasted_record_is_tried_as_a_record(people: People) -> None:
    record = {
        "id": "1",
        "conversation": "c",
        "at": "2026-01-01T00:00:00Z",
        "model": "m",
        "request": {"messages": [{"role": "user", "content": "Hello"}]},
        "error": "none",
    }
    data = PATTERN | {"kind": "pointer", "value": "/messages/*/content", "text": json.dump(record)}
    page = client_of(people.vera).post(address(people, "redaction-try"), data)
    text = page.content.decode()
    assert "as a turn record" in text and "<mark>[order]</mark>" in text


def test_rules_are_tried_on_stored_turns(people: People) -> None:
    conversation = factories.make_conversation(people.project)
    factories.make_turn(conversation)
    turn = factories.make_turn(conversation, messages=[{"role": "user", "content": "a@b.org"}])
    factories.make_call(turn, result="to c@d.org")
    RedactionRule.objects.create(
        project=people.project, name="E-mail", kind="builtin", value="email", replacement="[email]"
    )
    page = client_of(people.vera).post(address(people, "redaction-try"), {"turns": "1"})
    text = page.content.decode()
    assert "Would change 1 of 2 turns" in text and "E-mail 2×" in text


def test_days_are_chosen_and_an_empty_field_keeps_for_ever(people: People) -> None:
    client = client_of(people.alice)
    data = {"turn_days": "", "wire_days": "7"}
    assert client.post(address(people, "retention-change"), data).status_code == 302
    custody = ProjectCustody.of(people.project)
    assert (custody.turn_days, custody.wire_days) == (None, 7)
    assert client.post(address(people, "retention-change"), {"turn_days": "0"}).status_code == 422


def test_the_page_says_what_the_next_sweep_would_remove(people: People) -> None:
    conversation = factories.make_conversation(people.project)
    old = datetime(2026, 1, 2, tzinfo=UTC)
    factories.make_turn(conversation, old, id=uuid7.of(old, "x"))
    text = client_of(people.vera).get(address(people, "retention")).content.decode()
    assert "It would remove <b>1</b> turn" in text and "2 Jan 2026" in text
