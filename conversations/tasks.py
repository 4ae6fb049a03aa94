"""Celery tasks of conversations: each calls one function."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from conversations import erasure, interruption, partitions, retention
from conversations.backtest import engine
from conversations.doors.execution import joining as execution_joining
from conversations.doors.proxy import storing
from conversations.incidents import afterwards, joining
from conversations.ingest.store import traces, waiting
from conversations.replay import control as replays
from conversations.replay import engine as replaying
from conversations.routers import classifying
from tools_registry.models import RouterVersion

BACKTESTING = 20.0
CLASSIFYING = 120.0
ERASING = 300.0
REPLAYING = 3600.0
SWEEPING = 4 * 3600
"""Seconds that one task may take."""


@shared_task(name="conversations.close_interrupted_runs")
def close_interrupted_runs() -> int:
    """Close runs whose web process died; how many."""
    return len(interruption.close_interrupted())


@shared_task(name="conversations.store_spooled")
def store_spooled() -> int:
    """Store what the doors could not while the store was away; how many turns."""
    return storing.store_spooled()


@shared_task(name=execution_joining.TASK)
def join_outcomes(project: int, conversation: str, told: execution_joining.Told, tried: int) -> int:
    """Put what executing brought into the calls of recorded turns; how many found theirs."""
    return execution_joining.join_outcomes(project, conversation, told, tried)


@shared_task(name="conversations.settle_traces")
def settle_traces() -> int:
    """Store turns whose log records did not come in time; how many."""
    return traces.settle_traces()


@shared_task(name="conversations.judge_waiting")
def judge_waiting() -> int:
    """Tell of logged calls that nobody answered in time; how many."""
    return waiting.judge_waiting(timezone.now())


@shared_task(name="conversations.make_partitions")
def make_partitions() -> list[str]:
    """Make the partitions of the coming months; the names of the new ones."""
    return partitions.make_partitions(timezone.now())


@shared_task(name="conversations.apply_retention", time_limit=SWEEPING)
def apply_retention() -> dict[str, int]:
    """Remove what no project keeps any longer; how many partitions and rows."""
    swept = retention.sweep(timezone.now())
    rows = sum(sum(counts.values()) for counts in swept.rows.values())
    return {"partitions": len(swept.partitions), "rows": rows}


@shared_task(name="conversations.classify_inputs")
def classify_inputs(version: int, last: int, trusting: bool) -> int:
    """Ask a router's classifier of recorded inputs, in steps; how many are left."""
    found = RouterVersion.objects.select_related("project").get(pk=version)
    left = classifying.classify_recorded(found, last, trusting=trusting, seconds=CLASSIFYING)
    if left:
        classify_inputs.delay(version, last, trusting)
    return left


@shared_task(name="conversations.erase_user")
def erase_user(pk: int) -> str:
    """Delete one user's data, in as many tasks as it takes; how it stands."""
    try:
        row = erasure.erase(pk, seconds=ERASING)
    except Exception as error:
        erasure.fail(pk, error)
        raise
    if row.is_open:
        erase_user.delay(pk)
    return str(row.status)


@shared_task(name="conversations.run_backtest")
def run_backtest(pk: str, chain: int) -> None:
    """Judge stored calls for a while, in as many tasks as it takes."""
    try:
        step = engine.run(UUID(pk), chain, seconds=BACKTESTING)
    except OperationalError:
        raise  # The store is away: it goes on with those whose worker is gone.
    except Exception as error:
        engine.fail(UUID(pk), error)
        raise
    if not step.is_over:
        run_backtest.apply_async((pk, chain), countdown=2 if step.is_busy else 0)


@shared_task(name="conversations.resume_backtests")
def resume_backtests() -> int:
    """Go on with backtests whose worker is gone; how many."""
    stalled = engine.take_stalled()
    for pk, chain in stalled:
        run_backtest.delay(str(pk), chain)
    return len(stalled)


@shared_task(name="conversations.join_incidents")
def join_incidents() -> int:
    """Let turns that match join the open incidents; how many calls or turns did."""
    return joining.join_all()


@shared_task(name="conversations.reopen_incidents")
def reopen_incidents() -> int:
    """Reopen resolved incidents whose misfires are back; how many."""
    return afterwards.reopen_recurring(timezone.now())


@shared_task(name=replays.TASK, time_limit=REPLAYING)
def run_replay(pk: int, is_helper: bool = False) -> None:
    """Work at a replay for a while, in as many tasks as it takes."""
    try:
        step = replaying.run(pk, is_helper=is_helper)
    except OperationalError:
        raise  # The store is away: it goes on with those whose worker is gone.
    except Exception as error:
        replays.fail(pk, error)
        raise
    if not step.is_over:
        replays.send(pk, is_helper=is_helper, wait=min(step.wait, 30))


@shared_task(name="conversations.resume_replays")
def resume_replays() -> int:
    """Go on with replays whose workers are gone; how many."""
    stalled = replays.take_stalled()
    for pk in stalled:
        replays.send(pk)
    return len(stalled)
