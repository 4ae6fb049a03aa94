"""The pages: accounting adds up, quarantine is corrected and sent again, files are uploaded."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from conversations.ingest.store import store
from conversations.models import IngestTally, Quarantined, Turn
from tests.factories import People, client_of, make_people
from tests.store.talks import START, read, talk, turn, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


def address(people: People, name: str, *args: Any) -> str:
    return reverse(f"conversations:{name}", args=[people.project.slug, *args])


def hold(people: People) -> Quarantined:
    """A record whose clock is off, in quarantine."""
    body = turn("late", [user("Hi")], at=START + timedelta(days=9))
    assert store(people.project, read(body), door="api").quarantined == 1
    return Quarantined.objects.get(status="open")


def test_the_accounting_shows_what_was_sent(people: People) -> None:
    client = client_of(people.vera)
    assert "Nothing was sent" in client.get(address(people, "ingest")).content.decode()
    store(people.project, read(*talk(2), *talk(1)), door="api")
    page = client.get(address(people, "ingest")).content.decode()
    assert "Turn records" in page and "Upload a file" not in page
    assert '<td class="r num">3</td><td class="r num">2</td><td class="r num">1</td>' in page


def test_a_record_is_corrected_and_sent_again(people: People) -> None:
    held = hold(people)
    client = client_of(people.bob)
    assert "clock_skew" in client.get(address(people, "quarantine")).content.decode()
    page = client.get(address(people, "quarantined", held.pk))
    body = json.loads(page.context["text"]) | {"at": START.isoformat()}
    text = json.dumps(body, indent=2)
    response = client.post(address(people, "quarantined-send", held.pk), {"text": text})
    assert response.status_code == 302
    held.refresh_from_db()
    assert held.status == "resent" and held.settled_by == people.bob.user
    assert Turn.objects.get().at == START and Turn.objects.get().source == "api"
    tallies = {one.door: (one.sent, one.stored) for one in IngestTally.objects.all()}
    assert tallies == {"api": (1, 0), "page": (1, 1)}


def test_what_is_still_wrong_is_said_and_kept(people: People) -> None:
    held = hold(people)
    url = address(people, "quarantined-send", held.pk)
    response = client_of(people.bob).post(url, {"text": "{"})
    assert response.status_code == 422 and "No JSON" in response.content.decode()
    held.refresh_from_db()
    assert held.status == "open"


def test_all_of_one_reason_are_sent_again_or_discarded(people: People) -> None:
    old = [turn(f"old{n}", [user("Hi")], at=START - timedelta(days=400 + n)) for n in range(3)]
    store(people.project, read(*old), door="api")
    client = client_of(people.bob)
    form = {"reason": "clock_skew", "action": "send"}
    client.post(address(people, "quarantine-all"), form)
    assert Turn.objects.count() == 3
    assert not Quarantined.objects.filter(status="open").exists()
    hold(people)
    client.post(address(people, "quarantine-all"), form | {"action": "discard"})
    assert Quarantined.objects.filter(status="discarded").count() == 1
    assert Turn.objects.count() == 3


def test_one_record_is_discarded(people: People) -> None:
    held = hold(people)
    client_of(people.bob).post(address(people, "quarantined-discard", held.pk))
    held.refresh_from_db()
    assert held.status == "discarded"


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_is_uploaded(people: People, packed: bool) -> None:
    body = b"\n".join(json.dumps(one).encode() for one in talk(3)) + b"\n{}\n"
    body = gzip.compress(body) if packed else body
    url = address(people, "ingest-upload") + "?name=talk.jsonl&line=11"
    response = client_of(people.bob).post(url, body, content_type="application/octet-stream")
    told = response.json()
    assert (told["sent"], told["stored"], told["quarantined"]) == (4, 3, 1)
    assert told["errors"][0]["line"] == 14
    assert {one.source for one in Turn.objects.all()} == {"file"}
    again = client_of(people.bob).post(url, body, content_type="application/octet-stream")
    assert again.json()["duplicate"] == 3


def test_an_upload_that_is_too_large_is_refused(people: People) -> None:
    headers = {"Content-Length": str(10**9)}
    response = client_of(people.bob).post(
        address(people, "ingest-upload"), b"x", content_type="text/plain", headers=headers
    )
    assert response.status_code == 413
