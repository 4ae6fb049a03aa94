"""The columns of a version's parameters: how often each was sent, and the findings at it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from conversations import parameter_use
from conversations.parameter_use import ParameterUse, read_use
from tests.backtest.making import arguments, make_calls, make_versions
from tests.factories import People, client_of, make_people
from tools_registry.models import ToolVersion
from tools_registry.outline import read_rows

NESTED = {
    "type": "object",
    "properties": {
        "stops": {"type": "array", "items": {"properties": {"a/b": {"type": "string"}}}},
        "place": {"type": "object", "properties": {"7": {"type": "string"}}},
    },
}


@pytest.fixture
def people(db: None) -> People:
    return make_people()


def test_places_in_lists_and_objects_count_once_a_call() -> None:
    use = ParameterUse()
    wrong = '[{"code": "wrong_type", "message": "x", "pointer": "/stops/1/a~1b"}]'
    use.add('{"stops": [{"a/b": 1}, {"a/b": 2}], "place": {"7": ""}}', wrong)
    use.add('{"stops": []}', "[]")
    use.add('{"stops": [{"a/b"', '[{"code": "malformed_json", "message": "x"}]')
    pointers = [row.pointer for row in read_rows(NESTED)]
    assert pointers == ["/stops", "/stops/*/a~1b", "/place", "/place/*"]
    assert [use.sent[pointer] for pointer in pointers] == [2, 1, 1, 1]
    assert use.calls == 3
    assert use.findings == {"/stops/*/a~1b": {"wrong_type": 1}, "": {"malformed_json": 1}}


def show(people: People, version: ToolVersion) -> str:
    address = reverse("conversations:parameter-use", args=[people.project.slug, version.pk])
    response = client_of(people.vera).get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_it_shows_what_the_model_sends_instead_of_a_misspelt_parameter(people: People) -> None:
    _, wrong = make_versions(people.project)
    make_calls(
        wrong, [*(arguments(n) for n in range(3)), '{"city": "Oslo", "temprature": "celsius"}']
    )
    page = show(people, wrong)
    assert '4<span class="sub">100.0%</span>' in page
    assert '1<span class="sub">25.0%</span>' in page
    assert 'missing_required <b class="num">3</b>' in page
    assert '/temperature</code></td><td class="muted">not in the definition' in page
    assert '3<span class="sub">75.0%</span>' in page
    assert "Sent and findings are of 4 calls of v2" in page
    linked = reverse("conversations:call-list", args=[people.project.slug])
    query = "?q=version%3Aget_weather%40v2%20finding%3Amissing_required"
    assert f'href="{linked}{query}"' in page
    assert "get_weather" in client_of(people.vera).get(linked + query).content.decode()


def test_only_the_newest_calls_of_its_window_are_looked_at(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, other = make_versions(people.project)
    make_calls(right, [arguments(n) for n in range(3)], ago=timedelta(days=40))
    assert "once calls of v1 are recorded" in show(people, right)
    ToolVersion.objects.filter(pk=right.pk).update(last_seen_at=timezone.now() - timedelta(days=35))
    right.refresh_from_db()
    assert read_use(right).calls == 3
    make_calls(right, [arguments(1)])
    make_calls(other, [arguments(1)])
    monkeypatch.setattr(parameter_use, "NEWEST", 2)
    assert (read_use(right).calls, read_use(other).calls) == (2, 1)


def test_a_stranger_sees_nothing(people: People) -> None:
    right, _ = make_versions(people.project)
    address = reverse("conversations:parameter-use", args=[people.charlie.project.slug, right.pk])
    assert client_of(people.charlie).get(address).status_code == 404
