"""A worker, the web process and Valkey are killed in the middle of a replay: it goes on, nothing is
lost and nothing counts twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from django.conf import LazySettings, settings
from django.utils import timezone

from console.embedded import record
from console.embedded.child import Child, ChildSpec, stop_all
from console.embedded.valkey import valkey
from conversations import tasks
from conversations.replay import control
from conversations.replay.orders import Order
from conversations.replay.records import Replay, ReplayOutcome
from conversations.replay.starting import start
from conversations.suites.cases import Entry
from conversations.suites.keeping import add_cases, create_suite
from tests.backtest.test_killed_worker import wait_for
from tests.conftest import ROOT, test_database_url
from tests.factories import make_key, make_project
from tests.replay.making import connect, expecting
from tests.replay.provider import Body, Provider, Reply, call, provider
from tests.servers import Running, web

pytestmark = pytest.mark.django_db(transaction=True)
CASES = 40


@pytest.fixture
def near(settings: LazySettings) -> LazySettings:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    return settings


@contextmanager
def worker(redis_url: str = "") -> Iterator[Child]:
    """A Celery worker on the test's database, and on its Valkey or another."""
    command = [sys.executable, "-m", "celery", "-A", "console", "worker", "-P", "solo"]
    command += ["-l", "WARNING", "--without-gossip", "--without-mingle"]
    spec = ChildSpec(
        name="worker",
        title="Worker",
        command=command,
        ready=lambda: True,
        environment={
            "DATABASE_URL": test_database_url(),
            "REDIS_URL": redis_url or settings.REDIS_URL,
            "OUTBOUND_ALLOW": "127.0.0.1",
        },
        cwd=ROOT,
    )
    folder = Path(os.environ["TESTS_FOLDER"])
    child = Child(spec, folder / "log")
    child.start()
    record.remember(folder, child)
    try:
        yield child
    finally:
        stop_all([child])


@contextmanager
def towns(seen: Counter[str], seconds: float) -> Iterator[Provider]:
    """A provider that answers rightly after so many seconds; what it was asked is counted."""

    def answer(body: Body) -> Reply:
        words: str = body["messages"][-1]["content"]
        town = words.removeprefix("What is the weather in ").rstrip("?")
        seen[town] += 1
        return Reply(call("get_weather", {"city": town}), seconds=seconds)

    with provider(answer) as upstream:
        yield upstream


def test_another_goes_on_where_a_killed_one_was(near: LazySettings) -> None:
    seen: Counter[str] = Counter()
    with towns(seen, 0.15) as upstream:
        connection = connect(make_project(), upstream.url, settings={"concurrency": 4})
        cases = [expecting(number) for number in range(CASES)]
        order = Order(cases, trials=1, connection=connection, model="a-model")
        done = ReplayOutcome.objects.filter(status="done")
        with worker() as child:
            row = start(connection.project, order)
            wait_for(lambda: done.count() >= 8)
            assert child.process is not None
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.wait(10)
        before = dict(done.values_list("pk", "finished_at"))
        assert 8 <= len(before) < CASES
        assert Replay.objects.get(pk=row.pk).status == "running"
        # The clock, a while later: its sign of life and its claims are old.
        Replay.objects.update(touched_at=timezone.now() - control.STALLED)
        ReplayOutcome.objects.filter(status="running").update(claimed_until=timezone.now())
        assert tasks.resume_replays() == 1
        began = time.monotonic()
        tasks.run_replay(row.pk)
        assert time.monotonic() - began < 30
    row.refresh_from_db()
    assert (row.status, done.filter(passed=True).count()) == ("finished", CASES)
    assert before.items() <= dict(done.values_list("pk", "finished_at")).items()
    again = {town for town, times in seen.items() if times > 1}
    assert len(seen) == CASES and len(again) <= 8  # at most what was under way or not yet stored
    assert max(seen.values()) <= 2


def test_it_goes_on_while_valkey_restarts_and_without_the_web_that_began_it(
    near: LazySettings,
) -> None:
    seen: Counter[str] = Counter()
    folder = Path(os.environ["TESTS_FOLDER"])
    store, redis_url = valkey(folder / f"replay-{os.getpid()}")
    children = [_start(store)]
    outside = {"DATABASE_URL": test_database_url(), "REDIS_URL": redis_url}
    try:
        with (
            towns(seen, 0.3) as upstream,
            worker(redis_url),
            web(Running(folder, {}), **outside, OUTBOUND_ALLOW="127.0.0.1") as (url, pid),
        ):
            _order(url, upstream.url)
            done = ReplayOutcome.objects.filter(status="done")
            wait_for(lambda: done.count() >= 8)
            os.kill(pid, signal.SIGKILL)
            assert children[0].process is not None
            children[0].process.kill()
            children[0].process.wait(10)
            children.append(_start(store))
            assert done.count() < CASES
            wait_for(lambda: Replay.objects.get().status == "finished")
    finally:
        stop_all(children)
    assert done.filter(passed=True).count() == CASES
    assert len(seen) == CASES and set(seen.values()) == {1}


def _start(spec: ChildSpec) -> Child:
    child = Child(spec, Path(os.environ["TESTS_FOLDER"]) / "log")
    child.start()
    record.remember(Path(os.environ["TESTS_FOLDER"]), child)
    child.wait_ready()
    return child


def _order(url: str, upstream: str) -> None:
    """Have the web process begin a replay of a suite's cases."""
    project = make_project()
    connection = connect(project, upstream, settings={"concurrency": 4})
    suite = create_suite(project, "Towns")
    add_cases(suite, [Entry(expecting(number)) for number in range(CASES)], origin="file")
    key = make_key(project, ("replay",))[1]
    asked = {"suite": suite.pk, "connection": connection.pk, "model": "a-model", "trials": 1}
    answer = httpx2.post(
        f"{url}/api/v1/replays", json=asked, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answer.status_code == 202, answer.text
