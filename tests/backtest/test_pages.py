"""The pages of backtests: the form, the result under its permalink, cancelling and export."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from conversations.backtest import engine
from conversations.backtest.records import Backtest
from tests.backtest.making import arguments, begin, definition, make_calls, make_versions, run
from tests.factories import People, client_of, make_people
from tools_registry.publishing import start_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def rita(people: People) -> Client:
    return client_of(people.rita)


def url(people: People, *parts: object) -> str:
    return "/".join([f"/p/{people.project.slug}/backtests", *map(str, parts), ""])


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_the_form_offers_the_version_and_starts(people: People, rita: Client) -> None:
    right, wrong = make_versions(people.project)
    make_calls(right, [arguments(n) for n in range(3)])
    form = text_of(rita.get(url(people, "new") + "?tool=get_weather&version=1"))
    assert '<option value="1" selected>' in form
    body = {"tool": "get_weather", "version": "2", "policy": "published", "last": "1000"}
    started = rita.post(url(people, "new"), body)
    row = Backtest.objects.get()
    assert started["Location"] == url(people, row.pk)
    assert (row.version, row.limit, row.requested_by) == (wrong, 1000, people.rita.user)


def test_a_kept_draft_is_offered_and_stays_named(people: People, rita: Client) -> None:
    _, wrong = make_versions(people.project)
    text = json.dumps(definition())
    draft = start_draft(people.project, text, user=None, tool=wrong.tool)
    form = text_of(rita.get(url(people, "new") + f"?draft={draft.pk}"))
    assert f'name="kept" value="{draft.pk}"' in form and "temperature" in form
    body = {"tool": "get_weather", "kept": draft.pk, "draft": text, "last": "1000"}
    rita.post(url(people, "new"), body)
    assert Backtest.objects.get().draft == draft
    body["draft"] = text.replace("celsius", "kelvin")
    rita.post(url(people, "new"), body)
    assert Backtest.objects.latest("pk").draft is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("filter", "colour:red", "no field colour"),
        ("draft", "{", "not JSON"),
        ("policy", "9", "no policy 9"),
        ("last", "0", "Judge from 1"),
        ("version", "7", "no version 7"),
    ],
)
def test_what_cannot_be_started_says_why_and_keeps_what_was_typed(
    people: People, rita: Client, field: str, value: str, said: str
) -> None:
    make_versions(people.project)
    body = {"tool": "get_weather", "version": "2", "last": "1000", "filter": "time:7d"}
    answer = rita.post(url(people, "new"), body | {field: value})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Backtest.objects.exists()


def test_the_result_says_its_base_and_counts(people: People, rita: Client) -> None:
    right, wrong = make_versions(people.project)
    make_calls(right, [arguments(n) for n in range(7)])
    row = run(people.project, version=wrong.number, limit=5)
    page = text_of(rita.get(url(people, row.pk)))
    assert "5 of 7 calls" in page
    assert "missing_required" in page and "/temprature" in page
    assert page.count("data-row-link") == 5
    assert "hx-get" not in page.split('id="backtest"')[1].split(">")[0]
    few = text_of(rita.get(url(people, row.pk) + "?change=fixed"))
    assert few.count("data-row-link") == 0


def test_a_running_backtest_tells_its_progress_and_asks_again(people: People, rita: Client) -> None:
    make_versions(people.project)
    row = begin(people.project)
    page = rita.get(url(people, row.pk), headers={"HX-Request": "true"})
    assert b"<html" not in page.content
    assert b'hx-trigger="load delay' in page.content and b"<progress" in page.content
    rita.post(url(people, row.pk, "cancel"))
    assert b"stopping" in rita.get(url(people, row.pk)).content
    engine.run(row.pk)
    assert b"cancelled" in rita.get(url(people, row.pk)).content


def test_hostile_arguments_are_shown_as_text(people: People, rita: Client) -> None:
    right, wrong = make_versions(people.project)
    hostile = '{"city": "<img src=x onerror=alert(1)>", "temperature": "</details><script>"}'
    make_calls(right, [hostile])
    page = text_of(rita.get(url(people, run(people.project, version=wrong.number).pk)))
    assert "<img" not in page and "</details><script>" not in page


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_changed_calls_are_exported(people: People, rita: Client, form: str) -> None:
    right, wrong = make_versions(people.project)
    make_calls(right, [arguments(n) for n in range(3)])
    row = run(people.project, version=wrong.number)
    answer = rita.get(url(people, row.pk, "export") + f"?form={form}")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    if form == "csv":
        records: list[Any] = list(csv.DictReader(io.StringIO(text)))
    else:
        records = [json.loads(line) for line in text.splitlines()]
    assert [record["change"] for record in records] == ["newly_rejected"] * 3
    assert rita.get(url(people, row.pk, "export") + "?form=odd").status_code == 404


def test_the_list_has_those_of_a_tool_and_an_empty_one_says_what_to_do(
    people: People, rita: Client
) -> None:
    assert "No backtest yet" in text_of(rita.get(url(people)))
    make_versions(people.project)
    row = run(people.project)
    assert str(row.pk) in text_of(rita.get(url(people) + "?tool=get_weather"))
    assert str(row.pk) not in text_of(rita.get(url(people) + "?tool=other"))


def test_a_viewer_reads_and_does_not_start(people: People) -> None:
    make_versions(people.project)
    row, vera = run(people.project), client_of(people.vera)
    assert vera.get(url(people, row.pk)).status_code == 200
    assert vera.get(url(people, "new")).status_code == 403
    assert vera.post(url(people, row.pk, "cancel")).status_code == 403


def test_run_again_asks_the_same(people: People, rita: Client) -> None:
    make_versions(people.project)
    row = run(people.project, version=1, query="model:x", limit=1000, policy="none")
    page = rita.get(url(people, row.pk))
    again = page.context["again"]
    form = text_of(rita.get(again))
    assert '<option value="1" selected>' in form and 'value="model:x"' in form
    assert '<option value="1000" selected>' in form
    assert '<option value="none" selected>' in form
