"""A real worker is killed in the middle of a backtest: nothing is lost and nothing counts twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from console.embedded import record
from console.embedded.child import Child, ChildSpec, stop_all
from conversations import tasks
from conversations.backtest import engine
from conversations.backtest.records import Backtest, BacktestChange
from tests.backtest.making import arguments, begin, fresh, make_calls, make_versions
from tests.conftest import ROOT, test_database_url
from tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = 1_500


@contextmanager
def worker() -> Iterator[Child]:
    """A Celery worker on the test's database and Valkey, whose batches are small."""
    small = (
        "from conversations.backtest import engine; engine.BATCH = 100;"
        " from console.celery import app;"
        " app.worker_main(['worker', '-P', 'solo', '-l', 'WARNING', '--without-gossip',"
        " '--without-mingle'])"
    )
    setup = "import console.celery, django; django.setup(); "
    spec = ChildSpec(
        name="worker",
        title="Worker",
        command=[sys.executable, "-c", setup + small],
        ready=lambda: True,
        environment={"DATABASE_URL": test_database_url(), "REDIS_URL": settings.REDIS_URL},
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


def wait_for(condition: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def test_another_worker_goes_on_where_a_killed_one_was() -> None:
    project = make_project()
    right, wrong = make_versions(project)
    make_calls(right, [arguments(n, "kelvin" if n % 5 == 0 else "celsius") for n in range(CALLS)])
    row = begin(project, version=wrong.number)
    tasks.run_backtest.delay(str(row.pk), 0)
    with worker() as child:
        wait_for(lambda: fresh(row.pk).done > 0)
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait(10)
    stopped = fresh(row.pk)
    assert stopped.is_open and 0 < stopped.done < CALLS
    assert BacktestChange.objects.filter(backtest=row).count() == stopped.done
    # Half a minute later the clock finds that nobody is at it.
    Backtest.objects.update(touched_at=stopped.touched_at - engine.STALLED)
    assert tasks.resume_backtests() == 1
    tasks.run_backtest(str(row.pk), 0)  # The killed worker's task comes back late, too.
    assert fresh(row.pk).done == stopped.done
    tasks.run_backtest(str(row.pk), 1)
    ended = fresh(row.pk)
    assert (ended.status, ended.done, ended.chain) == ("finished", CALLS, 1)
    assert sum(ended.told["matrix"].values()) == CALLS
    assert ended.told["kinds"] == {"newly_rejected": CALLS * 4 // 5, "other_findings": CALLS // 5}
    changes = BacktestChange.objects.filter(backtest=row)
    assert changes.values("call_id").distinct().count() == changes.count() == CALLS
