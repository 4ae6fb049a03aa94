"""Servers of their own for programs that are no tests: a database, Valkey, and the web server."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from console.embedded import processes, record
from console.embedded.child import Child, ChildSpec, free_port, http_status, stop_all
from console.embedded.postgres import postgres
from console.embedded.valkey import valkey
from tests.conftest import QUICK_POSTGRES, QUICK_VALKEY, Servers

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Running:
    """What runs: the folder of its state and the process ids by name."""

    folder: Path
    pids: Mapping[str, int]


@contextmanager
def database(*, durable: bool = False) -> Iterator[Running]:
    """PostgreSQL and Valkey with Django set up on an empty, migrated database. ``durable`` is as
    in production: what is committed survives a power cut."""
    servers = Servers()
    try:
        store, url = postgres(servers.folder, {} if durable else QUICK_POSTGRES)
        cache, redis_url = valkey(servers.folder, {} if durable else QUICK_VALKEY)
        for spec in (store, cache):
            servers.start(spec)
        for child in servers.children:
            child.wait_ready()
        os.environ.update(
            VAR_DIR=str(servers.folder),
            DATABASE_URL=url,
            REDIS_URL=redis_url,
            SECRET_KEY="only for measuring, and long enough to be taken for a real one",
            DJANGO_SETTINGS_MODULE="console.settings",
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield Running(servers.folder, {one.spec.name: _pid(one) for one in servers.children})
    finally:
        _close_connections()
        servers.stop()


def _pid(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def _close_connections() -> None:
    if "django.db" not in sys.modules:
        return
    from django.db import connection

    connection.close()
    connection.close_pool()


@contextmanager
def webs(running: Running, count: int, **environment: str) -> Iterator[tuple[str, list[int]]]:
    """Several Daphnes on one address, as ``up --web`` starts them: it, and their process ids."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        specs = processes.webs(count, listener.fileno(), probe_url=url, probe_host="localhost")
        specs = [
            replace(spec, environment={**spec.environment, "SITE_URL": url, **environment})
            for spec in specs
        ]
        children = [Child(spec, running.folder / "log") for spec in specs]
        try:
            for child in children:
                child.start()
                record.remember(running.folder, child)
                child.wait_ready()
            yield url, [_pid(child) for child in children]
        finally:
            stop_all(children)


@contextmanager
def web(running: Running, **environment: str) -> Iterator[tuple[str, int]]:
    """Daphne on this database: its address and process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    spec = ChildSpec(
        name="web",
        title="Web",
        command=[sys.executable, "-m", "console.web", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
        + ["console.asgi:application"],
        ready=lambda: http_status(f"{url}/healthz")[0] > 0,
        environment={"SITE_URL": url, "PYTHONUNBUFFERED": "1", **environment},
        cwd=ROOT,
    )
    child = Child(spec, running.folder / "log")
    child.start()
    record.remember(running.folder, child)
    try:
        child.wait_ready()
        yield url, _pid(child)
    finally:
        stop_all([child])
