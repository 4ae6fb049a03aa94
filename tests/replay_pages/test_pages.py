"""The pages of replays: the form, the matrix under its permalink, settling, steering, export."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client

from conversations.models import Label, ToolCall
from conversations.replay.records import Replay, ReplayOutcome
from conversations.suites.cases import read_case
from conversations.suites.keeping import add_cases, create_suite
from tests.factories import client_of, make_connection
from tests.replay_pages.making import Desk, make_desk, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def bob(desk: Desk) -> Client:
    return client_of(desk.people.bob)


def text_of(response: Any) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def asking(desk: Desk, **more: Any) -> dict[str, Any]:
    """The form where the model is asked."""
    return desk.form(mode="next_call", connection=desk.connection.pk, **more)


def begin(desk: Desk, bob: Client, **more: Any) -> Replay:
    response = bob.post(desk.url("new"), desk.form(**more))
    assert response.status_code == 302, text_of(response)
    return Replay.objects.select_related("project").latest("pk")


def test_an_incident_fills_the_form_with_its_likeliest_cure(desk: Desk, bob: Client) -> None:
    page = bob.get(desk.url("new") + f"?incident={desk.incident.number}").content.decode()
    assert f'<option value="d:{desk.draft.pk}" selected>' in page
    assert f'<option value="{desk.connection.pk}" selected>' in page
    assert 'Model calls</dt><dd class="tot"><b>24</b>' in page
    assert "disabled" not in page.partition('id="rp-start"')[2][:40]


def test_without_a_draft_the_version_before_is_offered(desk: Desk, bob: Client) -> None:
    desk.draft.delete()
    page = bob.get(desk.url("new") + f"?incident={desk.incident.number}").content.decode()
    assert f'<option value="v:{desk.night.v1.pk}" selected>' in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v0-t0-to": "v:0"}, "There is no such version"),
        ({"v0-t0-to": "text", "v0-t0-text": "{"}, "line 1, column"),
        ({"v0-parameters": "[1]"}, "Write parameters as a JSON object"),
        ({"trials": "many"}, "whole number from 1 to 100"),
        ({"dollars": "-1"}, "Give dollars as a number"),
        ({"mode": "next_call"}, "Choose a connection to ask"),
        ({"last": "0"}, "Replay from 1 to 10,000 cases"),
    ],
)
def test_what_cannot_start_says_why(
    desk: Desk, bob: Client, change: dict[str, str], said: str
) -> None:
    response = bob.post(desk.url("new"), desk.form(**change))
    assert response.status_code == 422 and said in text_of(response)
    assert not Replay.objects.exists()


def test_the_estimate_follows_the_form_and_the_buttons_keep_what_was_typed(
    desk: Desk, bob: Client
) -> None:
    part = {"HX-Request": "true"}
    told = bob.post(desk.url("new"), asking(desk, trials="5", then="estimate"), headers=part)
    assert "Model calls 30" in text_of(told)
    grown = bob.post(desk.url("new"), desk.form(then="variant", title="Mine"), headers=part)
    page = grown.content.decode()
    assert 'name="variants" value="2"' in page and 'value="Mine"' in page
    edited = desk.form(then="redraw") | {"v0-t0-to": "text"}
    assert "temprature" in bob.post(desk.url("new"), edited, headers=part).content.decode()


def test_a_replay_shows_its_verdict_its_matrix_and_both_answers(desk: Desk, bob: Client) -> None:
    row = begin(desk, bob)
    running = bob.get(desk.url(row.number)).content.decode()
    assert 'hx-trigger="load delay' in running and "0 of 6" in running
    work(row)
    page = bob.get(desk.url(row.number))
    said = text_of(page)
    assert f"draft {desk.draft.pk} is right in 3 of 3 cases" in said
    assert "3 cases are few: 3 of 3 is not 100%" in said
    assert "Publish get_weather v3" in said and "Failing 0/1" in said and "Fixed 1/1" in said
    live = bob.get(desk.url(row.number), headers={"HX-Request": "true", "HX-Target": "rp-live"})
    assert "<html" not in live.content.decode() and "load delay" not in live.content.decode()
    beside = bob.get(desk.url(row.number) + "?case=0&variant=1&trial=1")
    assert "Call, the same" in text_of(beside)
    assert "temprature is required and was not sent" in text_of(beside)


def test_filters_and_order_stand_in_the_address(desk: Desk, bob: Client) -> None:
    row = work(begin(desk, bob))
    page = bob.get(desk.url(row.number) + "?show=fixed&order=case&find=weather").content.decode()
    assert page.count("data-case=") == 3
    assert "?show=fixed&amp;find=weather&amp;order=case&amp;case=0&amp;variant=1" in page
    none = text_of(bob.get(desk.url(row.number) + "?show=newly_broken"))
    assert "No case is so" in none


@pytest.mark.django_db(transaction=True)
def test_what_a_person_says_is_right_becomes_the_expectation(desk: Desk, bob: Client) -> None:
    asked = asking(desk, trials="1") | {"v0-tools": "0", "v0-model": "talker"}
    bob.post(desk.url("new"), asked)
    row = work(Replay.objects.get())
    outcome = ReplayOutcome.objects.filter(replay=row, variant__position=1).earliest("pk")
    assert outcome.passed is None
    settle = desk.url(row.number, "outcomes", outcome.pk, "settle")
    part = {"HX-Request": "true"}
    answer = bob.post(settle, {"said": "right", "with": "0"}, headers=part)
    assert answer["HX-Trigger"] == "replay-changed"
    assert "Bob said that talker is right" in text_of(answer)
    outcome.refresh_from_db()
    assert outcome.passed
    assert outcome.judged_by == "person"
    expected = outcome.case.value.expectation
    assert expected is not None and expected.calls == ()
    holding = Label.objects.filter(turn_id=outcome.case.turn_id, superseded_at=None)
    assert list(holding.values_list("kind", "author")) == [("needless", desk.people.bob.user.pk)]
    control = ReplayOutcome.objects.get(case=outcome.case, variant__position=0)
    assert (control.passed, control.judged_by) == (False, "findings")
    bob.post(settle, {"said": "wrong", "with": "0"})
    outcome.refresh_from_db()
    assert outcome.passed is False and outcome.case.value.expectation is None
    assert [label.kind for label in holding] == ["withdrawn"]


def test_a_replay_is_paused_resumed_and_cancelled(desk: Desk, bob: Client) -> None:
    row = begin(desk, bob)
    for step, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        bob.post(desk.url(row.number, "steer"), {"then": step})
        row.refresh_from_db()
        assert row.status == status
    again = bob.post(desk.url(row.number, "steer"), {"then": "pause"}, follow=True)
    assert "The replay is cancelled already." in text_of(again)


def test_what_got_no_answer_is_asked_again(desk: Desk, bob: Client) -> None:
    row = work(begin(desk, bob))
    ReplayOutcome.objects.filter(replay=row, trial=1, variant__position=1).update(status="failed")
    said = text_of(bob.get(desk.url(row.number)))
    assert "Ask 3 again" in said and "3 outcomes ended without an answer" in said
    bob.post(desk.url(row.number, "steer"), {"then": "retry"})
    row.refresh_from_db()
    assert row.status == "running"
    assert "is right in 3 of 3 cases" in text_of(bob.get(desk.url(work(row).number)))


def test_outcomes_are_exported_as_lines_and_as_a_table(desk: Desk, bob: Client) -> None:
    row = work(begin(desk, bob))
    lines = bob.get(desk.url(row.number, "export") + "?form=ndjson").getvalue().splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 6 and first["variant"] == "As recorded" and first["passed"] is False
    table = bob.get(desk.url(row.number, "export") + "?form=csv").getvalue().decode()
    assert len(list(csv.reader(io.StringIO(table)))) == 7


def test_a_snapshot_stays_as_it_was(desk: Desk, bob: Client) -> None:
    row = work(begin(desk, bob))
    kept = bob.post(desk.url(row.number, "snapshots"))
    assert kept["Location"] == desk.url(row.number, "snapshots", 1)
    changed = ReplayOutcome.objects.filter(replay=row, variant__position=1)
    for outcome in changed:
        bob.post(desk.url(row.number, "outcomes", outcome.pk, "settle"), {"said": "wrong"})
    changed.update(calls="[]", text="Never said")
    shown = bob.get(kept["Location"] + "?case=0&variant=1")
    assert "Call, the same" in text_of(shown) and "Never said" not in text_of(shown)
    assert "said that" not in text_of(shown) and "data-beside-form" not in shown.content.decode()
    assert "Never said" in text_of(bob.get(desk.url(row.number) + "?case=0&variant=1"))
    ReplayOutcome.objects.filter(replay=row).delete()
    said = text_of(bob.get(kept["Location"]))
    assert "is right in 3 of 3 cases" in said and "Fixed 1/1" in said
    vera = client_of(desk.people.vera)
    assert vera.get(kept["Location"]).status_code == 200
    assert vera.post(desk.url(row.number, "snapshots")).status_code == 403


def test_a_former_replay_is_asked_again_with_the_same_variants(desk: Desk, bob: Client) -> None:
    row = begin(desk, bob, title="Once", **{"v0-policy": "none", "v0-t0-policy": "none"})
    page = bob.get(desk.url("new") + f"?replay={row.number}").content.decode()
    assert 'value="Once"' in page and 'value="Once"' in page
    assert "never a forecast" in page, "the draft's text as it was then"


def test_a_suite_is_compared_over_connections(desk: Desk, bob: Client) -> None:
    suite = create_suite(desk.people.project, "Weather")
    address = desk.url("new") + f"?suite={suite.pk}"
    assert "There are no cases" in text_of(bob.get(address))
    add_cases(suite, [read_case({"messages": [{"role": "user", "content": "?"}]})], origin="hand")
    make_connection(desk.people.project, name="Another", model_names=["llama"])
    page = bob.get(address).content.decode()
    assert 'name="variants" value="1"' in page and 'value="llama"' in page


def test_checked_rows_of_a_list_are_the_cases(desk: Desk, bob: Client) -> None:
    calls = list(ToolCall.objects.filter(verdict="rejected").order_by("pk")[:2])
    ids = "".join(f"&id={call.pk}" for call in calls)
    page = bob.get(desk.url("new") + f"?kind=calls&q=verdict:rejected{ids}").content.decode()
    assert f'name="turns" value="{calls[0].turn_id},{calls[1].turn_id}"' in page
    wrong = bob.get(desk.url("new") + "?kind=calls&q=&id=none")
    assert wrong.status_code == 422 and "Check them again" in text_of(wrong)


def test_nothing_chosen_offers_every_source(desk: Desk, bob: Client) -> None:
    page = text_of(bob.get(desk.url("new")))
    assert "An incident INC-1" in page and "A filter" in page
    wrong = bob.get(desk.url("new") + "?q=colour:red")
    assert wrong.status_code == 422 and "no field colour" in text_of(wrong)
    assert "No replay yet" in text_of(bob.get(desk.url()))
