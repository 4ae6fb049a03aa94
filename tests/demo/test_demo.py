"""The demonstration tells its stories through the real door."""

from __future__ import annotations

import html
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count
from django.test import Client

from analytics.alerts.records import AlertDelivery, AlertRule
from console import docs
from console.accounts.models import Project
from console.demo.everyday import GROUPED_AFTER, everyday
from console.demo.play import records
from console.demo.stage import SUITE, describe_router
from console.demo.stories import BROKEN_MINUTES, CANCELLED_PLANS, REPEATED
from console.demo.three_models import DAYS_AGO
from console.demo.toolbox import DOMAINS, EVERYTHING, name_of
from console.demo.watching import CLOTHES
from conversations.incidents.records import Incident
from conversations.models import Label, ToolCall, Turn
from conversations.suites.records import SuiteCase
from tests.factories import client_of, make_user
from tools_registry.routing.choosing import route
from tools_registry.routing.spec import RouterSpec

NOW = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
SCENARIOS = [doc for doc in docs.all_docs() if doc.slug.startswith("scenario-")]
OF_EVERY_DAY = re.compile("unknown_tool|unexpected_parameter|timeout")
"""Filters that find what goes wrong a little every day, of which a short demo has too little."""
IN_THE_DEMO = re.compile(r'href="(/p/northwind-demo/[^"]*)"')


def test_the_same_seed_gives_the_same_records() -> None:
    assert records(NOW, 7, 4) == records(NOW, 7, 4)
    assert records(NOW, 7, 4) != records(NOW, 8, 4)


def test_records_come_in_order_and_end_now() -> None:
    told = [one["at"] for one in records(NOW, 7, 20)]
    assert told == sorted(told)
    assert told[-1] < NOW.isoformat()
    assert len({one["id"] for one in records(NOW, 7, 20)}) == len(told)


def test_a_router_offers_fewer_functions_after_two_weeks() -> None:
    assert len(EVERYTHING) == 47
    sizes = [len(one["request"]["tools"]) for one in everyday(NOW, random.Random(1), a_day=20)]
    assert sizes[0] == 47
    assert sizes[-1] < 8


def test_wrong_calls_fall_by_nearly_three_quarters_whatever_the_seed() -> None:
    for seed in (1, 2):
        made, wrong = Counter[bool](), Counter[bool]()
        for one in everyday(NOW, random.Random(seed), a_day=60):
            is_grouped = "prompt:grouped" in one["tags"]
            made[is_grouped] += "tool_results" in one
            wrong[is_grouped] += "no such function" in str(one.get("tool_results"))
        before, after = wrong[False] / made[False], wrong[True] / made[True]
        assert 0.70 < 1 - after / before < 0.77, GROUPED_AFTER


@pytest.mark.parametrize(("cancel", "low", "high"), [(False, 0.15, 0.27), (True, 0.03, 0.1)])
def test_the_first_router_confuses_intents_and_the_second_fewer(
    cancel: bool, low: float, high: float
) -> None:
    router = RouterSpec.from_json(describe_router(cancel=cancel))
    groups = {name_of(tool): group for group, tools in DOMAINS.items() for tool in tools}
    told = [one for one in records(NOW, 7, 60) if one.get("expected")]
    confused = 0
    for one in told:
        said = [part for part in one["request"]["messages"] if part["role"] == "user"][-1]
        needed = {groups[call["name"]] for call in one["expected"]["calls"]}
        confused += route(router, said["content"]).intent not in {"", *needed}
    assert low < confused / len(told) < high


def test_each_scenario_has_a_page_with_clicks_and_a_picture() -> None:
    assert [doc.slug.split("-")[1] for doc in SCENARIOS] == [f"{n:02}" for n in range(1, 19)]
    index = docs.find("scenarios")
    assert index is not None
    for doc in SCENARIOS:
        assert "<ol>" in doc.rendered.html
        assert 'src="/docs/images/scenario-' in doc.rendered.html
        assert f'href="{doc.url}"' in index.html
        assert [part.text for part in doc.outline] == [
            "The clicks",
            "What you see, and why",
            "On your own data",
        ]


