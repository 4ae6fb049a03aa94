"""Ten seeded nights through the door of ingest: the alert fires, its incident names the cause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.alerts.evaluation import evaluate_due
from analytics.alerts.records import AlertRule
from console.drill import stage
from console.drill.checks import first_suspect, is_right, name_suspect
from console.drill.story import DECOYS, Decoy
from conversations.ingest.store import store
from tests.drill.making import SCRIPT, play

SEEDS = 10
RIGHT = 9
"""Of ten, in how many the right suspect has to be the first."""


def ask(key: str, path: str) -> Any:
    response = Client().get(path, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    return response.json()


@pytest.mark.django_db(transaction=True)
def test_the_right_suspect_comes_first_in_nine_of_ten_nights() -> None:
    decoys: list[Decoy] = list(DECOYS)
    now, wrong = timezone.now(), []
    start = now - timedelta(seconds=sum(seconds for _, seconds in SCRIPT))
    for seed in range(SEEDS):
        decoy = decoys[seed % len(decoys)]
        built = stage.build(now, 60)
        store(built.project, list(play(seed, decoy, start)), door="api")
        AlertRule.objects.filter(pk=built.rule.pk).update(due_at=now)
        evaluate_due(now)
        alert = ask(built.text, f"/api/v1/alerts/{built.rule.pk}")
        assert alert["state"] == "alert", f"seed {seed}, {decoy}: {alert}"
        incident = ask(built.text, f"/api/v1/incidents/{alert['incident']}")
        suspect = first_suspect(incident["suspects"])
        if not is_right(suspect, decoy):
            wrong.append(f"seed {seed}, {decoy}: {name_suspect(suspect)}")
    assert len(wrong) <= SEEDS - RIGHT, wrong
