"""``kill -9`` of each part under load: what was acknowledged is there, exactly once.

The parts run as in production, by themselves; the load is three clients that go on through every
failure as real ones do. The database commits as in production; only the disk's own flush is left
out, which a killed process cannot miss.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from console.embedded.child import Child, ChildSpec, EmbeddedError, free_port, http_status
from console.embedded.postgres import postgres
from console.embedded.valkey import valkey
from tests.conftest import ROOT, Servers

PREPARE = """
import json
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.factories import make_connection, make_key, make_project
project = make_project()
make_connection(project, name="up", base_url="{upstream}")
print(json.dumps(make_key(project, ["ingest"])[1]))
"""
PATIENCE = 60.0
NOW = datetime.now(UTC)


class Parts:
    """Everything that runs, by name, on ports that stay the same over a restart."""

    def __init__(self) -> None:
        self.servers = Servers()
        folder, port, upstream = self.servers.folder, free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        store, self.database = postgres(folder, {"fsync": "off", "full_page_writes": "off"})
        cache, self.valkey = valkey(folder)
        self.environment = {
            "VAR_DIR": str(folder),
            "DATABASE_URL": self.database,
            "REDIS_URL": self.valkey,
            "SITE_URL": self.url,
            "SECRET_KEY": "only for tests, and long enough to be taken for a real one",
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "OUTBOUND_ALLOW": "127.0.0.1",
            "INGEST_KIB_PER_SECOND": "0",
        }
        web = ["console.web", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
        worker = ["celery", "-A", "console", "worker", "-B", "-P", "solo", "-l", "WARNING"]
        schedule = ["-s", str(folder / "beat"), "--pidfile="]
        self.specs = {
            "upstream": self._spec("upstream", ["tests.bench.upstream", "--port", str(upstream)]),
            "postgres": store,
            "valkey": cache,
            "web": self._spec("web", [*web, "console.asgi:application"], self._serves),
            "worker": self._spec("worker", [*worker, *schedule]),
        }
        for name in ("upstream", "postgres", "valkey"):
            self.start(name)
        self.key: str = json.loads(
            self._run(PREPARE.format(upstream=f"http://127.0.0.1:{upstream}/v1"))
        )
        for name in ("web", "worker"):
            self.start(name)

    def _spec(
        self, name: str, module: list[str], ready: Callable[[], bool] = lambda: True
    ) -> ChildSpec:
        command = [sys.executable, "-m", *module]
        return ChildSpec(name, name, command, ready, environment=self.environment, cwd=ROOT)

    def _serves(self) -> bool:
        return http_status(f"{self.url}/healthz")[0] > 0

    def _run(self, code: str) -> str:
        command = [sys.executable, "-c", code]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def start(self, name: str) -> None:
        """Start a part until it is ready, as a supervisor does."""
        until = time.monotonic() + PATIENCE
        while True:
            self.servers.start(self.specs[name])
            try:
                self.servers.children[-1].wait_ready()
                return
            except EmbeddedError:
                assert time.monotonic() < until, f"{name} did not start again"
                time.sleep(0.2)

    def kill(self, name: str) -> None:
        child = self.child(name)
        assert child.process is not None
        child.process.kill()
        child.process.wait(10)

    def child(self, name: str) -> Child:
        return next(one for one in reversed(self.servers.children) if one.spec.name == name)

    def ask(self, sql: str) -> list[Any]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql).fetchall()


class Client(threading.Thread):
    """Sends one thing after the other until it is told to stop. What has no answer is sent again
    where ``again`` says so; ``acknowledged`` are the keys of what has one."""

    path = ""
    again = True

    def __init__(self, parts: Parts) -> None:
        super().__init__(daemon=True)
        self.parts, self.address = parts, urlsplit(parts.url)
        self.acknowledged: list[str] = []
        self.over = threading.Event()
        self.number = 0

    def make(self) -> tuple[list[str], Any, dict[str, str]]:
        """(keys, body, headers) of the next thing to send."""
        raise NotImplementedError

    def run(self) -> None:
        while not self.over.is_set():
            keys, body, headers = self.make()
            self.number += 1
            if self.send(json.dumps(body).encode(), headers):
                self.acknowledged += keys
            time.sleep(0.02)

    def send(self, body: bytes, headers: dict[str, str]) -> bool:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            host, port = self.address.hostname or "", self.address.port
            connection = http.client.HTTPConnection(host, port, timeout=15)
            try:
                connection.request("POST", self.path, body, headers)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status == 200:
                    return True
                assert answer.status >= 500, (answer.status, said)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            if not self.again:
                return False
            time.sleep(0.1)
        return False

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.parts.key}", "Content-Type": "application/json"}


class Turns(Client):
    path = "/api/v1/turns"

    def make(self) -> tuple[list[str], Any, dict[str, str]]:
        keys = [f"turn-{self.number}-{place}" for place in range(5)]
        records = [
            {
                "id": key,
                "conversation": f"talk-{self.number}",
                "at": NOW.isoformat(),
                "model": "m",
                "request": {"messages": [{"role": "user", "content": key}]},
                "response": {"message": {"role": "assistant", "content": "Yes"}},
            }
            for key in keys
        ]
        return keys, records, self.bearer


class Spans(Client):
    path = "/v1/traces"

    def make(self) -> tuple[list[str], Any, dict[str, str]]:
        trace, begin = f"{self.number + 1:032x}", int(NOW.timestamp() * 1e9)
        texts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.input.messages": '[{"role": "user", "parts": []}]',
            "gen_ai.output.messages": '[{"role": "assistant", "parts": []}]',
        }
        attributes = [{"key": name, "value": {"stringValue": text}} for name, text in texts.items()]
        ids = [f"{place + 1:016x}" for place in range(5)]
        times = {"startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + 10)}
        spans = [
            {"traceId": trace, "spanId": one, "name": "chat", "attributes": attributes, **times}
            for one in ids
        ]
        body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
        return [f"{trace}-{one}" for one in ids], body, self.bearer


class Proxied(Client):
    """A call cannot be sent again: it would be another one."""

    path = "/proxy/up/v1/chat/completions"
    again = False

    def make(self) -> tuple[list[str], Any, dict[str, str]]:
        key = f"call-{self.number}"
        body = {"model": "bench-t0-g1-n4", "stream": True, "messages": []}
        marks = {"X-Misfire-Key": self.parts.key, "X-Misfire-Conversation": key}
        return [key], body, {"Content-Type": "application/json", **marks}


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    running = Parts()
    yield running
    running.servers.stop()


@pytest.fixture(scope="module")
def clients(parts: Parts) -> Iterator[list[Client]]:
    sending: list[Client] = [Turns(parts), Spans(parts), Proxied(parts)]
    for client in sending:
        client.start()
    yield sending
    for client in sending:
        client.over.set()


def go_on(clients: list[Client], count: int = 5) -> None:
    """Wait until every client had so many more answers."""
    before = [len(client.acknowledged) for client in clients]
    until = time.monotonic() + PATIENCE
    while any(
        len(client.acknowledged) < had + count for client, had in zip(clients, before, strict=True)
    ):
        assert all(client.is_alive() for client in clients), "a client was refused"
        assert time.monotonic() < until, "a client got no answer any longer"
        time.sleep(0.05)


def find_missing(parts: Parts, clients: list[Client]) -> list[str]:
    """What was acknowledged and is not there; nothing may be there twice."""
    acknowledged = [key for client in clients for key in list(client.acknowledged)]
    found = Counter(key for (key,) in parts.ask("SELECT key FROM conversations_turn"))
    talks = parts.ask(
        "SELECT c.key FROM conversations_turn t JOIN conversations_conversation c"
        " ON c.id = t.conversation_id WHERE t.source = 'proxy'"
    )
    found.update(key for (key,) in talks)
    assert max(found.values()) == 1, "a turn is stored twice"
    return [key for key in acknowledged if key not in found]


@pytest.mark.parametrize("name", ["postgres", "worker", "valkey", "web"])
def test_after_a_part_was_killed_the_load_goes_on_and_nothing_is_lost(
    parts: Parts, clients: list[Client], name: str
) -> None:
    go_on(clients)
    parts.kill(name)
    time.sleep(1)
    parts.start(name)
    go_on(clients)
    at_once = [client for client in clients if not isinstance(client, Proxied)]
    assert not find_missing(parts, at_once)


def test_at_the_end_every_answered_call_is_stored_and_the_accounting_adds_up(
    parts: Parts, clients: list[Client]
) -> None:
    for client in clients:
        client.over.set()
    for client in clients:
        client.join(PATIENCE)
    until = time.monotonic() + PATIENCE
    while missing := find_missing(parts, clients):
        assert time.monotonic() < until, f"{len(missing)} were lost, such as {missing[:3]}"
        time.sleep(0.5)
    [(sent, stored, summed)] = parts.ask(
        "SELECT sum(sent), sum(stored), sum(stored + duplicate + rejected + quarantined)"
        " FROM conversations_ingesttally"
    )
    [(turns,)] = parts.ask("SELECT count(*) FROM conversations_turn")
    assert sent == summed and stored == turns
    with redis.Redis.from_url(parts.valkey) as server:
        assert server.ping()
