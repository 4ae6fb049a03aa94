"""Percentiles stand beside their limits: a policy's timeout, else what the page was told."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.utils import timezone

from analytics.latency.limits import time
from analytics.latency.records import LatencyLimit
from analytics.sketch import bucket
from tests.costs.world import add_turn, compute
from tests.factories import client_of, make_conversation, make_people, make_tool_version
from tools_registry.policies.models import Policy
from tools_registry.policies.spec import PolicySpec


@pytest.mark.parametrize(
    ("limit", "state", "sentence"),
    [
        (0, "", ""),
        (3000, "ok", "p99 leaves 33% of the limit"),
        (2200, "near", "p99 is within 20% of the limit"),
        (1800, "over", "p99 is 12% above the limit"),
    ],
)
def test_a_limit_is_clear_near_or_passed(limit: float, state: str, sentence: str) -> None:
    found = time("t", {bucket(100): 90, bucket(2000): 10}, limit)
    assert (found.state, found.sentence) == (state, sentence)
    assert found.p50 == pytest.approx(100, rel=0.01)
    assert found.p99 == pytest.approx(2000, rel=0.01)
    assert found.above == (10 if limit == 1800 else 0)


@pytest.mark.django_db
def test_a_tools_p99_stands_beside_its_policys_timeout() -> None:
    people = make_people()
    version = make_tool_version(people.project)
    spec = PolicySpec.from_json({"execution": {"timeout_ms": 2000}})
    policy = Policy(project=people.project, tool=version.tool, number=1)
    policy.write(spec)
    policy.state = "published"
    policy.save()
    talk = make_conversation(people.project, source="api")
    at = timezone.now() - timedelta(hours=2)
    calls = [{"name": "get_weather", "latency_ms": 1700.0}, {"name": "pay", "latency_ms": 7000.0}]
    add_turn(talk, at, calls, latency_ms=900.0, first_token_ms=90.0, model="m")
    compute()
    path = f"/p/{people.project.slug}/analytics/latency/"
    client = client_of(people.bob)
    page = client.get(f"{path}?measure=tool").content.decode()
    assert "p99 is within 20% of the limit" in page and "timeout of policy v1" in page
    for limit, told in (
        ("5s", "above the limit"),
        ("", "is taken away"),
        ("soon", "Write the limit"),
    ):
        given = {"measure": "tool", "name": "pay", "limit": limit, "back": f"{path}?measure=tool"}
        page = client.post(f"{path}limit/", given, follow=True).content.decode()
        assert told in page, limit
    client.post(f"{path}limit/", {"measure": "turn", "limit": "1s", "back": "//evil.test/"})
    assert LatencyLimit.objects.get().limit_ms == 1000
    page = client.get(path).content.decode()
    assert "set here for all" in page and "within 20%" in page
    assert client_of(people.rita).post(f"{path}limit/", {}).status_code == 403


@pytest.mark.django_db
def test_marks_of_first_tokens_lead_to_the_very_turns() -> None:
    people = make_people()
    talk = make_conversation(people.project, source="api")
    at = timezone.now() - timedelta(hours=2)
    for number, first in enumerate((90.0, 400.0, 2500.0, None)):
        when = at + timedelta(seconds=number)
        add_turn(talk, when, [], latency_ms=5000.0, first_token_ms=first, model="m", number=number)
    compute()
    LatencyLimit.objects.create(project=people.project, measure="first", name="m", limit_ms=300.0)
    client = client_of(people.bob)
    page = client.get(f"/p/{people.project.slug}/analytics/latency/?measure=first")
    text = html.unescape(page.content.decode())
    (row,) = page.context["rows"]
    assert (row[0].number, row[0].above) == (3, 2)
    for link, term, number in (
        (row[1].all, "first_token:>=0ms", 3),
        (row[1].slowest, "first_token:>=", 2),
        (row[1].p50, "first_token:>=", 2),
        (row[1].above, "first_token:>300ms", 2),
    ):
        assert link in text and term in unquote(link)
        assert len(client.get(link).context["rows"]) == number, link
    marks = [link for link in re.findall(r'"(/p/[^"]*turns/[^"]*)"', text) if "first_token" in link]
    assert marks
