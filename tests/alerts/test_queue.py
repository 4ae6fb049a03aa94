"""Alerts have a queue of their own: nothing long holds a look or a delivery up."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from analytics.alerts.records import AlertDelivery, AlertRule
from analytics.tasks import evaluate_alerts
from console.celery import app
from console.embedded import processes, record
from console.embedded.child import Child, stop_all
from conversations import tasks
from tests.alerts.making import make_calls, make_channel, make_rule
from tests.conftest import test_database_url

BACKTESTS = 5


def test_the_worker_of_up_takes_the_queue_of_alerts_and_beat_sends_there() -> None:
    spec = processes.alerts(probe_url="http://127.0.0.1:9", probe_host="localhost")
    assert spec.command[spec.command.index("-Q") + 1] == "alerts"
    for name in ("evaluate-alerts", "send-deliveries", "tell-incidents"):
        task = settings.CELERY_BEAT_SCHEDULE[name]["task"]
        assert app.amqp.router.route({}, task)["queue"].name == "alerts"


@pytest.mark.django_db(transaction=True)
def test_an_alert_is_told_while_no_other_worker_is_free() -> None:
    """Nobody takes the backtests, as if every worker were busy with others."""
    rule, now = make_rule(), timezone.now()
    rule.channels.add(make_channel(rule.project, url="http://127.0.0.1:9/"))
    make_calls(rule.project, now, 30, 20)
    for _ in range(BACKTESTS):
        tasks.run_backtest.delay("00000000-0000-0000-0000-000000000000", 0)
    evaluate_alerts.delay()
    ours = {"DATABASE_URL": test_database_url(), "REDIS_URL": settings.REDIS_URL}
    spec = replace(processes.alerts(probe_url="", probe_host=""), environment=ours)
    folder = Path(os.environ["TESTS_FOLDER"])
    child = Child(spec, folder / "log")
    child.start()
    record.remember(folder, child)
    try:
        deadline = time.monotonic() + 150
        while not AlertDelivery.objects.filter(tries__gte=1).exists():
            assert time.monotonic() < deadline, "it did not come in time"
            time.sleep(0.05)
    finally:
        stop_all([child])
    assert AlertRule.objects.get().state == "alert"
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.llen("celery") == BACKTESTS
        client.delete("celery")
