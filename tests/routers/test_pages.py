"""Routers through their pages: written, judged on recorded inputs, compared, classified."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from console.lib import json
from conversations.models import Label, ToolCall
from conversations.routers.classifying import classify_recorded, progress_key
from tests import factories
from tests.factories import People, client_of, make_people
from tests.routers.making import SPEC, record
from tools_registry.models import ClassifierAnswer, Router, RouterVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def engineer(people: People) -> Client:
    return client_of(people.bob)


def go(client: Client, people: People, name: str, *args: Any, **query: Any) -> str:
    url = reverse(f"conversations:{name}", args=[people.project.slug, *args])
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def make_router(people: People, spec: dict[str, Any] = SPEC, name: str = "domains") -> Router:
    client = client_of(people.bob)
    url = reverse("conversations:router-create", args=[people.project.slug])
    answer = client.post(url, {"name": name, "document": json.dump(spec)})
    assert answer.status_code == 302
    return Router.objects.get(project=people.project, name=name)


def test_it_is_judged_on_what_recorded_turns_needed(people: People, engineer: Client) -> None:
    router = make_router(people)
    record(people, "weather in Oslo", "get_weather")
    record(people, "my invoice, and the weather", "get_weather")
    hidden = record(people, "the invoice for the rain", "get_weather")
    record(people, "rejected", "get_weather", verdict="rejected")
    page = go(engineer, people, "router-judged", router.pk)
    assert "2 of 3 (66.7%, 95% CI" in page
    assert "1 do not say what was needed" in page
    assert reverse("conversations:turn-find", args=[people.project.slug, hidden.pk]) in page


def test_equal_inputs_are_listed_once_with_their_count(people: People, engineer: Client) -> None:
    router = make_router(people)
    for _ in range(3):
        record(people, "the invoice for the rain", "get_weather")
    record(people, "an invoice for snow", "get_weather")
    page = go(engineer, people, "router-judged", router.pk)
    assert "4 turns</a>; the newest 2 inputs" in page
    assert page.count("the invoice for the rain") == 1
    assert '<span class="num">3 turns</span>' in page


def test_each_cell_of_the_matrix_leads_to_the_turns_that_it_counts(
    people: People, engineer: Client
) -> None:
    router = make_router(people)
    right = record(people, "weather in Oslo", "get_weather")
    wrong = [record(people, f"the invoice for rain {n}", "get_weather") for n in range(2)]
    nothing = record(people, "hello")
    page = html.unescape(go(engineer, people, "router-judged", router.pk))
    cells = re.findall(r'<a href="([^"]*/inputs/[^"]*intent=[^"]*)">(\d+)</a>', page)
    assert [count for _, count in cells] == ["1", "2", "1"]
    record(people, "the weather, later", "get_weather")
    for (link, _), turns in zip(cells, ([right], wrong, [nothing]), strict=True):
        text = engineer.get(link).content.decode()
        assert f"{len(turns)} turn" in text
        for turn in (right, *wrong, nothing):
            address = reverse("conversations:turn-find", args=[people.project.slug, turn.pk])
            assert (address in text) == (turn in turns), link
    missed = re.findall(r'<a href="([^"]*/inputs/[^"]*)">2 turns</a>', page)
    assert "2 turns of the newest 4" in engineer.get(missed[0]).content.decode()
    gone = go(engineer, people, "router-inputs", router.pk, newest="x", wanted="no", intent="no")
    assert "No turn is counted here" in gone


def test_labels_alone_can_say_what_was_needed(people: People, engineer: Client) -> None:
    router = make_router(people)
    record(people, "weather", "get_weather")
    turn = record(people, "my invoice", "get_weather")
    Label.objects.create(
        project=people.project,
        conversation=turn.conversation,
        turn_id=turn.pk,
        call_id=ToolCall.objects.get(turn_id=turn.pk).pk,
        kind="wrong_tool",
        expected='{"name": "pay_invoice"}',
    )
    page = go(engineer, people, "router-judged", router.pk, needed="told")
    assert "1 of 1 (100.0%" in page


def test_two_versions_are_judged_beside_each_other(people: People, engineer: Client) -> None:
    router = make_router(people)
    record(people, "pay the bill", "pay_invoice")
    url = reverse("conversations:router-edit", args=[people.project.slug, router.pk])
    words = [*SPEC["keywords"], {"words": ["bill"], "groups": ["billing"]}]
    engineer.post(url, {"document": json.dump({**SPEC, "keywords": words}), "note": "bills"})
    page = go(engineer, people, "router-judged", router.pk, against="1")
    assert "Where v2 offers other tools than v1" in page
    assert "v1: (nothing fits), 2 tools" in page
    assert "v2: billing, 1 tools" in page


def test_an_input_is_tried(people: People, engineer: Client) -> None:
    router = make_router(people)
    record(people, "x")
    page = go(engineer, people, "router-input", router.pk, text="The WEATHER today")
    assert "by the word <code>weather</code>" in page
    assert "1 of 2 tools" in page


def test_a_router_that_cannot_be_used_is_refused_at_its_line(
    people: People, engineer: Client
) -> None:
    url = reverse("conversations:router-create", args=[people.project.slug])
    text = '{\n "otherwise": "nowhere"\n}'
    answer = engineer.post(url, {"name": "x", "document": text})
    assert answer.status_code == 422
    assert "line 2: there is no group nowhere" in answer.content.decode()
    assert not Router.objects.exists()


def test_a_name_is_taken_once(people: People, engineer: Client) -> None:
    make_router(people)
    url = reverse("conversations:router-create", args=[people.project.slug])
    answer = engineer.post(url, {"name": "domains", "document": "{}"})
    assert "There is a router domains already" in answer.content.decode()


def test_a_version_never_changes(people: People) -> None:
    version = make_router(people).latest
    assert version is not None
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        RouterVersion.objects.filter(pk=version.pk).update(document="{}")
    with pytest.raises(DatabaseError, match="cannot be deleted"), transaction.atomic():
        RouterVersion.objects.filter(pk=version.pk).delete()


def test_the_same_content_is_the_same_version(people: People, engineer: Client) -> None:
    router = make_router(people)
    url = reverse("conversations:router-edit", args=[people.project.slug, router.pk])
    engineer.post(url, {"document": json.dump(SPEC)})
    assert router.versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_classifier_is_asked_once_of_each_input(people: People, engineer: Client) -> None:
    script = {"text": '{"billing": 0.9}', "delay_ms": 0}
    factories.make_connection(
        people.project, name="judge", protocol="scripted", settings={"script": script}
    )
    spec = {**SPEC, "keywords": [], "classifier": {"connection": "judge", "model": "m"}}
    router = make_router(people, spec)
    record(people, "pay it", "pay_invoice")
    record(people, "pay it", "pay_invoice")
    assert "not asked of 1 of these inputs" in go(engineer, people, "router-judged", router.pk)
    version = router.latest
    assert version is not None
    cache.set(progress_key(version), {"done": 0, "whole": 0, "error": ""}, 60)
    assert classify_recorded(version, 100, trusting=True, seconds=60) == 0
    answer = ClassifierAnswer.objects.get()
    assert (answer.read(), answer.error) == ({"weather": 0.0, "billing": 0.9}, "")
    page = go(engineer, people, "router-judged", router.pk)
    assert "not asked" not in page
    assert "2 of 2 (100.0%" in page


def test_a_connection_that_is_not_there_is_told(people: People, engineer: Client) -> None:
    spec = {**SPEC, "classifier": {"connection": "gone"}}
    router = make_router(people, spec)
    record(people, "x", "get_weather")
    version = router.latest
    assert version is not None
    cache.set(progress_key(version), {"done": 0, "whole": 0, "error": ""}, 60)
    classify_recorded(version, 100, trusting=True, seconds=60)
    page = go(engineer, people, "router-judged", router.pk)
    assert "The project has no open connection gone" in page


def test_a_viewer_reads_and_does_not_write(people: People) -> None:
    router = make_router(people)
    page = go(client_of(people.vera), people, "router", router.pk)
    assert "New version" not in page
