"""Percentiles stand beside their limits: a policy's timeout, else what the page was told."""

from __future__ import annotations

from datetime import timedelta

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
