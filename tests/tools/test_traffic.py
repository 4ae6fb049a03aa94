"""Which version is offered when, by whom and how often: on the timeline, and in the list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.lib import uuid7
from conversations.models import ToolSighting
from conversations.traffic import read_traffic
from tests.factories import (
    WEATHER,
    People,
    client_of,
    make_call,
    make_conversation,
    make_people,
    make_tool_version,
    make_toolset,
    make_turn,
)
from tools_registry.models import ToolVersion
from tools_registry.publishing import retire

pytestmark = pytest.mark.django_db
NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def versions(people: People) -> list[ToolVersion]:
    texts = ("Old words.", "New words.")
    return [make_tool_version(people.project, WEATHER | {"description": text}) for text in texts]


def offer(people: People, *versions: ToolVersion, at: datetime, times: int = 1) -> None:
    """Turns that offered these versions, each with one call of the first."""
    toolset = make_toolset(*versions)
    conversation = make_conversation(people.project)
    for n in range(times):
        key = uuid7.of(at, str(toolset.pk), str(n))
        turn = make_turn(
            conversation, at=at, id=key, toolset=toolset, model="m-1", environment="production"
        )
        verdict = "rejected" if n == 0 else "accepted"
        make_call(
            turn,
            id=uuid7.of(at, "c", str(toolset.pk), str(n)),
            tool_version=versions[0],
            verdict=verdict,
        )


def fragment(people: People, query: str = "") -> str:
    tool = ToolVersion.objects.filter(project=people.project)[0].tool_id
    address = reverse("conversations:tool-traffic", args=[people.project.slug, tool])
    response = client_of(people.vera).get(address + query)
    assert response.status_code == 200
    return response.content.decode()


def test_turns_are_counted_by_day_and_version(people: People, versions: list[ToolVersion]) -> None:
    old, new = versions
    offer(people, old, at=NOON - timedelta(days=2), times=3)
    offer(people, new, at=NOON, times=2)
    now = NOON + timedelta(hours=1)
    traffic = read_traffic(people.project, versions, now, 7)
    assert traffic.versions[old.pk].days == [0, 0, 0, 0, 3, 0, 0]
    assert traffic.versions[new.pk].days == [0, 0, 0, 0, 0, 0, 2]
    assert (traffic.recent, traffic.versions[new.pk].recent, traffic.highest) == (2, 2, 3)
    assert (traffic.versions[old.pk].calls, traffic.versions[old.pk].rejected) == (3, 1)
    assert traffic.versions[new.pk].models == ["m-1"]
    assert traffic.versions[new.pk].environments == ["production"]


def test_another_projects_turns_do_not_count(people: People, versions: list[ToolVersion]) -> None:
    others = make_people()
    theirs = make_tool_version(others.project)
    offer(others, theirs, at=NOON, times=4)
    traffic = read_traffic(people.project, versions, NOON + timedelta(hours=1), 7)
    assert (traffic.recent, traffic.highest) == (0, 1)
    assert all(one.turns == 0 for one in traffic.versions.values())


def test_a_retired_version_that_is_still_sent_is_told_with_its_share(
    people: People, versions: list[ToolVersion]
) -> None:
    old, new = versions
    retire(old, user=people.bob.user)
    at = timezone.now() - timedelta(hours=1)
    offer(people, old, at=at)
    offer(people, new, at=at, times=3)
    ToolSighting.objects.create(version=old, sender="service:<shop>", first_at=at, last_at=at)
    page = fragment(people)
    assert "v1 is retired, still sent by 25.0% of turns" in page
    assert "1 of the 4 that offered get_weather" in page
    assert "the latest by service:&lt;shop&gt;" in page
    assert "m-1 in production" in page


def test_the_timeline_marks_what_was_published_and_first_seen(
    people: People, versions: list[ToolVersion]
) -> None:
    seen = timezone.now() - timedelta(minutes=1)
    ToolVersion.objects.filter(pk=versions[1].pk).update(first_seen_at=seen, last_seen_at=seen)
    retire(versions[0], user=people.bob.user)
    page = fragment(people, "?days=30")
    assert 'class="m-retired"' in page and 'class="m-first_seen"' in page
    assert "Turns a day, 30 days" in page
    assert "Turns a day, 14 days" in fragment(people, "?days=31")


def test_the_list_is_told_the_calls_of_the_last_day(
    people: People, versions: list[ToolVersion]
) -> None:
    quiet = make_tool_version(people.project, {"name": "quiet"}).tool
    offer(people, versions[1], at=timezone.now() - timedelta(hours=1), times=2)
    offer(people, versions[0], at=timezone.now() - timedelta(days=3), times=2)
    tool = versions[0].tool_id
    address = reverse("conversations:tool-rates", args=[people.project.slug])
    page = client_of(people.vera).get(f"{address}?tools={tool},{quiet.pk},x").content.decode()
    assert f'<span id="rate-{tool}" hx-swap-oob="true">2</span>' in page
    assert f'<span id="rate-{quiet.pk}" hx-swap-oob="true" class="muted">0</span>' in page
    theirs = reverse("conversations:tool-rates", args=[people.charlie.project.slug])
    other: Client = client_of(people.charlie)
    assert "rate-" not in other.get(f"{theirs}?tools={tool}").content.decode()