@pytest.mark.django_db(transaction=True)
def test_a_project_in_which_every_story_can_be_found() -> None:
    make_user("rita@example.com", is_superuser=True)
    call_command("demo", a_day=1, stdout=StringIO(), stderr=StringIO())
    project = Project.objects.get()
    check_stories(project)
    check_what_people_did(project)
    check_models(project, reader := client_of(project.members.get()))
    check_alerts(project, reader)
    check_links(reader)
    with pytest.raises(CommandError, match="--again"):
        call_command("demo", a_day=1)


def check_stories(project: Project) -> None:
    calls = ToolCall.objects.filter(project=project)
    found = dict(
        calls.filter(codes__len__gt=0).values_list("conversation__key").annotate(Count("pk"))
    )
    codes = {
        story: {
            code
            for row in calls.filter(conversation__key__startswith=f"{story}-").values("codes")
            for code in row["codes"]
        }
        for story in ("plans", "inject", "talked", "clothes", "taz", "loop", "ahead", "moon")
    }
    assert found["loop-0001"] >= REPEATED - 5
    assert "wrong_tool" in codes["plans"]
    assert "sql_injection" in codes["inject"]
    assert "confirmation_missing" in codes["talked"]
    assert {"missing_required", "unexpected_parameter", "retry_storm"} <= codes["clothes"]
    assert "tool_not_offered" in codes["taz"]
    assert {"repeated_call"} <= codes["loop"]
    assert "wrong_tool" in codes["ahead"]
    assert {"implausible_value", "swallowed_error"} <= codes["moon"]
    turns = Turn.objects.filter(project=project, conversation__key__startswith="thought-")
    assert {"no_call_when_required", "missed_call"} <= {c for t in turns for c in t.codes}
    assert not Turn.objects.filter(project=project).exclude(source="demo").exists()


def check_what_people_did(project: Project) -> None:
    assert Label.objects.filter(project=project).count() == CANCELLED_PLANS
    plans = SuiteCase.objects.filter(suite__project=project, suite__name=SUITE)
    assert plans.count() == CANCELLED_PLANS
    broken, cancelled = Incident.objects.filter(project=project).order_by("number")
    assert broken.turns.count() > 80
    assert cancelled.turns.count() == CANCELLED_PLANS


def check_models(project: Project, reader: Client) -> None:
    """Each replay of the suite is a result of each model, dated when it is told to have been."""
    page = reader.get(f"/p/{project.slug}/analytics/models/?range=30d")
    assert page.context["replays"] == len(DAYS_AGO)
    right = {line.model: line.percent for line, _ in page.context["lines"]}
    assert {name: round(share) for name, share in right.items()} == {
        "gpt-4": 96, "llama-3-70b": 89, "mistral": 71,
    }  # fmt: skip
    assert all(line.cost for line, _ in page.context["lines"])


def check_alerts(project: Project, reader: Client) -> None:
    """What the rules would have found is their history; nobody was told."""
    rule = AlertRule.objects.get(project=project, name=CLOTHES)
    told = [event.notice for event in rule.events.order_by("pk") if event.notice]
    assert "alert" in told and told[-1] != "alert"
    broken = Incident.objects.get(project=project, number=1)
    alert = rule.events.get(notice="alert")
    assert alert.incident == broken
    assert broken.since < alert.at < broken.since + timedelta(minutes=BROKEN_MINUTES)
    assert broken.events.filter(kind="alert", at=alert.at).exists()
    assert AlertRule.objects.get(name="A session repeats itself").events.filter(notice="alert")
    assert not AlertDelivery.objects.exists()
    assert alert.text in html.unescape(
        reader.get(f"/p/{project.slug}/alerts/history/").content.decode()
    )


def check_links(reader: Client) -> None:
    """What the pages of the scenarios link opens, and what they filter finds something."""
    links = {link for doc in SCENARIOS for link in IN_THE_DEMO.findall(doc.rendered.html)}
    assert len(links) > 25
    for link in sorted(html.unescape(link) for link in links):
        response = reader.get(link)
        assert response.status_code == 200, link
        query = "".join(parse_qs(urlsplit(link).query).get("q", []))
        if query and "analytics" not in link and not OF_EVERY_DAY.search(query):
            assert 'type="checkbox"' in response.content.decode(), f"{link} finds nothing"


@pytest.mark.django_db
def test_it_asks_for_a_first_user() -> None:
    with pytest.raises(CommandError, match="no user yet"):
        call_command("demo")
