"""Times, texts and names that nobody means harm nobody: not the page, and not other incidents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversations.incidents.joining import join_all
from conversations.incidents.lifecycle import log
from conversations.incidents.opening import EARLIEST, LATEST, open_incident
from conversations.incidents.postmortem.merging import merge
from conversations.incidents.postmortem.references import LARGEST, resolve
from conversations.incidents.records import Incident
from tests.factories import client_of, make_people
from tests.incidents.world import make_night


@pytest.mark.django_db
def test_times_that_cannot_be_reckoned_are_bounded() -> None:
    people = make_people()
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    row = open_incident(
        people.project, title="a\0b", query="verdict:rejected", since=first, until=last
    )
    log(row, "note", "a\0b")
    assert (row.since, row.until, row.title) == (EARLIEST, LATEST, "a\ufffdb")
    page = f"/p/{people.project.slug}/incidents/{row.number}/"
    assert client_of(people.alice).get(page).status_code == 200


@pytest.mark.django_db
def test_one_incident_that_fails_does_not_keep_the_others_from_joining() -> None:
    night = make_night()
    broken, whole = (
        open_incident(night.project, title="t", query="verdict:rejected", since=night.start)
        for _ in range(2)
    )
    Incident.objects.filter(pk=broken.pk).update(until=datetime.max.replace(tzinfo=UTC))
    assert join_all() == 20
    assert whole.turns.count() == 20


def test_figures_that_are_repeated_without_end_stay_within_bounds() -> None:
    found = resolve("{{a}}" * 10_000 + "{{b}}" * 10_000, {"a": "x" * 1000})
    assert found.text.count("x") == LARGEST
    assert len(found.unknown) == 100


def test_very_long_texts_are_put_together_at_once() -> None:
    merged = merge("a\n" * 50_000, "a\n" * 50_001, "a\n" * 50_002)
    assert merged.conflicts == 1
