"""The post-mortem through its pages: begun, filled from the record, edited by two, exported."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conversations.incidents.lifecycle import log, rename
from conversations.incidents.postmortem.figures import read_figures
from conversations.incidents.postmortem.records import PostMortem
from conversations.incidents.postmortem.references import resolve
from conversations.incidents.postmortem.template import TEMPLATE
from conversations.incidents.records import Incident
from tests.factories import People, client_of, make_people
from tests.postmortem.making import make_incident, make_replay

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def incident(people: People) -> Incident:
    return make_incident(people.project)[1]


def at(incident: Incident, name: str, *more: Any) -> str:
    args = [incident.project.slug, incident.number, *more]
    return reverse(f"conversations:post-mortem{name}", args=args)


def keep(client: Client, incident: Incident, text: str, revision: int) -> Any:
    fields = {"text": text, "revision": revision}
    return client.post(at(incident, "-edit"), fields, headers={"accept": "application/json"})


def test_the_template_names_only_what_the_record_knows(incident: Incident) -> None:
    make_replay(incident)
    log(incident, "note", "Rolled back | <b>v2</b>")
    figures = {figure.name: figure.value for figure in read_figures(incident)}
    assert resolve(TEMPLATE, figures).unknown == ()
    assert figures["impact.calls"].startswith("20 of 40 calls rejected (50%, 95% CI 35–65)")  # noqa: RUF001
    assert figures["impact.count"] == "20"
    assert figures["cause.answer"].startswith("Version 2 of `get_weather` is most likely")
    assert "`get_weather` v2" in figures["cause.suspects"]
    assert "temprature" in figures["cause.diff"]
    assert "87% of 137 calls rejected" in figures["detection.how"]
    assert r"Rolled back \| \<b\>v2\</b\>" in figures["timeline"]
    assert "4 of 4" in figures["replays"]
    assert figures["check"].startswith("No fix is noted")


def test_it_is_shown_before_it_is_begun_and_figures_are_read_when_it_is_shown(
    people: People, incident: Incident
) -> None:
    vera, rita = client_of(people.vera), client_of(people.rita)
    assert "Nothing is written yet" in vera.get(at(incident, "")).content.decode()
    assert not PostMortem.objects.exists()
    rita.post(at(incident, "-begin"))
    assert "{{impact.calls}}" in PostMortem.objects.get().text
    assert "20 of 40 calls rejected" in vera.get(at(incident, "")).content.decode()
    rename(incident, "Renamed <script>")
    page = vera.get(at(incident, "")).content.decode()
    assert "Renamed &lt;script&gt;" in page
    assert vera.get(at(incident, "-edit")).status_code == 403


def test_it_is_kept_as_it_is_typed_and_one_go_is_one_version(
    people: People, incident: Incident
) -> None:
    rita = client_of(people.rita)
    rita.post(at(incident, "-begin"))
    for revision, text in enumerate(("# One", "# One\ntwo", "# One\ntwo\nthree"), 1):
        assert keep(rita, incident, text, revision).json()["revision"] == revision + 1
    bob = client_of(people.bob)
    assert keep(bob, incident, "# Bob", 4).json()["version"] == 3
    document = PostMortem.objects.get()
    kept = document.versions.order_by("number").values_list("number", "text")
    assert list(kept)[1:] == [(2, "# One\ntwo\nthree"), (3, "# Bob")]
    page = bob.get(at(incident, "-version", 3)).content.decode()
    assert "Bob" in page
    assert "three" in page, "what it took out is shown"
    rita.post(at(incident, "-restore", 2))
    document.refresh_from_db()
    assert (document.text, document.revision) == ("# One\ntwo\nthree", 6)


def test_two_editors_do_not_overwrite_each_other(people: People, incident: Incident) -> None:
    rita, bob = client_of(people.rita), client_of(people.bob)
    rita.post(at(incident, "-begin"))
    base = "first\nsecond\nthird"
    keep(rita, incident, base, 1)
    theirs = "first, by Bob\nsecond\nthird"
    assert keep(bob, incident, theirs, 2).status_code == 200
    mine = "first\nsecond\nthird, by Rita"
    refused = keep(rita, incident, mine, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "post_mortem_changed")
    assert PostMortem.objects.get().text == theirs
    compared = rita.post(at(incident, "-compare"), {"text": mine, "base": base}).content.decode()
    assert "Put both together" in compared
    assert "first, by Bob\nsecond\nthird, by Rita" in compared
    assert 'data-revision="3"' in compared
    plain = rita.post(at(incident, "-edit"), {"text": mine, "base": base, "revision": 2})
    assert plain.status_code == 409
    assert "third, by Rita" in plain.content.decode(), "without a script nothing is lost either"
    assert keep(rita, incident, mine, 3).status_code == 200, "taken over, knowingly"
    assert PostMortem.objects.get().versions.filter(text=theirs).exists()


def test_a_preview_names_unknown_references_with_their_lines(
    people: People, incident: Incident
) -> None:
    text = "# T\n\n{{impact.cals}}\n\n<img src=x onerror=alert(1)>"
    page = client_of(people.rita).post(at(incident, "-preview"), {"text": text}).content.decode()
    assert "Line 3" in page
    assert "impact.calls" in page
    assert "<img" not in page


def test_exports_have_their_figures_in_place(people: People, incident: Incident) -> None:
    rita = client_of(people.rita)
    assert rita.get(at(incident, "-markdown")).status_code == 404
    rita.post(at(incident, "-begin"))
    answer = rita.get(at(incident, "-markdown"))
    text = answer.content.decode()
    assert answer["Content-Disposition"].endswith('filename="inc-1-post-mortem.md"')
    assert "{{" not in text
    assert "- 20 of 40 calls rejected" in text
    printed = rita.get(at(incident, "-print")).content.decode()
    assert "<h1" in printed
    assert "20 of 40 calls rejected" in printed
    assert "sidebar" not in printed
