"""Liveness and readiness, for load balancers, orchestrators and `up`."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from console import heartbeat
from console.accounts import access
from conversations.doors.proxy.storing import open_spool


class NotReady(Exception):
    """A component that is not ready; the message is shown to strangers and names no address."""


@access.public
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process serves requests at all; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@access.public
@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when every component is ready, else 503; the body says which is not, and why."""
    components = {name: _state(probe) for name, probe in PROBES.items()}
    ready = all(component["ok"] for component in components.values())
    body = {"status": "ready" if ready else "not ready", "components": components}
    return JsonResponse(body, status=200 if ready else 503)


def _state(probe: Callable[[], str | None]) -> dict[str, object]:
    try:
        said = probe()
    except NotReady as error:
        return {"ok": False, "detail": str(error)}
    except DatabaseError:
        return {"ok": False, "detail": "the database does not answer"}
    except redis.RedisError:
        return {"ok": False, "detail": "Valkey does not answer"}
    return {"ok": True, "detail": said} if said else {"ok": True}


def _probe_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _probe_migrations() -> None:
    """Asked until all are applied: they are not taken back under a running process."""
    if _applied:
        return
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied; run manage.py migrate")
    _applied.append(True)


def _probe_valkey() -> None:
    heartbeat.living()


def _probe_workers() -> None:
    # The worker of alerts takes no other jobs.
    if all(name.startswith("alerts@") for name in heartbeat.living()):
        raise NotReady(f"no worker has reported for {heartbeat.SILENCE:.0f} s")


def _probe_spool() -> str | None:
    """A full spool does not make the process unready: what asks through the proxy still gets its
    answers, and would not elsewhere."""
    spool = open_spool()
    if spool.is_full:
        return "the spool is full: further turns of the proxy are not recorded"
    waiting = spool.waiting
    return f"{waiting} turns wait in the spool" if waiting else None


_applied: list[bool] = []
PROBES: dict[str, Callable[[], str | None]] = {
    "database": _probe_database,
    "migrations": _probe_migrations,
    "valkey": _probe_valkey,
    "workers": _probe_workers,
    "spool": _probe_spool,
}
