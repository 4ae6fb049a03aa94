"""The overview: the first steps of an empty project, then the last day."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests import factories
from tests.analytics.making import catch_up, make_turn, rejected

pytestmark = pytest.mark.django_db


def open_overview(client: Client, slug: str) -> str:
    response = client.get(f"/p/{slug}/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_tells_a_newcomer_three_things_with_commands_to_copy() -> None:
    member = factories.make_member(role="admin")
    text = open_overview(factories.client_of(member), member.project.slug)
    assert "Three things to do first" in text
    assert "curl http://testserver/proxy/" in text
    assert text.count("data-copy=") == 4
    assert "python manage.py demo" in text
    assert "Latest conversations" not in text


def test_a_viewer_is_told_which_role_the_steps_need() -> None:
    member = factories.make_member(role="viewer")
    text = open_overview(factories.client_of(member), member.project.slug)
    assert "needs the role engineer" in text
    assert reverse("accounts:keys", args=[member.project.slug]) not in text


def test_the_steps_leave_when_they_are_done() -> None:
    member = factories.make_member()
    factories.make_tool(member.project)
    factories.make_run(member.project)
    key, _ = factories.make_key(member.project)
    key.last_used_at = timezone.now()
    key.save()
    text = open_overview(factories.client_of(member), member.project.slug)
    assert "Three things to do first" not in text


def test_it_counts_calls_of_24_hours_by_verdict_with_their_base() -> None:
    member = factories.make_member()
    now = timezone.now()
    verdicts = ("accepted", "accepted", "flagged", "rejected")
    make_turn(member.project, now, [{"verdict": verdict} for verdict in verdicts])
    make_turn(member.project, now - timedelta(hours=25), [{"verdict": "rejected"}])
    make_turn(factories.make_project(), now, [{"verdict": "rejected"}])
    catch_up(now)
    text = open_overview(factories.client_of(member), member.project.slug)
    assert "1 of 4 calls</a>, 95% CI 4.6–69.9" in text


def test_its_figures_lead_to_what_they_count() -> None:
    member = factories.make_member()
    now = timezone.now()
    for minutes in (1, 70, 60 * 30):
        at = now - timedelta(minutes=minutes)
        calls = [rejected(cost="0.01"), {"latency_ms": 40.0}, {}]
        make_turn(member.project, at, calls, status="failed" if minutes == 70 else "finished")
    make_turn(member.project, now, [{"name": "pay"}], environment="staging", model="m", cost=None)
    catch_up(now)
    client = factories.client_of(member)
    text = open_overview(client, member.project.slug)
    found = re.findall(r'<a href="([^"]+/(?:calls|turns)/[^"]+)">(?:of )?([\d,]+)', text)
    assert len(found) > 4 and any(number == "7" for _, number in found)
    for address, number in found:
        rows = client.get(html.unescape(address)).context["rows"]
        counted = 1 if "status%3Afailed" in address else int(number)
        assert len(rows) == counted, address


@pytest.mark.parametrize(
    ("query", "calls", "told"),
    [
        ("environment:staging", 1, "of 1 in 24 h"),
        ("-environment:staging", 4, "of 2 in 24 h"),
        ("tool:pay", 3, "turns are not divided by tool"),
        ("model:gpt-4", 4, "not divided by model"),
    ],
)
def test_a_filter_narrows_all_figures_and_says_what_it_cannot(
    query: str, calls: int, told: str
) -> None:
    member, now = factories.make_member(), timezone.now()
    for hours in (1, 2, 30):
        make_turn(member.project, now - timedelta(hours=hours), [{"name": "pay"}, {}])
    make_turn(member.project, now, [{"name": "pay"}], environment="staging", model="m")
    catch_up(now)
    client = factories.client_of(member)
    path = reverse("console:overview", args=[member.project.slug])
    text = client.get(path, {"q": query, "compare": "1"}).content.decode()
    assert f">{calls}</a></dd>" in text and told in text and "All, before" in text
    told_by_file = client.get(path, {"q": query, "form": "json"}).json()
    assert sum(row["Accepted"] for row in told_by_file["rows"]) == calls
    assert "Filter calls by other fields" in client.get(path, {"q": "user:x"}).content.decode()


def test_it_shows_only_conversations_of_its_project_newest_first() -> None:
    member = factories.make_member()
    now = timezone.now()
    factories.make_conversation(member.project, title="Older", last_at=now - timedelta(hours=1))
    factories.make_conversation(member.project, title="Newer", last_at=now)
    factories.make_conversation(title="Elsewhere")
    text = open_overview(factories.client_of(member), member.project.slug)
    assert text.index("Newer") < text.index("Older")
    assert "Elsewhere" not in text


def test_hostile_titles_are_text() -> None:
    member = factories.make_member()
    factories.make_conversation(member.project, title="<script>alert(1)</script>\u202e\x00")
    text = open_overview(factories.client_of(member), member.project.slug)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_it_asks_the_same_number_of_queries_for_more_rows(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    member = factories.make_member()
    for number in range(12):
        factories.make_conversation(member.project)
        factories.make_tool_version(
            member.project, {**factories.WEATHER, "name": f"tool_{number}"}, created_by=member.user
        )
    client = factories.client_of(member)
    open_overview(client, member.project.slug)
    with django_assert_max_num_queries(34):
        open_overview(client, member.project.slug)


def test_home_leads_to_the_project_used_last() -> None:
    first = factories.make_member()
    second = factories.make_member(user=first.user)
    client = factories.client_of(first)
    for member in (second, first, second):
        open_overview(client, member.project.slug)
        assert client.get("/")["Location"] == f"/p/{member.project.slug}/"


def test_home_of_somebody_without_a_project_says_how_to_get_one() -> None:
    response = factories.client_of(factories.make_user()).get("/")
    assert response.status_code == 200
    assert "You are in no project yet" in response.content.decode()
