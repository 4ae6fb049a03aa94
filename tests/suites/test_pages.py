"""Suites through their pages: made, filled from what is stored or a file, edited, exported."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from console.lib import json
from conversations.incidents.opening import open_incident
from conversations.models import Turn
from conversations.suites.keeping import cases_of_suite, forget_user
from conversations.suites.records import Suite, SuiteCase
from tests import factories
from tests.factories import People, client_of, make_people
from tests.suites.test_reading import CASE, lines
from tools_registry.models import Toolset

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def rita(people: People) -> Client:
    return client_of(people.rita)


def at(people: People, name: str, *args: Any) -> str:
    return reverse(f"conversations:{name}", args=[people.project.slug, *args])


def make_suite(people: People, client: Client, *values: Any, name: str = "Weather") -> Suite:
    body = lines(*values)
    file = {"file": SimpleUploadedFile("c.jsonl", body)} if values else {}
    answer = client.post(at(people, "suite-create"), {"name": name, **file})
    assert answer.status_code in (200, 302)
    return Suite.objects.get(project=people.project, name=name)


def case(number: int, **more: Any) -> dict[str, Any]:
    asked = {"role": "user", "content": f"Weather in town {number}?"}
    return {**CASE, "id": f"c{number}", "messages": [asked], **more}


def make_labelled_turn(people: People, said: str = "Weather?", **more: Any) -> Turn:
    conversation = factories.make_conversation(people.project, user="u_7")
    toolset = Toolset.objects.filter(project=people.project).first()
    toolset = toolset or factories.make_toolset(factories.make_tool_version(people.project))
    expected = {"calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}
    fields: dict[str, Any] = {
        "messages": [{"role": "user", "content": said}],
        "user": "u_7",
        "toolset": toolset,
    }
    fields["expected"] = json.dump(expected)
    turn = factories.make_turn(conversation, **(fields | more))
    factories.make_call(turn, arguments='{"city":"Lisbon"}')
    return turn


def test_it_works(people: People, rita: Client) -> None:
    suite = make_suite(people, rita, case(1), case(2, expected=None))
    page = rita.get(at(people, "suite", suite.pk)).content.decode()
    assert "Weather in town 1?" in page
    assert "1 without an expectation" in page
    assert [row.number for row in suite.cases.order_by("position")] == [1, 2]
    assert "Weather" in rita.get(at(people, "suite-list")).content.decode()


def test_an_import_says_what_was_refused_and_a_second_one_adds_the_rest(
    people: People, rita: Client
) -> None:
    suite = make_suite(people, rita)
    body = gzip.compress(lines(case(1), {"id": "bad"}, case(2, tools=[])))
    url = at(people, "suite-import", suite.pk)
    page = rita.post(url, {"file": SimpleUploadedFile("f.jsonl.gz", body)}).content.decode()
    assert "2 cases added from" in page
    assert "Give the messages as an array" in page
    assert "which it does not offer" in page
    mended = SimpleUploadedFile("f.jsonl", lines(case(1), case(3)))
    assert rita.post(url, {"file": mended}).status_code == 302
    suite.refresh_from_db()
    assert suite.case_count == 3


def test_it_refuses_a_broken_archive_and_a_name_that_is_taken(people: People, rita: Client) -> None:
    make_suite(people, rita)
    url = at(people, "suite-create")
    broken = SimpleUploadedFile("x.gz", b"\x1f\x8bnonsense")
    assert rita.post(url, {"name": "Other", "file": broken}).status_code == 422
    assert "already" in rita.post(url, {"name": "Weather"}).content.decode()
    assert Suite.objects.filter(project=people.project).count() == 1


def test_labelled_turns_become_cases_once(people: People, rita: Client) -> None:
    turn = make_labelled_turn(people)
    untold = make_labelled_turn(people, "Untold?", expected="")
    asked = {"kind": "turns", "q": "", "only": "told", "name": "Told", "most": "50"}
    for _ in range(2):
        assert rita.post(at(people, "suite-keep"), asked).status_code == 302
    row = SuiteCase.objects.get(suite__name="Told")
    assert (row.turn, row.user, row.origin) == (turn.pk, "u_7", "filter")
    assert row.expected is not None
    assert row.recorded
    rita.post(at(people, "suite-keep"), {"turn": str(untold.pk), "name": "Told"})
    assert SuiteCase.objects.filter(suite__name="Told", expectation="").count() == 1
    page = rita.get(at(people, "suite", row.suite_id)).content.decode()
    assert "rejected" in page, "the recorded answer is judged by the expectation"


def test_an_incident_is_kept_by_one_press(people: People, rita: Client) -> None:
    turn = make_labelled_turn(people)
    incident = open_incident(people.project, title="Bad night", since=turn.at)
    incident.turns.create(
        turn_id=turn.pk, conversation_id=turn.conversation_id, at=turn.at, how="hand"
    )
    assert rita.post(at(people, "suite-keep"), {"incident": incident.number}).status_code == 302
    suite = Suite.objects.get(project=people.project)
    assert suite.name == "INC-1 Bad night"
    (found,) = cases_of_suite(suite)
    assert found.origin.kind == "suite"
    assert found.expectation is not None


def test_a_case_is_written_edited_and_judged(people: People, rita: Client) -> None:
    suite = make_suite(people, rita)
    new = at(people, "suite-case-create", suite.pk)
    assert "/messages" in rita.post(new, {"document": '{"messages": 3}'}).content.decode()
    assert rita.post(new, {"document": json.dump(case(1))}).status_code == 302
    url = at(people, "suite-case", suite.pk, 1)
    edited = json.dump(case(1, note="sharper"))
    assert rita.post(url, {"document": edited, "revision": 1}).status_code == 302
    judged = rita.post(
        at(people, "suite-case-judge", suite.pk),
        {"document": edited, "answer": '[{"name": "make_user_happy", "arguments": {}}]'},
    ).content.decode()
    assert "wrong_tool" in judged
    assert suite.cases.get().note == "sharper"


def test_two_editors_do_not_overwrite_each_other(people: People, rita: Client) -> None:
    suite = make_suite(people, rita, case(1))
    url = at(people, "suite-case", suite.pk, 1)
    bob = client_of(people.bob)
    assert bob.post(url, {"document": json.dump(case(1, note="Bob's")), "revision": 1}).status_code
    answer = rita.post(url, {"document": json.dump(case(1, note="Rita's")), "revision": 1})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Rita&#x27;s" in page
    assert "Bob&#x27;s" in page
    assert suite.cases.get().note == "Bob's"


def test_cases_are_moved_and_deleted(people: People, rita: Client) -> None:
    suite = make_suite(people, rita, *(case(n) for n in range(4)))

    def order() -> list[int]:
        return list(suite.cases.order_by("position").values_list("number", flat=True))

    rita.post(at(people, "suite-case-move", suite.pk), {"number": 4, "to": 1})
    assert order() == [4, 1, 2, 3]
    rita.post(at(people, "suite-cases-delete", suite.pk), {"case": ["1", "2"]})
    assert order() == [4, 3]
    make_suite(people, rita, name="Other")
    rita.post(at(people, "suite-edit", suite.pk), {"name": "Other"})
    suite.refresh_from_db()
    assert (suite.name, suite.case_count, suite.next_number) == ("Weather", 2, 5)
    rita.post(at(people, "suite-delete", suite.pk))
    assert not SuiteCase.objects.filter(suite__project=people.project).exists()


def test_an_export_can_be_imported_again(people: People, rita: Client) -> None:
    suite = make_suite(people, rita, case(1), case(2, expected={"calls": None}))
    answer = rita.get(at(people, "suite-export", suite.pk))

    @async_to_sync
    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])  # type: ignore[attr-defined]

    body = read()
    again = make_suite(people, rita, *body.decode().splitlines(), name="Again")
    fields = ("key", "messages", "tools", "expectation", "title")
    assert list(again.cases.values_list(*fields)) == list(suite.cases.values_list(*fields))


def test_a_users_cases_go_with_the_user(people: People, rita: Client) -> None:
    turn = make_labelled_turn(people)
    suite = make_suite(people, rita, case(1))
    rita.post(at(people, "suite-keep"), {"turn": str(turn.pk), "suite": suite.pk})
    assert suite.cases.count() == 2
    assert forget_user(people.project, ["u_7"]) == 1
    suite.refresh_from_db()
    assert (suite.case_count, suite.cases.get().key) == (1, "c1")


def test_a_viewer_reads_and_changes_nothing(people: People, rita: Client) -> None:
    suite = make_suite(people, rita, case(1))
    vera = client_of(people.vera)
    assert "Delete the chosen" not in vera.get(at(people, "suite", suite.pk)).content.decode()
    url = at(people, "suite-case", suite.pk, 1)
    vera.post(url, {"document": json.dump(case(1, note="mine")), "revision": 1})
    assert suite.cases.get().note == ""
