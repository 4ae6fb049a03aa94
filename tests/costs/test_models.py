"""A suite asked of several models: accuracy with its interval, cost and latency, over time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from analytics.suites.figures import newest, read_results
from console.accounts.models import Project
from conversations.models import Suite
from conversations.replay.records import Replay, ReplayCase, ReplayOutcome, ReplayVariant
from tests.factories import client_of, make_people


def _replay(project: Project, suite: Suite, number: int, right: dict[str, int]) -> None:
    """A replay of 25 cases in which each model is right in so many."""
    at = timezone.now() - timedelta(days=10 - number)
    replay = Replay.objects.create(
        project=project, suite=suite, number=number, title="weekly", status="finished",
        created_at=at, touched_at=at,
    )  # fmt: skip
    cases = [ReplayCase(replay=replay, position=n, key=str(n), body="{}") for n in range(25)]
    cases = ReplayCase.objects.bulk_create(cases)
    for position, (model, passed) in enumerate(right.items()):
        variant = ReplayVariant.objects.create(
            replay=replay, position=position, name=f"as {model}", body="{}"
        )
        ReplayOutcome.objects.bulk_create(
            ReplayOutcome(
                replay=replay, variant=variant, case=case, trial=1, model=model, status="done",
                passed=n < passed, cost=Decimal("0.001") if n else None, latency_ms=100 + n,
            )
            for n, case in enumerate(cases)
        )  # fmt: skip


@pytest.mark.django_db
def test_each_models_results_over_time() -> None:
    people = make_people()
    suite = Suite.objects.create(project=people.project, name="core")
    _replay(people.project, suite, 1, {"gpt-4o": 20})
    _replay(people.project, suite, 2, {"gpt-4o": 24, "llama": 22})
    now = timezone.now()
    results = read_results(people.project, suite.pk, now - timedelta(days=30), now)
    assert [(one.replay, one.line, one.passed) for one in results] == [
        (1, "gpt-4o", 20),
        (2, "gpt-4o", 24),
        (2, "llama", 22),
    ]
    best, other = newest(results)
    assert (best.line, best.percent, other.percent) == ("gpt-4o", 96.0, 88.0)
    assert best.interval == pytest.approx((80.5, 99.3), abs=0.1)
    assert (best.cost, best.unpriced, best.mean_cost) == (Decimal("0.024"), 1, Decimal("0.001"))
    assert best.p50 == 112
    page = client_of(people.vera).get(f"/p/{people.project.slug}/analytics/models/?range=30d")
    told = page.content.decode()
    assert "24 of 25 (96%, 95% CI 80–99)" in told and "RPL-2" in told
    other_page = client_of(people.charlie).get(f"/p/{people.project.slug}/analytics/models/")
    assert other_page.status_code == 404
