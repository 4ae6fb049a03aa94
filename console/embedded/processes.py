"""The server's own processes: web, workers and beat, as `up` starts them and a Procfile may."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from console.embedded.child import ChildSpec, http_status

BASE_DIR = Path(__file__).resolve().parents[2]
ALERT_THREADS = 8
"""Looks and deliveries at a time: so many receivers may hang before a look has to wait."""
UNBUFFERED = {"PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "console.settings"}


def web(host: str, port: int, *, probe_url: str, probe_host: str) -> ChildSpec:
    """Daphne: pages and sockets. `probe_host` must be one of the allowed hosts."""
    return _web("web", ["-b", host, "-p", str(port)], (), probe_url, probe_host)


def webs(count: int, listener: int, *, probe_url: str, probe_host: str) -> list[ChildSpec]:
    """Several Daphnes that take connections from one listening socket, a file descriptor."""
    names = ["web", *(f"web-{number}" for number in range(2, count + 1))]
    place = ["--fd", str(listener)]
    return [_web(name, place, (listener,), probe_url, probe_host) for name in names]


def _web(
    name: str, place: list[str], inherits: tuple[int, ...], probe_url: str, probe_host: str
) -> ChildSpec:
    return ChildSpec(
        name=name,
        title=name.capitalize(),
        command=[sys.executable, "-m", "console.web", "-v", "0", *place]
        + ["console.asgi:application"],
        ready=lambda: http_status(f"{probe_url}/healthz", probe_host)[0] > 0,
        environment=UNBUFFERED,
        cwd=BASE_DIR,
        inherits=inherits,
    )


def worker(processes: int, *, probe_url: str, probe_host: str) -> ChildSpec:
    """Celery's worker; ready when the web process has seen its heartbeat."""
    return _worker("worker", ["-c", str(processes)], probe_url, probe_host)


def alerts(*, probe_url: str, probe_host: str) -> ChildSpec:
    """A worker of threads that takes alerts alone, so that no long job holds them up."""
    place = ["-n", "alerts@%h", "-Q", "alerts", "-P", "threads", "-c", str(ALERT_THREADS)]
    return _worker("alerts", place, probe_url, probe_host)


def _worker(name: str, place: list[str], probe_url: str, probe_host: str) -> ChildSpec:
    return ChildSpec(
        name=name,
        title=name.capitalize(),
        command=[sys.executable, "-m", "celery", "-A", "console", "worker", "-l", "WARNING"]
        + [*place, "--without-gossip", "--without-mingle"],
        ready=lambda: _has_workers(http_status(f"{probe_url}/readyz", probe_host)[1]),
        environment=UNBUFFERED,
        cwd=BASE_DIR,
    )


def beat(var_dir: Path) -> ChildSpec:
    """Celery's clock; its place in the schedule is kept in the state folder."""
    schedule = var_dir / "beat" / "schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return ChildSpec(
        name="beat",
        title="Beat",
        command=[sys.executable, "-m", "celery", "-A", "console", "beat", "-l", "WARNING"]
        + ["-s", str(schedule), "--pidfile="],
        ready=lambda: any(schedule.parent.iterdir()),
        environment=UNBUFFERED,
        cwd=BASE_DIR,
    )


def _has_workers(body: bytes) -> bool:
    try:
        components = json.loads(body)["components"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(components["workers"]["ok"])
